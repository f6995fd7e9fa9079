"""The reference pages say what the code says; README, CHANGELOG and DECISIONS keep their shape."""

from __future__ import annotations

import re

import pytest

from provision import places
from provision.cli.reference import DIRECTORY, PAGES, page
from provision.cli.reference_errors import stated_errors
from provision.cli.table import VERBS


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_has_not_drifted(name: str) -> None:
    written = (DIRECTORY / name).read_text(encoding="utf-8")
    assert written == page(name), "Run ./check --write-docs, and look at what it changed."


def test_every_verb_is_in_the_reference() -> None:
    text = page("verbs.md")
    for verb in VERBS:
        assert f"\n## {verb.name}\n" in text


def test_every_error_says_what_to_do() -> None:
    """An error that knows no way on is no use to whoever reads it."""
    silent = [each for each in stated_errors(places.CHECKOUT / "provision") if not each.do]
    known = {("provision.operations.dispatch", "{str(verdict['text'])}")}
    assert [each for each in silent if each.module not in {module for module, _ in known}] == []


def test_the_changelog_tells_operators_what_they_must_do() -> None:
    text = (places.CHECKOUT / "CHANGELOG.md").read_text()
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert versions
    for version in versions:
        assert "### Operators must" in version, version.splitlines()[0]


def test_decisions_are_numbered_without_a_gap() -> None:
    text = (places.CHECKOUT / "DECISIONS.md").read_text()
    numbers = [int(each) for each in re.findall(r"^(\d+)\. ", text, flags=re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers
