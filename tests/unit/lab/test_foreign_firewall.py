"""What is said to another firewall, against an iptables that writes down what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from provision.lab import foreign_firewall

# Answers -S with a policy; knows (-C) the rules that it was told (-I) and not to forget (-D).
IPTABLES = """#!/bin/sh
here=$(dirname "$0"); told="$here/$(basename "$0").rules"; touch "$told"
[ "$1" = -w ] || exit 9
what=$2; shift 2
case $what in
    -S) echo "-P FORWARD $(cat "$here/policy")" ;;
    -C) grep -qxF -- "$*" "$told" ;;
    -I) echo "$*" >>"$told" ;;
    -D) grep -vxF -- "$*" "$told" >"$told.new"; mv "$told.new" "$told" ;;
esac
"""

OPEN = "FORWARD -i pfl-abc123 -j ACCEPT\nFORWARD -o pfl-abc123 -j ACCEPT\n"


@pytest.fixture
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    for tool in foreign_firewall.TOOLS:
        (tmp_path / tool).write_text(IPTABLES)
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def after(policy: str) -> list[str]:
        (tmp_path / "policy").write_text(policy)
        foreign_firewall.open_for("pfl-abc123")
        foreign_firewall.open_for("pfl-abc123")
        return [(tmp_path / f"{tool}.rules").read_text() for tool in foreign_firewall.TOOLS]

    return after


def test_a_firewall_that_drops_is_opened_once_for_the_bridge(
    firewall: Callable[[str], list[str]],
) -> None:
    assert firewall("DROP") == [OPEN, OPEN]


def test_a_firewall_that_accepts_is_left_alone(firewall: Callable[[str], list[str]]) -> None:
    assert firewall("ACCEPT") == ["", ""]


def test_what_was_opened_is_closed(firewall: Callable[[str], list[str]], tmp_path: Path) -> None:
    firewall("DROP")
    (tmp_path / "iptables.rules").open("a").write("FORWARD -i docker0 -j ACCEPT\n")
    foreign_firewall.close_for("pfl-abc123")
    assert (tmp_path / "iptables.rules").read_text() == "FORWARD -i docker0 -j ACCEPT\n"
    assert (tmp_path / "ip6tables.rules").read_text() == ""
