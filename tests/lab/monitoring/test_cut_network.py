"""A host's network is cut: the page turns red and says why, an alert arrives, healing ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.monitoring.outage import Clock, is_well, page_until, told_since
from tests.lab.monitoring.shown import Dashboard, Shown, observed
from tests.lab.monitoring.watching import Watching

SOON = 120
USABLE = 0


@dataclass
class Cut:
    """What was seen of the cut, and when."""

    watching: Watching
    dashboard: Dashboard
    clock: Clock
    # How many alerts had arrived before.
    seen: int
    red: Shown
    whom: str = ""


@pytest.fixture(scope="module")
def cut(watching: Watching) -> Iterator[Cut]:
    """Host two, with gamma; healed at the end whatever happens."""
    with observed(watching.fleet) as dashboard:
        page_until(Clock(), dashboard, "all was well before", is_well, 240)
        seen = len(watching.receiver.alerts)
        watching.fleet.podfleet("lab cut", "two")
        clock = Clock()
        try:
            red, _ = page_until(
                clock, dashboard, "red on the page", lambda page: page.says("gamma cannot be used"),
                2 * SOON,
            )  # fmt: skip
            yield Cut(watching, dashboard, clock, seen, red)
        finally:
            watching.fleet.podfleet("lab heal", "two")


def test_the_page_is_red_with_the_reason_in_words(cut: Cut) -> None:
    assert cut.clock.seconds["red on the page"] <= SOON
    sentence = cut.red.says("gamma cannot be used from outside")
    assert sentence.rpartition(": ")[2].startswith(
        ("nothing answered to the connection in time", "there is no way to that address")
    )
    usable = cut.red.row("gamma")[USABLE]
    assert (usable.text, usable.tone) == ("no", "bad")


def test_the_alert_arrives(cut: Cut) -> None:
    alert = cut.clock.until(
        "the alert at its receiver",
        lambda: told_since(cut.watching, cut.seen, "PodDown", "firing", pod="gamma"),
        2 * SOON,
    )
    assert cut.clock.seconds["the alert at its receiver"] <= SOON
    assert alert["labels"]["severity"] == "page"
    reasons = ("connect timed out", "unreachable")
    assert any(reason in alert["annotations"]["description"] for reason in reasons)


def test_the_page_says_who_does_not_reach_whom(cut: Cut) -> None:
    _, sentence = page_until(
        cut.clock, cut.dashboard, "whom it concerns on the page",
        lambda page: page.says("gamma cannot be used", "alpha and beta do not reach it"), 2 * SOON,
    )  # fmt: skip
    print(f"\n  {sentence}")
    assert cut.clock.seconds["whom it concerns on the page"] <= SOON


def test_the_others_are_not_blamed(cut: Cut) -> None:
    shown = cut.dashboard.get()
    for pod in ("alpha", "beta"):
        assert shown.row(pod)[USABLE].text == "yes"
        assert shown.says(f"{pod} cannot be used") == ""


def test_healing_clears_page_and_alert(cut: Cut) -> None:
    cut.watching.fleet.podfleet("lab heal", "two")
    healed = Clock()
    page_until(
        healed, cut.dashboard, "usable again on the page",
        lambda page: page.row("gamma")[USABLE].text == "yes", SOON,
    )  # fmt: skip
    healed.until(
        "the alert's end at its receiver",
        lambda: told_since(cut.watching, cut.seen, "PodDown", "resolved", pod="gamma"),
        240,
    )
    page_until(healed, cut.dashboard, "all well on the page", is_well, 300)
