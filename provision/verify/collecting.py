"""The pytest plugin that turns the suite into Checks: subjects go in, outcomes and evidence out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from provision.report import Report
from provision.verify.ahead import Ahead
from provision.verify.checks import Check, Outcome
from provision.verify.subjects import Subjects

Saw = Callable[[str], None]


class Collector:
    """Gives each test its host, pod or pair, and keeps what became of it."""

    def __init__(self, subjects: Subjects, ahead: Ahead, report: Report) -> None:
        self._subjects, self._ahead, self._report = subjects, ahead, report
        self.checks: list[Check] = []
        self.is_interrupted = False
        self._seen: list[str] = []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """`host`: every host; `pod`: every launched pod; `any_pod`: every one of the fleet file."""
        pools: dict[str, tuple[Any, ...]] = {
            "host": self._subjects.hosts,
            "pod": self._subjects.launched,
            "any_pod": self._subjects.pods,
        }
        for name, pool in pools.items():
            if name in metafunc.fixturenames:
                given = pool or (None,)
                metafunc.parametrize(name, given, ids=[getattr(each, "name", "") for each in given])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Where there is no pod, its tests are left out; `launched` says why."""
        items[:] = [item for item in items if None not in _subjects_of(item)]

    @pytest.fixture
    def saw(self) -> Saw:
        """Tells what was seen, for whoever reads the result."""
        return self._seen.append

    @pytest.fixture
    def subjects(self) -> Subjects:
        return self._subjects

    @pytest.fixture
    def ahead(self) -> Ahead:
        return self._ahead

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """pytest keeps an interrupt to itself; whoever runs the suite has to know of it."""
        # Its own kind of interrupt, a subclass, means that the suite could not be collected.
        self.is_interrupted = excinfo.type is KeyboardInterrupt

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._seen.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" or not report.passed:
            self._keep(item, call, report)
        return report

    def _keep(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        outcome: Outcome = report.outcome
        told = [] if call.excinfo is None else [_first_line(call.excinfo.value)]
        pod, host = _where(item)
        name = item.originalname if isinstance(item, pytest.Function) else item.name
        check = name.removeprefix("test_").replace("_", " ")
        evidence = "; ".join([*told, *self._seen]) or "as it should be"
        self.checks.append(Check(check, pod, host, outcome, evidence))
        if outcome == "failed":
            self._report.warn(f"{check}: {pod or host}: {evidence}")


def _subjects_of(item: pytest.Item) -> list[Any]:
    """The hosts and pods that a test was given."""
    given: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return list(given.values())


def _where(item: pytest.Item) -> tuple[str | None, str | None]:
    """Names of the pod and the host that the test looked at."""
    for subject in _subjects_of(item):
        pod = getattr(subject, "pod", None)
        return (None, subject.name) if pod is None else (subject.name, pod.host)
    return None, None


def _first_line(error: BaseException) -> str:
    text = str(getattr(error, "msg", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
