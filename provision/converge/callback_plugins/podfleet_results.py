"""Ansible's results as JSON lines on stdout: what provision/converge/results.py reads.

Ansible loads this file itself, in its own process; nothing of podfleet is imported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: podfleet_results
type: stdout
short_description: results as JSON lines
description: One JSON object a line for each task that starts and each result.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Says which task starts, and how each task or loop item ended on each host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "podfleet_results"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        _tell(event="task", **_named(task))

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        _tell(event="task", **_named(task))

    def v2_runner_on_ok(self, result: Any) -> None:
        _tell_result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        _tell_result("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        _tell_result("unreachable", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        _tell_result("item ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        _tell_result("item failed", result)


def _named(task: Any) -> dict[str, str]:
    role = task._role.get_name() if task._role else ""
    return {"role": role, "task": task.name or task.action, "action": task.action}


def _tell_result(event: str, result: Any) -> None:
    found = result.result
    said = {key: found[key] for key in ("msg", "rc", "stdout", "stderr") if found.get(key)}
    _tell(
        event=event,
        host=result.host.get_name(),
        changed=bool(found.get("changed")),
        item=found.get("_ansible_item_label"),
        said=said,
        **_named(result.task),
    )


def _tell(**line: Any) -> None:
    try:
        sys.stdout.write(json.dumps(line, default=str) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The controller is gone, and the host's lock with it: nothing may go on.
        os.killpg(0, signal.SIGKILL)
