"""The two locks hold what pyproject.toml asks for, the same versions in both, all with hashes."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from provision.places import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = {
    "requirements.lock": [*PROJECT["dependencies"], *EXTRAS["host"]],
    "requirements-check.lock": [*PROJECT["dependencies"], *EXTRAS["host"], *EXTRAS["check"]],
}
MAKE = (
    "uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate --no-header"
)


def pins(lock: str) -> dict[str, str]:
    text = (CHECKOUT / lock).read_text(encoding="utf-8")
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    pinned = pins(lock)
    for wanted in map(Requirement, WANTED[lock]):
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted} is not in {lock}: {MAKE}"
        assert wanted.specifier.contains(version), f"{lock} has {wanted.name} {version}: {MAKE}"


def test_both_locks_agree() -> None:
    run, check = pins("requirements.lock"), pins("requirements-check.lock")
    assert {name: check.get(name) for name in run} == run


@pytest.mark.parametrize("lock", WANTED)
def test_everything_is_pinned_by_hash(lock: str) -> None:
    text = (CHECKOUT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
