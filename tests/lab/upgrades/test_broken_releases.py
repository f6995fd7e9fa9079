"""Upgrades to releases that are broken, each in one way: who serves, what stays, what is said.

Two pods share a guest, so that one can tell whether the other still federates. The pod is on its
first release after each test, as before it.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from provision.errors import Exit
from provision.places import CHECKOUT
from tests.lab.operations.pod_lab import until
from tests.lab.upgrades.conftest import MakeUpgradeLab
from tests.lab.upgrades.job import job_runs
from tests.lab.upgrades.upgrade_lab import FIRST, HOST, UpgradeLab
from tests.lab.upgrades.user import User
from tests.lab.upgrades.what_stays import differences, taken

POD, PARTNER = "alpha", "beta"
SLOW, ADDED = "1.1.0.4", "posts.words_count"


@dataclass(frozen=True)
class Broken:
    """A release, the steps that may show what is wrong with it, and words of the refusal."""

    version: str
    fails_at: tuple[str, ...]
    words: str
    gate_seconds: int = 0

    @property
    def is_seen_beforehand(self) -> bool:
        return not {"switch", "background", "gates"} & set(self.fails_at)


BROKEN = [
    Broken("1.1.0.1", ("candidate",), "this release does not boot"),
    Broken("1.1.0.2", ("candidate",), "500"),
    Broken("1.1.0.3", ("rehearse",), "text_that_nobody_has"),
    Broken("1.1.0.5", ("gates",), f"{PARTNER} -> {POD}: lost", gate_seconds=2),
    # How soon it is dead depends on how busy the machine is.
    Broken("1.1.0.6", ("candidate", "switch", "background", "gates"), "", gate_seconds=40),
    Broken("1.1.0.7", ("candidate",), "starts no background work"),
]


@pytest.fixture(scope="module")
def lab(make_upgrade_lab: MakeUpgradeLab) -> UpgradeLab:
    return make_upgrade_lab("broken", POD, PARTNER)


@contextmanager
def asked_meanwhile(lab: UpgradeLab) -> Iterator[list[int]]:
    """Somebody who looks at a page of the pod all the while: what else than 200 they saw."""
    others: list[int] = []
    is_over = threading.Event()
    user = User(lab, POD)

    def look() -> None:
        while not is_over.wait(0.2):
            if (status := user.get("/public").status) != 200:
                others.append(status)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield others
    finally:
        is_over.set()
        looking.join()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.version)
def test_the_old_release_serves_with_all_it_had(lab: UpgradeLab, broken: Broken) -> None:
    before = taken(lab, POD)
    with asked_meanwhile(lab) as others:
        error = lab.fails(POD, "upgrade", to=broken.version, gate_seconds=broken.gate_seconds)
    assert error.exit_code == Exit.REFUSED
    assert broken.words in str(error)
    if broken.is_seen_beforehand:
        assert others == []
    serves_as_before(lab)
    assert differences(lab, POD, before) == set()
    is_remembered(lab, broken)
    nothing_is_tried_again(lab)


def serves_as_before(lab: UpgradeLab) -> None:
    until(lambda: lab.get(POD) == 200, 30, "the pod does not serve")
    until(lambda: lab.facts(POD).state == "serving", 60, "something beside the pod is red")
    assert User(lab, POD).version() == FIRST
    assert lab.facts(POD).drift == ()
    assert lab.record(POD)["database"] == f"pod_{POD}_1"
    databases = lab.sql(HOST, "template1", "SELECT datname FROM pg_database ORDER BY 1").split()
    assert [name for name in databases if POD in name] == [f"pod_{POD}_1"]
    job_runs(lab, POD)
    User(lab, POD).write(posts=1, photos=1)


def is_remembered(lab: UpgradeLab, broken: Broken) -> None:
    """Which step showed it, and what the release's own processes said."""
    told = {name.rpartition("-")[0]: why for name, why in lab.refused(POD).items()}
    assert told[broken.version].partition(":")[0] in broken.fails_at
    assert any(name.startswith("evidence/") for name in lab.evidence(POD))


def nothing_is_tried_again(lab: UpgradeLab) -> None:
    """The fleet file still names the release: the plan says what was wrong with it, and no more."""
    argv = [str(CHECKOUT / "podfleet"), "plan", "--fleet", str(lab.directory), "--pod", POD]
    done = subprocess.run([*argv, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (pod,) = json.loads(done.stdout)["pods"]
    assert pod["action"] == "nothing"
    assert "was refused on" in " ".join(pod["notes"])


@pytest.mark.timeout(900)
def test_a_migration_of_a_minute_keeps_nobody_waiting(lab: UpgradeLab) -> None:
    """The catalogue knows that the old code can live with it: it runs while that serves."""
    before = taken(lab, POD)
    with asked_meanwhile(lab) as others:
        outcome = lab.upgrade(POD, SLOW)
    assert others == []
    (migration,) = outcome.evidence["expand"]["migrations"]
    assert migration["seconds"] >= 60
    assert outcome.evidence["expand"]["columns"] == [ADDED]
    assert User(lab, POD).version() == SLOW
    lab.rollback(POD)
    assert differences(lab, POD, before) == {f"+{ADDED}"}
    serves_as_before(lab)
