"""From a fleet's name or path to a Fleet, or to every error of its file at once.

It refuses whatever the file can be seen to have wrong without asking the network; that is
`validate --hosts`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from provision.errors import Refusal, Refusals
from provision.fleet.checks import NOWHERE, BoundFor, check_fleet, check_launched
from provision.fleet.keeps import keeping_place
from provision.fleet.model import About, Acme, Fleet, Host, Pod, Upgrades
from provision.fleet.monitoring import Monitoring
from provision.fleet.paths import absolute, check_paths
from provision.fleet.reading import FILE_NAME, INVENTORIES, Reading

TABLES = ("fleet", "acme", "upgrade", "monitoring", "hosts", "pods")


def load_fleet(name_or_path: str | None = None, bound_for: BoundFor = NOWHERE) -> Fleet:
    """The fleet of that name below inventories/, or at that path; the lab when none is named.

    Settings are those of the release that the file names, or that its pods are bound for. Raises
    Refusals with every error of the file, each with its line.
    """
    return load_file(find_fleet(name_or_path), bound_for)


def find_fleet(name_or_path: str | None = None) -> Path:
    """The fleet file that is meant: a plain word is a fleet of inventories/ before it is a path."""
    meant = name_or_path or "lab"
    path = Path(meant).expanduser()
    for candidate in (_named(meant), path / FILE_NAME, path):
        if candidate and candidate.is_file():
            return candidate.resolve()
    known = ", ".join(sorted(file.parent.name for file in INVENTORIES.glob(f"*/{FILE_NAME}")))
    do = f"Name a fleet ({known}) or a path, or make one with `podfleet init`."
    raise Refusal(meant, "there is no such fleet", do)


def _named(word: str) -> Path | None:
    is_name = word not in ("", ".", "..") and "/" not in word
    return INVENTORIES / word / FILE_NAME if is_name else None


def load_file(file: Path, bound_for: BoundFor = NOWHERE) -> Fleet:
    """The fleet of one file."""
    reading = _read(file)
    reading.refuse_unknown((), reading.data, TABLES)
    about = reading.model(("fleet",), About, reading.table("fleet")) or About()
    upgrade = reading.model(("upgrade",), Upgrades, reading.table("upgrade")) or Upgrades()
    monitoring = _monitoring(reading)
    hosts = absolute(file, "hosts", reading.models("hosts", Host))
    pods = absolute(file, "pods", reading.models("pods", Pod))
    acme = _acme(reading, about, pods)
    name = file.parent.name if file.name == FILE_NAME else file.stem
    keeps = keeping_place(file, name, is_lab=any(map(_is_lab, hosts.values())))
    check_paths(reading)
    check_fleet(reading, hosts, pods, bound_for)
    check_launched(reading, keeps)
    if reading.errors or acme is None:
        raise Refusals(reading.errors_in_order())
    return Fleet(
        name=name,
        file=file,
        keeps=keeps,
        acme=acme,
        upgrade=upgrade,
        monitoring=monitoring,
        hosts=hosts,
        pods=pods,
        lead_pod=about.lead_pod or next(iter(pods)),
    )


def _read(file: Path) -> Reading:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        do = "Save the file as UTF-8."
        raise Refusals([Refusal(f"{file}:{line}", "is not UTF-8", do)]) from error
    except OSError as error:
        do = "Name a file that you may read."
        raise Refusal(str(file), f"cannot be read: {error.strerror}", do) from error
    if text.startswith("\ufeff"):
        do = "Save the file as UTF-8 without one."
        raise Refusals(
            [Refusal(f"{file}:1", "begins with a byte order mark, which TOML has not", do)]
        )
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusals([_syntax_error(file, text, str(error))]) from error
    return Reading(file, text, data)


def _syntax_error(file: Path, text: str, message: str) -> Refusal:
    what, _, place = message.rpartition(" (at ")
    stated = re.search(r"line (\d+)", place)
    line = int(stated[1]) if stated else max(1, len(text.splitlines()))
    return Refusal(f"{file}:{line}", f"is no TOML: {what}", "Mend this line.")


def _acme(reading: Reading, about: About, pods: dict[str, Pod]) -> Acme | None:
    stated = dict(reading.table("acme"))
    if about.contact:
        stated.setdefault("contact", about.contact)
    for pod in pods.values():
        stated.setdefault("contact", pod.admin.email)
    if "contact" not in stated and not pods:
        # Nothing to take it from: that there is no pod is said already.
        return None
    return reading.model(("acme",), Acme, stated)


def _monitoring(reading: Reading) -> Monitoring | None:
    """None unless the file has the table: watching costs memory, and is asked for."""
    if "monitoring" not in reading.data:
        return None
    return reading.model(("monitoring",), Monitoring, reading.table("monitoring"))


def _is_lab(host: Host) -> bool:
    return host.provider == "lab"
