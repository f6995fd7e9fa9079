"""What a change means for a running pod: cases as data."""

from __future__ import annotations

from typing import Any

import pytest

from provision.hosts.drift import Drift
from provision.operations.effects import effects

RELEASE = "1.0.0.0-0123abcd"
WEB = f"pod-alpha-web@{RELEASE}.service"
SOCKET = f"pod-alpha-web@{RELEASE}.socket"
SIDEKIQ = f"pod-alpha-sidekiq@{RELEASE}.service"
REDIS = "redis-server@pod-alpha.service"
UNITS = "/etc/systemd/system"


def manifest(**files: str) -> dict[str, Any]:
    """A stage in which each path has this content's digest."""
    return {
        "pod": {"name": "alpha", "release_id": RELEASE},
        "files": [{"path": path, "sha256": content} for path, content in files.items()],
    }


CHANGED = [
    ("@release/config/diaspora.toml", [("restart", WEB), ("restart", SIDEKIQ)]),
    ("/etc/nginx/sites-enabled/pod-alpha.conf", [("reload", "nginx.service")]),
    ("/etc/redis/redis-pod-alpha.conf", [("restart", REDIS)]),
    (f"{UNITS}/{REDIS}.d/podfleet.conf", [("daemon-reload", "systemd"), ("restart", REDIS)]),
    (f"{UNITS}/pod-alpha-web@.service", [("daemon-reload", "systemd"), ("restart", WEB)]),
    (
        f"{UNITS}/pod-alpha-web@.socket",
        [("daemon-reload", "systemd"), ("restart", SOCKET), ("restart", WEB)],
    ),
    (f"{UNITS}/pod-alpha-sidekiq@.service", [("daemon-reload", "systemd"), ("restart", SIDEKIQ)]),
    (f"{UNITS}/pod-alpha.target", [("daemon-reload", "systemd")]),
    (f"{UNITS}/pod-alpha-hold.socket", [("daemon-reload", "systemd")]),
    (f"{UNITS}/pod-alpha-hold.service", [("daemon-reload", "systemd")]),
    ("/etc/logrotate.d/pod-alpha", []),
    ("/srv/pods/alpha/maintenance.html", []),
    ("/srv/pods/alpha/sidekiq_latch.rb", [("restart", SIDEKIQ)]),
]


@pytest.mark.parametrize(("path", "expected"), CHANGED)
@pytest.mark.parametrize("old", [{"x": "1"}, {}], ids=["changed", "new"])
def test_a_changed_file(path: str, expected: list[tuple[str, str]], old: dict[str, str]) -> None:
    before = manifest(**({path: old["x"]} if old else {}))
    found = effects(before, manifest(**{path: "2"}))
    assert [(effect.action, effect.unit) for effect in found] == expected
    assert all(path in reason for effect in found for reason in effect.reasons)


@pytest.mark.parametrize(("path", "expected"), CHANGED)
@pytest.mark.parametrize("kind", ["content", "missing"])
def test_a_file_altered_by_hand(path: str, expected: list[tuple[str, str]], kind: Any) -> None:
    same = manifest(**{path: "1"})
    found = effects(same, same, [Drift(path, kind, "was edited by hand")])
    assert [(effect.action, effect.unit) for effect in found] == expected


def test_nothing_changed_touches_nothing() -> None:
    same = manifest(**{path: "1" for path, _ in CHANGED})
    assert effects(same, same) == []


DRIFTED = [
    (Drift("@release/config/diaspora.toml", "mode", "has mode 0644 instead of 0640"), "mend"),
    (Drift("/etc/nginx/sites-enabled/pod-alpha.conf", "owner", "belongs to nobody"), "mend"),
    (Drift(SIDEKIQ, "stopped", "is inactive"), "start"),
    (Drift(WEB, "disabled", "is not enabled"), "enable"),
]


@pytest.mark.parametrize(("drift", "action"), DRIFTED)
def test_what_is_mended_without_a_restart(drift: Drift, action: str) -> None:
    same = manifest(**{path: "1" for path, _ in CHANGED})
    (found,) = effects(same, same, [drift])
    assert (found.action, found.unit, found.reasons) == (action, drift.where, (drift.what,))


def test_reasons_are_gathered_and_the_order_is_safe() -> None:
    everything = {path: "2" for path, _ in CHANGED}
    found = effects(manifest(**dict.fromkeys(everything, "1")), manifest(**everything))
    order = [(effect.action, effect.unit) for effect in found]
    assert order[0] == ("daemon-reload", "systemd")
    assert order[-1] == ("reload", "nginx.service")
    assert order.index(("restart", REDIS)) < order.index(("restart", WEB))
    web = next(effect for effect in found if effect.unit == WEB)
    assert len(web.reasons) == 3
