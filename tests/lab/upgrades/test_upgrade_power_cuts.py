"""Upgrades and a rollback that are cut at each step in turn, and end well all the same.

One pod goes plain, expand, breaking and back again; each time every step that its journal has was
frozen as it began, and struck: by a true power cut and by kill -9 in turn. `-s` shows the report.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import groupby

import pytest

from tests.lab.operations.pod_lab import until
from tests.lab.operations.striking import (
    Strike,
    await_frozen_or_verdict,
    cut_power,
    kill_minus_nine,
    watch,
    watch_no_more,
)
from tests.lab.upgrades.conftest import MakeUpgradeLab
from tests.lab.upgrades.job import job_runs
from tests.lab.upgrades.sql import sql
from tests.lab.upgrades.upgrade_lab import BREAKING, EXPAND, HOST, PLAIN, UpgradeLab
from tests.lab.upgrades.user import User
from tests.lab.upgrades.what_stays import Stays, differences, taken

POD = "alpha"
SERVES_AGAIN_SECONDS = 60
BREAKING_MIGRATION = "20260301000000"
# release, database and whether that has seen the breaking migration, of each web that runs.
RUNNING = r"""
for unit in $(systemctl list-units --plain --no-legend --state=active "pod-$1-web@*.service" \
    | cut -d' ' -f1); do
  id=${unit#*@}; id=${id%.service}
  database=$(sed -n 's/^ *database: *"\{0,1\}\([a-z0-9_]*\)"\{0,1\}$/\1/p' \
    "/srv/pods/$1/releases/$id/config/database.yml" | head -1)
  seen=$(cd /; runuser -u postgres -- psql -XAtq -d template1 -c \
    "SELECT 1 FROM pg_database WHERE datname = '$database' AND datallowconn" | head -1)
  [ -z "$seen" ] || seen=$(cd /; runuser -u postgres -- psql -XAtq -d "$database" -c \
    "SELECT count(*) FROM schema_migrations WHERE version = '$2'")
  echo "$id $database ${seen:--}"
done
"""


@dataclass(frozen=True)
class Change:
    """One way from a release to another, and what may differ in the rows afterwards."""

    name: str
    verb: str
    to: str
    allowed: frozenset[str] = frozenset()
    # The first strike of each; the next step gets the other one.
    is_power_first: bool = True
    # While one of these waits frozen, nobody is answered: the pod was closed before it.
    closed: tuple[str, ...] = ()


CHANGES = [
    Change("plain", "upgrade", PLAIN),
    Change("expand", "upgrade", EXPAND, frozenset({"+posts.content_warning"}), False),
    Change(
        "breaking",
        "upgrade",
        BREAKING,
        frozenset({"-posts.provider_display_name"}),
        True,
        ("move", "switch"),
    ),
    Change("rollback", "rollback", EXPAND, is_power_first=False),
]


@dataclass(frozen=True)
class Cut:
    step: str
    by: str
    serves_after: float | None

    def __str__(self) -> str:
        after = "closed there" if self.serves_after is None else f"{self.serves_after:4.1f} s"
        return f"{self.step:<16} {self.by:<16} serves after {after}"


@pytest.fixture(scope="module")
def lab(make_upgrade_lab: MakeUpgradeLab) -> UpgradeLab:
    return make_upgrade_lab("changes", POD)


@pytest.fixture(scope="module")
def known() -> dict[str, Stays]:
    """What was seen of the database that a breaking upgrade left, for the rollback to it."""
    return {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_cut_at_each_step_it_ends_well(
    lab: UpgradeLab, change: Change, known: dict[str, Stays]
) -> None:
    database = str(lab.record(POD)["database"])
    # A rollback with its database brings back what was there before the upgrade.
    before = known.pop("left", None) or taken(lab, POD)
    watch(lab, POD, change.verb)
    words = {"to": change.to} if change.verb == "upgrade" else {}
    operation = lab.start(POD, change.verb, **words)
    cuts = cut_at_each(lab, operation, change)
    print(f"\n{change.name}:", *cuts, sep="\n  ")
    assert max(cut.serves_after or 0 for cut in cuts) <= SERVES_AGAIN_SECONDS
    done = [line["step"] for line in lab.journal(POD, operation) if line["event"] == "done"]
    # A step is seen to start a moment before that is on the disk: where the power goes in between,
    # its first start never was, and it is cut again.
    assert [step for step, _ in groupby(cut.step for cut in cuts)] == done, "a step was not cut"
    watch_no_more(lab, POD)
    verify(lab, change, before)
    if change.name == "breaking":
        known["left"] = before
        is_untouched(lab, database)


def strikes(change: Change) -> list[Strike]:
    both: list[Strike] = [cut_power, kill_minus_nine]
    return both if change.is_power_first else both[::-1]


def cut_at_each(lab: UpgradeLab, operation: str, change: Change) -> list[Cut]:
    cuts: list[Cut] = []
    turns = strikes(change)
    while (step := await_frozen_or_verdict(lab, POD, operation)) is not None:
        is_fitting(lab)
        strike = turns[len(cuts) % 2]
        strike(lab, POD)
        began = time.monotonic()
        following = await_frozen_or_verdict(lab, POD, operation)
        after = None if following in change.closed else serves_after(lab, began)
        cuts.append(Cut(step, strike.__name__, after))
        assert len(cuts) < 40, f"it does not get on: {cuts}"
    return cuts


def serves_after(lab: UpgradeLab, began: float) -> float:
    """Seconds until it answers, while the operation waits at its next step or is done."""
    until(lambda: lab.get(POD) == 200, 3 * SERVES_AGAIN_SECONDS, "it does not serve again")
    return time.monotonic() - began


def is_fitting(lab: UpgradeLab) -> None:
    """No web runs on a database that its code cannot live with, whoever is answered by it."""
    said = lab.on(HOST, "sh", "-euc", RUNNING, "running", POD, BREAKING_MIGRATION)
    for line in said.splitlines():
        release, database, seen = line.split()
        if seen != "-":
            needs = "1" if release.startswith(BREAKING) else "0"
            assert seen == needs, f"{release} runs on {database}, migrated: {seen}"


def verify(lab: UpgradeLab, change: Change, before: Stays) -> None:
    """It serves the release that was wanted, nothing drifted, and nothing was lost."""
    until(lambda: lab.get(POD) == 200, 30, "the pod does not serve")
    until(lambda: lab.facts(POD).state == "serving", 60, "something beside the pod is red")
    assert User(lab, POD).version() == change.to
    assert lab.facts(POD).drift == ()
    assert differences(lab, POD, before) == change.allowed
    job_runs(lab, POD)
    is_fitting(lab)
    User(lab, POD).write(posts=1, photos=1)


def is_untouched(lab: UpgradeLab, database: str) -> None:
    """The database of the release before never saw the migration, and waits, closed."""
    closed = f"SELECT datallowconn FROM pg_database WHERE datname = '{database}'"
    assert sql(lab, HOST, "template1", closed) == "f"
    sql(lab, HOST, "template1", f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    seen = f"SELECT count(*) FROM schema_migrations WHERE version = '{BREAKING_MIGRATION}'"
    assert sql(lab, HOST, database, seen) == "0"
    sql(lab, HOST, "template1", f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
