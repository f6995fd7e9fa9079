"""Evidence that takes seconds, gathered in threads from the start, so that the suite need not wait.

A test takes its own with `result()`; whatever went wrong is raised there.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from monitoring.canary import Flight, fly_all
from provision.verify import mail
from provision.verify.ports import answering_ports
from provision.verify.subjects import HostSubject, PodSubject, Subjects

_JOB_PROBE = Path(__file__).with_name("job_probe.py")
_THREADS = 16


class Ahead:
    """The slow looks of one run, all of them under way."""

    def __init__(self, subjects: Subjects) -> None:
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="verify")
        submit = self._pool.submit
        self.flights: Future[list[Flight]] = submit(
            fly_all, subjects.flyers, concerning={pod.name for pod in subjects.launched}
        )
        self.ports: dict[str, Future[dict[str, frozenset[int]]]] = {
            host.name: submit(_ports, host) for host in subjects.hosts
        }
        self.jobs: dict[str, Future[dict[str, Any]]] = {
            pod.name: submit(_job, pod) for pod in subjects.launched
        }
        self.mails: dict[str, Future[dict[str, Any]]] = {
            pod.name: submit(mail.send, pod) for pod in subjects.launched if mail.is_enabled(pod)
        }

    def __enter__(self) -> Ahead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _ports(host: HostSubject) -> dict[str, frozenset[int]]:
    return answering_ports(host.addresses, host.open_ports)


def _job(pod: PodSubject) -> dict[str, Any]:
    argv = ["python3", "-I", "-", str(pod.places.redis_socket)]
    done = pod.on.connection.run(argv, stdin=_JOB_PROBE.read_bytes(), timeout_seconds=90)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
