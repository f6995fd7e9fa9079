"""Lets a pod's canary follow those of its partners: then what they post arrives here."""

from __future__ import annotations

from typing import Any

from provision.contract import CANARY_USER
from provision.operations.accounts import runner
from provision.operations.operation import Operation, need_record


def introduce(pod: str, request: dict[str, Any]) -> dict[str, Any]:
    """{handle: "followed" or why not} of each partner; {"partners": [domain]} asks for others
    than those that were staged."""
    operation = Operation(pod, "introduce", {})
    record = need_record(operation)
    staged = [partner["domain"] for partner in record["manifest"]["pod"]["partners"]]
    handles = [f"{CANARY_USER}@{domain}" for domain in request.get("partners", staged)]
    return runner(operation, "introduce.rb", {"canary": CANARY_USER, "partners": handles})
