"""Below an error stands which fleet its commands are about, where that has to be said."""

from __future__ import annotations

import pytest

from provision.cli.asked import Asked
from provision.cli.next_commands import words_below, words_for
from provision.cli.output import Output
from provision.errors import Refusal, Refusals

WORDS = "In such a command name the fleet, too: --fleet {}"


def below(do: str, fleet: str | None = "my-fleet") -> list[str]:
    asked = Asked(Output(), fleet_name=fleet)
    return list(words_below([Refusals([Refusal("pod main", "is red", do)])], asked))


@pytest.mark.parametrize(
    "do",
    [
        "Run `podfleet up` first.",
        "Run podfleet launch --pod main.",
        "See `podfleet logs main`.",
        "Run `podfleet secrets set main mail.smtp.password`.",
    ],
)
def test_a_command_without_its_fleet_is_completed(do: str) -> None:
    assert below(do) == [WORDS.format("my-fleet")]
    assert below(do, "my fleets/one") == [WORDS.format("'my fleets/one'")]


@pytest.mark.parametrize(
    "do",
    [
        "Run podfleet up my-fleet again.",
        "Run podfleet up /srv/my-fleet again: nothing is lost.",
        "Run podfleet secrets set fleet alert_mail_password --fleet /srv/my-fleet.",
        "Make one with `podfleet init`.",
        "Use the podfleet that wrote it.",
        "Write it as 0.9.1.0.",
    ],
)
def test_nothing_is_said_where_nothing_is_missing(do: str) -> None:
    assert below(do) == []


def test_a_note_of_the_plan_is_completed_too() -> None:
    asked = Asked(Output(), fleet_name="my-fleet")
    note = "  it runs 1.0.0.0, 1.1.0.0 is the pod's release; run podfleet upgrade --pod main"
    assert list(words_for([note], asked)) == [WORDS.format("my-fleet")]
    assert list(words_for(["pod main: nothing"], asked)) == []


def test_the_lab_needs_no_name() -> None:
    assert below("Run `podfleet up` first.", None) == []
