"""What a changed file or a stopped unit means for a running pod: which units are touched, and why.

Pure: `plan` shows what `configure` will do, from the same table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provision.contract import PodPlaces
from provision.hosts.drift import Drift

Manifest = Mapping[str, Any]

DAEMON_RELOAD = "daemon-reload"
RESTART = "restart"
RELOAD = "reload"
START = "start"
ENABLE = "enable"
MEND = "mend"
# The order in which they are carried out: systemd must know its units before one is restarted,
# Redis comes before what needs it, and nginx follows what it serves.
_ORDER = (MEND, DAEMON_RELOAD, ENABLE, RESTART, START, RELOAD)
_UNITS = ("redis", "socket", "web", "sidekiq", "nginx", "systemd", "")


@dataclass(frozen=True)
class Effect:
    """One thing done to one unit (MEND: to one file, whose mode or owner alone is wrong)."""

    action: str
    unit: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.action} {self.unit} ({', '.join(self.reasons)})"


# First match counts: target path -> (action, kind of unit), …
_RULES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (r"@release/config/", ((RESTART, "web"), (RESTART, "sidekiq"))),
    (r"/etc/nginx/", ((RELOAD, "nginx"),)),
    (r"/etc/redis/", ((RESTART, "redis"),)),
    (
        r"/etc/systemd/system/redis-server@[^/]+\.d/",
        ((DAEMON_RELOAD, "systemd"), (RESTART, "redis")),
    ),
    (
        r"/etc/systemd/system/pod-\w+-web@\.service",
        ((DAEMON_RELOAD, "systemd"), (RESTART, "web")),
    ),
    (
        r"/etc/systemd/system/pod-\w+-web@\.socket",
        ((DAEMON_RELOAD, "systemd"), (RESTART, "socket"), (RESTART, "web")),
    ),
    (
        r"/etc/systemd/system/pod-\w+-sidekiq@\.service",
        ((DAEMON_RELOAD, "systemd"), (RESTART, "sidekiq")),
    ),
    (r"/etc/systemd/system/", ((DAEMON_RELOAD, "systemd"),)),
    # Code of podfleet's that sidekiq has loaded.
    (r"/srv/pods/\w+/sidekiq_latch\.rb", ((RESTART, "sidekiq"),)),
    # Whatever else there is (logrotate, the maintenance page) is read when it is used.
    (r"", ()),
)


def effects(old: Manifest, new: Manifest, drift: Sequence[Drift] = ()) -> list[Effect]:
    """What takes a pod from `old` to `new` (a stage.json each), mending `drift`."""
    found: dict[tuple[str, str], list[str]] = {}
    units = unit_names(new["pod"])
    for path, why in [*_changed(old, new), *_drifted_content(drift)]:
        for action, kind in _effects_of(path):
            _note(found, action, units[kind], f"{path} {why}")
    for item in drift:
        _note_drift(found, item)
    ordered = sorted(found.items(), key=lambda entry: _rank(entry[0], units))
    return [Effect(action, unit, tuple(why)) for (action, unit), why in ordered]


def unit_names(pod: Mapping[str, Any]) -> dict[str, str]:
    """The units of a pod's live release by kind."""
    places, release = PodPlaces(pod["name"]), pod["release_id"]
    return {
        "redis": places.redis_unit,
        "socket": places.web_socket_unit(release),
        "web": places.web_unit(release),
        "sidekiq": places.sidekiq_unit(release),
        "nginx": "nginx.service",
        "systemd": "systemd",
    }


def _effects_of(path: str) -> Iterable[tuple[str, str]]:
    return next(found for pattern, found in _RULES if re.match(pattern, path))


def _changed(old: Manifest, new: Manifest) -> list[tuple[str, str]]:
    """Files whose content differs, came or went."""
    was = {file["path"]: file["sha256"] for file in old.get("files", ())}
    shall = {file["path"]: file["sha256"] for file in new["files"]}
    changed = [(path, "changes") for path in shall if path in was and was[path] != shall[path]]
    changed += [(path, "is new") for path in shall if path not in was]
    return changed + [(path, "goes") for path in was if path not in shall]


def _drifted_content(drift: Sequence[Drift]) -> list[tuple[str, str]]:
    return [(one.where, one.what) for one in drift if one.kind in ("content", "missing")]


def _note_drift(found: dict[tuple[str, str], list[str]], one: Drift) -> None:
    actions = {"stopped": START, "disabled": ENABLE, "mode": MEND, "owner": MEND}
    if action := actions.get(one.kind):
        _note(found, action, one.where, one.what)


def _note(found: dict[tuple[str, str], list[str]], action: str, unit: str, why: str) -> None:
    reasons = found.setdefault((action, unit), [])
    if why not in reasons:
        reasons.append(why)


def _rank(entry: tuple[str, str], units: Mapping[str, str]) -> tuple[int, int, str]:
    action, unit = entry
    kind = next((kind for kind, name in units.items() if name == unit), "")
    return _ORDER.index(action), _UNITS.index(kind), unit
