"""One launch that is cut at each step in turn, and ends verified: by a true power cut, by kill -9.

The list of steps comes from the journal of a launch that nobody disturbed; a step that was not
cut fails the test. `-s` shows the report: step, seconds to boot, what came of it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from provision.contract import PodPlaces
from tests.lab.operations.conftest import MakePodLab
from tests.lab.operations.pod_lab import PodLab, until
from tests.lab.operations.striking import (
    Strike,
    await_frozen_or_verdict,
    cut_power,
    kill_minus_nine,
    watch,
    watch_no_more,
)

POD, HOST = "alpha", "one"


@dataclass(frozen=True)
class Cut:
    step: str
    back_after_seconds: float
    result: str

    def __str__(self) -> str:
        return f"{self.step:<14} back after {self.back_after_seconds:4.1f} s: {self.result}"


@pytest.fixture(scope="module")
def lab(make_pod_lab: MakePodLab) -> PodLab:
    return make_pod_lab("cuts", {POD: HOST}, HOST)


@pytest.fixture(scope="module")
def steps(lab: PodLab) -> list[str]:
    """The steps of a launch, from the journal of one that nobody disturbed."""
    outcome = lab.run(POD, "launch")
    journal = lab.journal(POD, outcome.operation)
    lab.run(POD, "retire", domain=lab.domain(POD))
    return [line["step"] for line in journal if line["event"] == "done"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("strike", [cut_power, kill_minus_nine])
def test_cut_at_each_step_it_ends_verified(lab: PodLab, steps: list[str], strike: Strike) -> None:
    watch(lab, POD, "launch")
    operation = lab.start(POD, "launch")
    cuts: list[Cut] = []
    while (step := await_frozen_or_verdict(lab, POD, operation)) is not None:
        began = time.monotonic()
        strike(lab, POD)
        cuts.append(Cut(step, time.monotonic() - began, "went on"))
        assert len(cuts) <= 2 * len(steps), f"it does not get on: {cuts}"
    print(f"\n{strike.__name__}:", *cuts, sep="\n  ")
    assert {cut.step for cut in cuts} == set(steps), "a step was not cut"
    watch_no_more(lab, POD)
    verify(lab, operation, steps)
    lab.run(POD, "retire", domain=lab.domain(POD))


def verify(lab: PodLab, operation: str, steps: list[str]) -> None:
    """Done once each, in their order; it serves, nothing drifted, and no lock is left."""
    done = [line["step"] for line in lab.journal(POD, operation) if line["event"] == "done"]
    assert done == steps
    until(lambda: lab.get(POD) == 200, 30, "the pod does not serve")
    # After the last cut, sidekiq boots beside the operation that goes on.
    until(lambda: lab.facts(POD).state == "serving", 60, "something beside the pod is red")
    assert lab.facts(POD).drift == ()
    locks = lab.shell(HOST, "cat /proc/locks")
    inode = lab.shell(HOST, f"stat -c %i {PodPlaces(POD).state}/operation.lock").strip()
    assert f":{inode} " not in locks
    # The accounts are there once: what was begun twice was made once.
    sql = "SELECT count(*), count(DISTINCT username) FROM users"
    argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", "pod_alpha_1", "-c", sql]
    assert lab.on(HOST, "env", "-C", "/", *argv).strip() == "2|2"
