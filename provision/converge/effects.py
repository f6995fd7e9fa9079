"""What a changed file of the platform means for what runs on the host: the plan says it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# First match counts. No role restarts a pod; what its pods feel all the same is said here.
_RULES: tuple[tuple[str, str], ...] = (
    (
        r"/etc/postgresql/.*/conf\.d/",
        "PostgreSQL reads its settings again, and restarts where one of them needs that: the "
        "host's pods then wait a moment for their database",
    ),
    (r"/etc/postgresql/", "PostgreSQL reads its settings again"),
    (r"/etc/nginx/", "nginx is reloaded"),
    (r"/etc/ssh/", "the SSH server is reloaded"),
    (r"/etc/nftables\.conf", "the firewall's rules are loaded again"),
    (r"/etc/systemd/journald", "the journal restarts"),
    (r"/etc/prometheus/podfleet-alertmanager/", "Alertmanager reads its settings again"),
    (r"/etc/prometheus/podfleet/", "Prometheus reads its settings again"),
    (r"/etc/systemd/system/prometheus-alertmanager\.", "Alertmanager restarts"),
    (r"/etc/systemd/system/prometheus-node-exporter\.", "node_exporter restarts"),
    (r"/etc/systemd/system/prometheus\.", "Prometheus restarts"),
    (r"/etc/podfleet/", "the monitor restarts"),
    (r"/etc/systemd/system/", "systemd reads its units again"),
)

# What ends where a file of these is not wanted any more.
_ENDS: tuple[tuple[str, str], ...] = (
    (r"/etc/systemd/system/prometheus-alertmanager\.", "Alertmanager stops"),
    (r"/etc/systemd/system/prometheus-node-exporter\.", "node_exporter stops"),
    (r"/etc/systemd/system/prometheus\.", "Prometheus stops"),
    (r"/etc/systemd/system/podfleet-monitor\.", "the monitor stops"),
    (r"/etc/systemd/system/podfleet-dashboard\.", "the dashboard stops"),
)


def effects(applied: Mapping[str, str], manifest: Mapping[str, Any]) -> Iterator[str]:
    """A line a file of the stage (its stage.json) that differs from what was applied, by path."""
    shall = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    for path, digest in shall.items():
        if path not in applied:
            yield f"{path} is new{_then(path, _RULES)}"
        elif applied[path] != digest:
            yield f"{path} changes{_then(path, _RULES)}"
    for path in sorted(applied.keys() - shall.keys()):
        yield f"{path} is not wanted any more{_then(path, _ENDS)}"


def _then(path: str, rules: tuple[tuple[str, str], ...]) -> str:
    found = next((words for pattern, words in rules if re.match(pattern, path)), None)
    return f": {found}" if found else ""
