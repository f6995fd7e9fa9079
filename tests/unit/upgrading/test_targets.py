"""Which pods an upgrade is about, and what is refused before any of them is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.errors import PodfleetError, Refusal, Refusals, UsageError
from provision.fleet.model import Fleet
from provision.looking import Seen, select
from provision.targets import Target, Wish, check_targets, find_targets, warn_of_refused
from tests.unit.upgrading.fleets import Told, pod_facts, seen, target, written

REFUSED = {"release_id": "1.1.0.0-11111111", "at": "2027-01-15T08:00:00+00:00", "why": "gates: no"}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return written(tmp_path)


def find(
    fleet: Fleet, there: dict[str, Seen], wish: Wish | None = None, *, named: bool = False
) -> list[Target]:
    chosen = tuple(fleet.pods.values())
    return find_targets(chosen, there, Told(), wish or Wish(), named=named)


def test_pods_that_run_what_the_file_names_are_left_alone(fleet: Fleet) -> None:
    there = seen(fleet, {"beta": pod_facts("beta.lab.test", "1.1.0.0-0123abcd")})
    found = find(fleet, there)
    assert [(each.pod.name, each.running_version) for each in found] == [
        ("alpha", "1.0.0.0"),
        ("gamma", "1.0.0.0"),
    ]
    assert [each.pod.release for each in found] == ["1.1.0.0", "1.1.0.0"]
    deep = find(fleet, there, Wish(deep=True))
    assert [each.pod.name for each in deep] == ["alpha", "beta", "gamma"]


def test_another_version_counts_instead_of_the_files(fleet: Fleet) -> None:
    there = seen(fleet, {"beta": pod_facts("beta.lab.test", "1.2.0.0-0123abcd")})
    found = find(fleet, there, Wish(to="1.2.0.0"))
    assert [(each.pod.name, each.pod.release) for each in found] == [
        ("alpha", "1.2.0.0"),
        ("gamma", "1.2.0.0"),
    ]


def test_a_pod_that_is_not_launched_is_named_and_refused_where_it_was_asked_for(
    fleet: Fleet,
) -> None:
    there = seen(fleet, {"beta": pod_facts("beta.lab.test", None)})
    assert [each.pod.name for each in find(fleet, there)] == ["alpha", "gamma"]
    with pytest.raises(Refusal, match="pod beta: it is not launched"):
        find(fleet, there, named=True)


def test_a_host_that_does_not_answer_stops_all(fleet: Fleet) -> None:
    error = Refusal("host one", "it does not answer", "Look at it.")
    with pytest.raises(Refusals, match="host one: it does not answer"):
        find(fleet, seen(fleet, error=error))


def said(fleet: Fleet, targets: list[Target], wish: Wish | None = None) -> list[str]:
    with pytest.raises(Refusals) as caught:
        check_targets(fleet, targets, wish or Wish())
    return [str(error) for error in caught.value.errors]


def test_all_that_speaks_against_it_is_said_at_once(fleet: Fleet) -> None:
    there = seen(fleet, {"alpha": pod_facts("old.lab.test")}, level=0)
    lines = said(fleet, find(fleet, there))
    assert sum("can never change" in line for line in lines) == 1
    # Alpha and beta share a host: once for each host.
    assert [line for line in lines if "platform has level 0" in line] == [
        "host one: its platform has level 0, and this podfleet needs 1. Run `podfleet up` first.",
        "host two: its platform has level 0, and this podfleet needs 1. Run `podfleet up` first.",
    ]


def test_a_platform_of_a_newer_podfleet_is_no_work_for_up(fleet: Fleet) -> None:
    lines = said(fleet, find(fleet, seen(fleet, level=2)))
    assert lines[0] == (
        "host one: its platform has level 2, and this podfleet knows 1 at most. "
        "A newer podfleet made it: take that one, and run the same command again."
    )


def test_an_unknown_acknowledgement_is_said_once(fleet: Fleet) -> None:
    lines = said(fleet, find(fleet, seen(fleet)), Wish(accept=("rehersal-cookies",)))
    assert len(lines) == 1 and "--accept rehersal-cookies" in lines[0]


def test_a_stated_tag_belongs_to_the_files_release(tmp_path: Path) -> None:
    fleet = written(tmp_path)
    file = tmp_path / "fleet.toml"
    tagged = 'source = { url = "rehearsal", tag = "mine" }'
    file.write_text(file.read_text().replace('source = "rehearsal"', tagged, 1))
    from provision.fleet.loading import load_fleet

    fleet = load_fleet(str(file))
    check_targets(fleet, find(fleet, seen(fleet)), Wish())
    (line,) = said(fleet, find(fleet, seen(fleet), Wish(to="1.2.0.0")), Wish(to="1.2.0.0"))
    assert line.startswith("--to: the fleet file names a tag of its own for pod alpha, mine.")


class Built:
    release_id = "1.1.0.0-11111111"


def test_a_release_that_its_gate_refused_is_named_and_tried_again(fleet: Fleet) -> None:
    """What a gate saw may have been the moment's fault: whoever runs the verb decides."""
    refused = target(fleet, "alpha", pod_facts("alpha.lab.test", refused=(REFUSED,)))
    fine = target(fleet, "gamma")
    artifacts: dict[str, Any] = {"alpha": Built, "gamma": Built}
    told = Told()
    warn_of_refused([refused, fine], artifacts, told)
    assert told.warnings == [
        "pod alpha: 1.1.0.0-11111111 was refused on 2027-01-15T08:00:00: gates: no; "
        "it is tried once more"
    ]


def test_a_rebuilt_release_is_another_one(fleet: Fleet) -> None:
    before = {**REFUSED, "release_id": "1.1.0.0-22222222"}
    artifacts: dict[str, Any] = {"alpha": Built}
    told = Told()
    rebuilt = target(fleet, "alpha", pod_facts("alpha.lab.test", refused=(before,)))
    warn_of_refused([rebuilt], artifacts, told)
    assert told.warnings == []


@pytest.mark.parametrize("to", ["v1.1.0.0", "newest", "1.1.0.0; reboot", "../1.1.0.0"])
def test_what_is_no_version_is_a_wrong_command_line(to: str) -> None:
    with pytest.raises(UsageError, match="is no version"):
        Wish(to=to)


@pytest.mark.parametrize("to", ["v1.1.0.0", " 1.1.0.0", "1.1.0.0-0123abcd"])
def test_the_version_that_was_meant_is_named(to: str) -> None:
    with pytest.raises(UsageError, match=r"Write 1\.1\.0\.0\.\Z"):
        Wish(to=to)


def test_an_empty_version_is_none() -> None:
    """`--to "$VERSION"` with nothing in it is no wish for what the file names."""
    with pytest.raises(UsageError, match="--to: '' is no version"):
        Wish(to="")


def test_every_refusal_is_podfleets_own(fleet: Fleet) -> None:
    with pytest.raises(PodfleetError):
        check_targets(fleet, find(fleet, seen(fleet, level=0)), Wish())


def test_a_pod_that_is_not_on_the_host_that_was_named_is_not_left_out_silently(
    fleet: Fleet,
) -> None:
    assert [pod.name for pod in select(fleet, ["alpha", "gamma"], ["two"])] == ["gamma"]
    with pytest.raises(Refusal, match="pod alpha is on host one, and not on two"):
        select(fleet, ["alpha"], ["two"])
