"""A pod that podfleet did not make, found in a directory by the names of its files.

database.dump, database.sql    pg_dump's output, custom format or plain
uploads/, uploads.tar[.gz|.xz] public/uploads
secret_token.rb, oidc_key.pem  the pod's keys
diaspora.toml, diaspora.yml    its configuration; optional
dump.rdb                       Redis' dump: deliveries still to be made; optional
"""

from __future__ import annotations

import socket
from pathlib import Path

from provision.errors import Refusal
from provision.fleet.adopting import take_settings
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import open_vault
from provision.operations.adopting import ForeignPod, pack
from provision.report import Report

_NAMES = {
    "database": ("database.dump", "database.sql"),
    "uploads": ("uploads", "uploads.tar", "uploads.tar.gz", "uploads.tar.xz"),
    "secret_token": ("secret_token.rb",),
    "oidc_key": ("oidc_key.pem",),
}
_CONFIGURATIONS = ("diaspora.toml", "diaspora.yml")
_QUEUES = ("dump.rdb",)


def is_foreign(source: Path) -> bool:
    """Whether this is a directory of an old pod's files rather than an export."""
    return source.is_dir()


def pack_foreign(fleet: Fleet, pod: Pod, source: Path, scratch: Path, report: Report) -> Path:
    """Takes the old pod's settings over, and makes an export of it in `scratch`."""
    foreign = _foreign(pod, source)
    if configuration := _first(source, _CONFIGURATIONS):
        adopted = take_settings(fleet, open_vault(fleet), pod, configuration)
        for path, why in adopted.left.items():
            report.warn(f"pod {pod.name}: setting {path} was left behind: {why}")
        for what in adopted.told:
            report.warn(f"pod {pod.name}: {what}")
    return pack(foreign, pod, _addresses(pod.domain), scratch / "adopted.tar.zst")


def _foreign(pod: Pod, source: Path) -> ForeignPod:
    found = {part: _first(source, names) for part, names in _NAMES.items()}
    missing = [" or ".join(_NAMES[part]) for part, path in found.items() if path is None]
    if missing:
        raise Refusal(
            str(source),
            f"has no {', no '.join(missing)}",
            "Copy them from the old pod: README.md, Moving a pod, and adopting one.",
        )
    there = {part: path for part, path in found.items() if path is not None}
    return ForeignPod(**there, queues=_first(source, _QUEUES), release=pod.release)


def _first(directory: Path, names: tuple[str, ...]) -> Path | None:
    return next((directory / name for name in names if (directory / name).exists()), None)


def _addresses(domain: str) -> list[str]:
    """Where the old pod is found now: it must not answer there when the new one starts."""
    try:
        found = socket.getaddrinfo(domain, 443, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return sorted({str(entry[4][0]) for entry in found})
