"""What `up` refuses of a host before it touches anything, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.contract import PLATFORM_LEVEL
from provision.fleet.model import Host
from provision.hosts.facts import HostFacts, PlatformFacts
from provision.preflight.machine import unfit

GIB = 1024**3
HOST = Host(name="vps", address="203.0.113.10", memory="2 GiB")
FIT = HostFacts("13", "x86_64", "3.13", int(1.93 * GIB), 20 * GIB, 0.0, None, {})


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"debian": "12"}, "host vps: Debian release: Debian 12. Install Debian 13 on it."),
        ({"debian": ""}, "host vps: Debian release: not Debian. "),
        ({"architecture": "riscv64"}, "host vps: architecture: riscv64. Take a server"),
        ({"memory_bytes": GIB}, "host vps: memory: 1.00 GiB seen, 2.00 GiB declared. Write"),
    ],
)
def test_what_no_run_can_mend(changed: dict[str, object], said: str, is_new: bool) -> None:
    (refusal,) = unfit(HOST, replace(FIT, **changed), is_new=is_new)  # type: ignore[arg-type]
    assert str(refusal).startswith(said)
    assert str(refusal).endswith("Then run podfleet up again.")


def test_little_disk_stops_only_what_is_new() -> None:
    facts = replace(FIT, disk_free_bytes=GIB)
    assert list(unfit(HOST, facts, is_new=False)) == []
    (refusal,) = unfit(HOST, facts, is_new=True)
    assert "host vps: disk: 1.0 GiB free. Make room: 4 GiB are needed." in str(refusal)


def test_a_machine_with_more_than_declared_and_a_wrong_clock_is_fit() -> None:
    """A container shows its machine's memory; the clock is set by the platform."""
    assert list(unfit(HOST, replace(FIT, memory_bytes=64 * GIB), is_new=True)) == []


def test_a_newer_podfleets_platform_is_never_taken_back() -> None:
    facts = replace(FIT, platform=PlatformFacts(PLATFORM_LEVEL + 1, "0", "0", ()))
    (refusal,) = unfit(HOST, facts, is_new=False)
    assert "its platform has level 2, and this podfleet knows 1 at most" in str(refusal)
    same = replace(FIT, platform=PlatformFacts(PLATFORM_LEVEL, "0", "0", ()))
    assert list(unfit(HOST, same, is_new=False)) == []
