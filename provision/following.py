"""Finding operations again: whoever started one may be gone, it goes on at its host."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from provision.errors import Exit, NotSafe, PodfleetError, Refusal, Refusals
from provision.fleet.model import Fleet, Pod
from provision.looking import Seen, look, select
from provision.operations import dispatch
from provision.report import Report, Silent


@dataclass(frozen=True)
class Followed:
    """How a pod's newest operation ended; `operation` is None where there never was one."""

    pod: str
    operation: str | None
    exit: int
    text: str

    def line(self) -> str:
        which = f"{self.operation}: " if self.operation else ""
        return f"pod {self.pod}: {which}{self.text}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def follow_operations(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> list[Followed]:
    """Follows the newest operation of each selected pod to its verdict, all at once."""
    chosen = select(fleet, pods, hosts)
    seen = look(fleet, dict.fromkeys(pod.host for pod in chosen), report)
    with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as threads:
        tasks = [threads.submit(_follow, seen[pod.host], pod, report) for pod in chosen]
    errors = [error for task in tasks if (error := task.exception())]
    if refused := [error for error in errors if isinstance(error, PodfleetError)]:
        raise refused[0] if len(refused) == 1 else Refusals(refused)
    return [task.result() for task in tasks]


def _follow(seen: Seen, pod: Pod, report: Report) -> Followed:
    if seen.connection is None or seen.facts is None:
        raise seen.error or RuntimeError(f"host {pod.host} has neither facts nor an error")
    facts = seen.facts.pods.get(pod.name)
    if facts is None or facts.operation is None:
        return Followed(pod.name, None, Exit.DONE, "no operation was ever begun")
    operation = facts.operation
    with ExitStack() as steps:
        # What ended long ago is told in one line, not step by step.
        told: Report = Silent() if operation.finished else report
        steps.enter_context(told.step(f"follow {operation.operation}", f"pod {pod.name}"))
        try:
            dispatch.follow(seen.connection, pod.name, operation.id, told)
        except (Refusal, NotSafe) as verdict:
            return Followed(pod.name, operation.id, verdict.exit_code, verdict.what)
    return Followed(pod.name, operation.id, Exit.DONE, f"{operation.operation}: done")
