"""The controller's side of operations: hand over the stage, begin, follow, fetch what came of it.

The operation lives on the host: the controller may die or be cut off at any time after `start`,
and `follow` finds it again.
"""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from provision.contract import RUNTIMES, PodPlaces
from provision.errors import Exit, NotSafe, PodfleetError, Refusal
from provision.fleet.model import Fleet, Pod
from provision.hosts.connection import Connection
from provision.hosts.ssh_errors import Unreachable
from provision.operations.layout import PodLayout
from provision.report import Report
from provision.staging import StagedPod

ENTRY = RUNTIMES / "current" / "bin" / "podfleet-host"
FORMAT = 1
# How a Connection tells that a program on the host failed.
_ENDED = re.compile(r"`[^`]+` ended with (?P<code>\d+): (?P<words>.*)", re.DOTALL)
Line = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A finished operation: its id, and the evidence of each step that was done."""

    operation: str
    evidence: Mapping[str, Any]


def run_operation(
    connection: Connection,
    fleet: Fleet,
    pod: Pod,
    operation: str,
    staged: StagedPod | None,
    parameters: Mapping[str, Any],
    report: Report,
) -> Outcome:
    """Starts an operation and follows it to its end; raises what its verdict says."""
    started = start(connection, fleet, pod, operation, staged, parameters)
    return follow(connection, pod.name, started, report)


def start(
    connection: Connection,
    fleet: Fleet,
    pod: Pod,
    operation: str,
    staged: StagedPod | None,
    parameters: Mapping[str, Any],
) -> str:
    """Begins an operation on the pod's host; its id. Refused while another one is unfinished."""
    if staged is not None:
        connection.send_tree(staged.root, PodPlaces(pod.name).desired)
    request = {
        "format": FORMAT,
        "operation": operation,
        "operator": f"{getpass.getuser()}@{socket.gethostname()}",
        "fleet": fleet.name,
        "parameters": dict(parameters),
    }
    done = connection.run(
        [str(ENTRY), "start", pod.name], stdin=json.dumps(request).encode(), check=False
    )
    if done.returncode != 0:
        raise _said(pod.name, done.returncode, done.stderr)
    return str(json.loads(done.stdout)["id"])


def follow(connection: Connection, pod: str, operation: str | None, report: Report) -> Outcome:
    """Reports the operation's steps until its verdict; raises where that is not `done`."""
    try:
        return _followed(connection, pod, operation, report)
    except PodfleetError as error:
        error.operation = error.operation or operation
        raise


def _followed(connection: Connection, pod: str, operation: str | None, report: Report) -> Outcome:
    evidence: dict[str, Any] = {}
    verdict: Line | None = None
    found = operation or ""
    for line in journal(connection, pod, operation):
        found = str(line["operation"])
        _tell(report, pod, line)
        if line["event"] == "done":
            evidence[str(line["step"])] = line.get("evidence") or {}
        verdict = line if line["event"] == "verdict" else verdict
    if verdict is None:
        raise Refusal(
            f"pod {pod}",
            "the host stopped telling about its operation, which goes on there",
            f"Run `podfleet follow --pod {pod}`.",
        )
    _judge(pod, found, verdict)
    return Outcome(found, evidence)


def journal(connection: Connection, pod: str, operation: str | None) -> Iterator[Line]:
    """The journal's lines, old ones first, then as they come."""
    argv = [str(ENTRY), "follow", pod, *([operation] if operation else [])]
    verdict = False
    try:
        for text in connection.stream(argv):
            line: Line = json.loads(text)
            verdict = verdict or line["event"] == "verdict"
            yield line
    except Unreachable as lost:
        raise Refusal(
            lost.where,
            f"{lost.what}. The operation goes on there",
            f"{lost.do} `podfleet follow --pod {pod}` shows how it ends.",
        ) from lost
    except Refusal as error:
        # `follow` ends with the verdict's own code: after a verdict that is no failure of it.
        if verdict:
            return
        if said := _ENDED.match(error.what):
            raise _said(pod, int(said["code"]), said["words"].encode()) from error
        raise


def ask_host(
    connection: Connection, pod: str, verb: str, request: Mapping[str, Any] | None = None
) -> str:
    """What a verb of podfleet-host answers; it begins nothing."""
    stdin = json.dumps(dict(request)).encode() if request is not None else b""
    done = connection.run([str(ENTRY), verb, pod], stdin=stdin, check=False)
    if done.returncode != 0:
        raise _said(pod, done.returncode, done.stderr)
    return done.stdout.decode()


def introduce(connection: Connection, pod: str, partners: Sequence[str]) -> dict[str, str]:
    """Lets the pod's canary follow those of the partners (domains): "followed", or why not."""
    request = json.dumps({"partners": list(partners)}).encode()
    done = connection.run([str(ENTRY), "introduce", pod], stdin=request, check=False)
    if done.returncode != 0:
        raise _said(pod, done.returncode, done.stderr)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def gate(connection: Connection, pod: str) -> None:
    """Raises what the pod's host sees wrong with it, where it is launched."""
    done = connection.run([str(ENTRY), "gate", pod], check=False)
    if done.returncode != 0:
        raise _said(pod, done.returncode, done.stderr)


def fetch_canary_token(connection: Connection, pod: str) -> str:
    """What the pod's canary posts with, as JSON, from the host's state directory."""
    return _read(connection, PodLayout(PodPlaces(pod)).canary_tokens)


def _read(connection: Connection, path: PurePosixPath) -> str:
    return connection.run(["cat", "--", str(path)]).stdout.decode()


def _tell(report: Report, pod: str, line: Line) -> None:
    step, event = line.get("step"), line["event"]
    seconds = f" in {line['seconds']:.1f} s" if "seconds" in line else ""
    if event == "done":
        report.line(f"pod {pod}: {step}: done{seconds}")
    elif event == "failed":
        report.warn(f"pod {pod}: {step}: failed{seconds}: {line['text']}")
    elif event == "undone":
        report.line(f"pod {pod}: {step}: undone")
    elif event == "note":
        report.line(f"pod {pod}: {line['text']}")


def _judge(pod: str, operation: str, verdict: Line) -> None:
    if verdict["exit"] == Exit.DONE:
        return
    kind = NotSafe if verdict["exit"] == Exit.NOT_SAFE else Refusal
    error = kind(f"pod {pod}: {operation}", str(verdict["text"]), "")
    error.operation = operation
    raise error


def _said(pod: str, code: int, stderr: bytes) -> Refusal | NotSafe:
    words = stderr.decode(errors="replace").strip()
    where, _, rest = words.partition(": ")
    if not rest or code not in (Exit.REFUSED, Exit.NOT_SAFE):
        return Refusal(
            f"pod {pod}",
            f"podfleet on the host ended with {code}: {words[-2000:]}",
            "Run `podfleet up`: it brings podfleet's runtime on the host up to date.",
        )
    what, _, do = rest.partition(". ")
    return (NotSafe if code == Exit.NOT_SAFE else Refusal)(where, what, do)
