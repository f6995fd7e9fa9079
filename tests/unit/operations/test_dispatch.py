"""The controller's side: verdicts become errors, and whoever loses sight is told how to go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from provision.errors import Exit, NotSafe, PodfleetError, Refusal
from provision.hosts.connection import Connection
from provision.hosts.ssh_errors import Unreachable
from provision.operations import dispatch
from provision.report import Silent


class Host:
    """Stands for a host whose `podfleet-host follow` says these lines, then ends so."""

    name = "vps"

    def __init__(self, lines: Sequence[dict[str, Any]], end: Refusal | None = None) -> None:
        self._lines, self._end = lines, end

    def stream(self, argv: Sequence[str]) -> Iterator[str]:
        yield from (json.dumps({"operation": "op", **line}) for line in self._lines)
        if self._end:
            raise self._end


def follow(host: Host, operation: str | None = None) -> dispatch.Outcome:
    return dispatch.follow(cast(Connection, host), "main", operation, Silent())


def ended(code: int, words: str = "") -> Refusal:
    """As a Connection tells that a program failed."""
    return Refusal(
        "host vps", f"`/opt/podfleet/current/bin/podfleet-host` ended with {code}: {words}", ""
    )


DONE = {"event": "done", "step": "gates", "seconds": 1.0, "evidence": {"page": 200}}


def test_done_gives_the_evidence_of_each_step() -> None:
    outcome = follow(Host([DONE, {"event": "verdict", "exit": 0, "text": "done"}]))
    assert outcome == dispatch.Outcome("op", {"gates": {"page": 200}})


VERDICTS = [(1, Refusal, Exit.REFUSED), (4, NotSafe, Exit.NOT_SAFE)]


@pytest.mark.parametrize(("code", "kind", "exit_code"), VERDICTS)
def test_another_verdict_is_an_error_in_its_own_words(
    code: int, kind: type[PodfleetError], exit_code: Exit
) -> None:
    verdict = {"event": "verdict", "exit": code, "text": "web: does not boot. Mend it."}
    with pytest.raises(kind, match="web: does not boot") as error:
        follow(Host([verdict], ended(code)))
    assert error.value.exit_code == exit_code
    assert error.value.operation == "op"


def test_whoever_loses_sight_of_an_operation_knows_its_id() -> None:
    lost = Unreachable("host vps", "the connection was lost", "See that the host is up.")
    for host in (Host([DONE], lost), Host([DONE])):
        with pytest.raises(Refusal) as error:
            follow(host, "op")
        assert error.value.operation == "op"


def test_a_network_that_breaks_is_no_verdict() -> None:
    lost = Unreachable("host vps", "the connection was lost", "See that the host is up.")
    with pytest.raises(Refusal, match=r"operation goes on there.*podfleet follow --pod main"):
        follow(Host([DONE], lost))


def test_a_host_that_never_answered_is_told_as_it_is() -> None:
    with pytest.raises(Refusal, match="refused by vps"):
        follow(Host([], Refusal("host vps", "refused by vps", "Add the key.")))


def test_what_podfleet_on_the_host_says_is_said_here() -> None:
    words = "pod main: launch op has no verdict, and its unit does not run. See `journalctl`."
    with pytest.raises(NotSafe) as error:
        follow(Host([DONE], ended(4, words)))
    assert str(error.value) == words
