"""What speaks against an upgrade is said before anything is touched, all of it at once.

`upgrades/<name>.toml` is a fleet file; the first line of `upgrades/<name>.txt` says which release
its pod runs, which one it is to run, and what is accepted; below are the lines that this gets.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from provision.cli.asked import Asked
from provision.cli.output import Output
from provision.errors import Exit, Refusals
from provision.fleet.checks import BoundFor
from provision.fleet.loading import load_file
from provision.fleet.upgrades import acknowledgements, check_upgrade, kinds_for

CASES = sorted((Path(__file__).parent / "upgrades").glob("*.toml"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_an_upgrade_is_refused_with_every_reason(file: Path) -> None:
    order, *expected = file.with_suffix(".txt").read_text().splitlines()
    running, target, *accepted = shlex.split(order)
    fleet = load_file(file)
    # As the command line hands it over: the pod as it shall be.
    pod = fleet.pods["alpha"].model_copy(update={"release": target})
    said = ""
    try:
        check_upgrade(fleet, pod, running, target, accepted)
    except Refusals as errors:
        said = str(errors).replace(f"{file}:", "")
        assert errors.exit_code == Exit.REFUSED
    assert said.splitlines() == expected


def test_no_expectation_is_without_its_file() -> None:
    expected = {file.stem for file in (Path(__file__).parent / "upgrades").glob("*.txt")}
    assert expected == {file.stem for file in CASES}


def test_a_release_has_the_migrations_of_those_before_it() -> None:
    assert kinds_for("0.9.1.0")["20181127012722"] == "expand"
    assert "20260428000000" not in kinds_for("0.9.1.0")
    assert kinds_for("0.10.0.0")["20260428000000"] == "irreversible"
    assert "20260103000000" not in kinds_for("1.1.0.3")
    assert kinds_for("1.1.0.4")["20260103000000"] == "expand"
    assert kinds_for("1.3.0.0")["20260301000000"] == "breaking"
    assert kinds_for("1.3.0.0").items() >= kinds_for("1.2.0.0").items()


def test_whoever_goes_back_knows_the_migrations_of_what_runs() -> None:
    assert kinds_for("1.1.0.0", "1.2.0.0") == kinds_for("1.2.0.0")
    assert kinds_for("0.10.0.0", "0.9.1.0") == kinds_for("0.10.0.0")


def test_what_the_catalogue_does_not_know_it_does_not_invent() -> None:
    assert "20990101000000" not in kinds_for("99.0.0.0")
    assert kinds_for("0.6.0.0") == {}


def test_each_acknowledgement_is_one() -> None:
    assert acknowledgements().keys() == {"no-other-networks", "other-cookies", "rehearsal-cookies"}


def test_the_file_may_name_the_settings_of_where_its_pods_are_bound_for(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        '[hosts.one]\naddress = "203.0.113.10"\nmemory = "2 GiB"\n'
        '[pods.alpha]\ndomain = "alpha.example.org"\nhost = "one"\nrelease = "1.2.0.0"\n'
        'source = "rehearsal"\nadmin = { username = "a", email = "a@example.org" }\n'
        '[pods.alpha.diaspora]\nsettings = { source_code_url = "https://example.org" }\n'
    )
    with pytest.raises(Refusals, match="source_code_url"):
        load_file(file)
    assert load_file(file, BoundFor("1.3.0.0")).pods["alpha"].release == "1.2.0.0"
    with pytest.raises(Refusals, match="source_code_url"):
        load_file(file, BoundFor("1.3.0.0", ("another",)))
    assert Asked(Output(), str(file), hosts=("one",)).fleet("1.3.0.0")
    with pytest.raises(Refusals, match="source_code_url"):
        Asked(Output(), str(file), hosts=("another",)).fleet("1.3.0.0")
