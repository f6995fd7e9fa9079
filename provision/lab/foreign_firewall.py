"""Lets a lab's bridge through an iptables firewall that drops what it does not know.

Docker sets FORWARD to drop, also for what crosses a bridge: guests could not reach one another.
Where nothing drops, nothing is changed.
"""

from __future__ import annotations

import shutil
import subprocess

from provision.lab.commands import call

TOOLS = ("iptables", "ip6tables")


def open_for(bridge: str) -> None:
    """Accepts what the bridge's guests send and get, wherever forwarding is dropped."""
    for tool in TOOLS:
        if shutil.which(tool) and "-P FORWARD DROP" in call([tool, "-w", "-S", "FORWARD"]):
            for rule in _rules(bridge):
                if not _has(tool, rule):
                    call([tool, "-w", "-I", *rule])


def close_for(bridge: str) -> None:
    """Takes back what open_for did, if it did."""
    for tool in TOOLS:
        if shutil.which(tool):
            for rule in _rules(bridge):
                if _has(tool, rule):
                    call([tool, "-w", "-D", *rule])


def _rules(bridge: str) -> list[list[str]]:
    return [["FORWARD", way, bridge, "-j", "ACCEPT"] for way in ("-i", "-o")]


def _has(tool: str, rule: list[str]) -> bool:
    argv = [tool, "-w", "-C", *rule]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
