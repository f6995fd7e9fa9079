"""What a fleet file can have wrong between its tables, each right by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from provision.fleet.complaints import closest
from provision.fleet.fields import VERSION, ascii_domain
from provision.fleet.launched import changed_domains
from provision.fleet.maintenance_words import WORDS, has_words
from provision.fleet.model import Host, Pod
from provision.fleet.monitoring import WATCHED_MB, WATCHING_MB
from provision.fleet.reading import Reading
from provision.fleet.series import series_of
from provision.fleet.settings import check_settings
from provision.fleet.settings_checks import check_together, reserved_name
from provision.fleet.sizes import needed_mb
from provision.fleet.upgrades import unknown_id

LAB_DOMAIN = ".lab.test"
# Whose settings a pod is measured by while its release cannot be read.
NEWEST = "0.9"


@dataclass(frozen=True)
class BoundFor:
    """Where an upgrade takes pods, before the file says so: of these names, on these hosts.

    All of them where no name and no host is given.
    """

    version: str | None = None
    pods: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def release_of(self, name: str, pod: Mapping[str, object]) -> object:
        is_named = not self.pods or name in self.pods
        is_there = not self.hosts or pod.get("host") in self.hosts
        is_meant = self.version is not None and is_named and is_there
        return self.version if is_meant else pod.get("release")


NOWHERE = BoundFor()


def check_fleet(
    reading: Reading,
    hosts: Mapping[str, Host],
    pods: Mapping[str, Pod],
    bound_for: BoundFor = NOWHERE,
) -> None:
    """Notes every error that takes more than one key to see."""
    for check in (
        _something,
        _lead_pod,
        _known_hosts,
        _watching_host,
        _domains,
        _releases,
        _accepted,
    ):
        check(reading)
    _settings(reading, bound_for)
    for name, host in hosts.items():
        _reachable(reading, name, host)
    _one_kind(reading, hosts)
    _addresses(reading, hosts)
    _lab_names(reading, hosts, pods)
    _memory(reading, hosts)
    _together(reading, hosts, pods)
    _words_of_the_page(reading, pods)


def _something(reading: Reading) -> None:
    for key, example in (("hosts", "[hosts.vps]"), ("pods", "[pods.main]")):
        if not reading.data.get(key):
            reading.refuse((), f"there are no {key}", f"Add a table {example}.")


def _lead_pod(reading: Reading) -> None:
    pods = reading.tables("pods")
    about = reading.data.get("fleet")
    lead = about.get("lead_pod") if isinstance(about, dict) else None
    if isinstance(lead, str) and lead not in pods:
        do = f"Name one of {', '.join(pods)}."
        reading.refuse(("fleet", "lead_pod"), f"there is no pod {lead!r}", do)


def _known_hosts(reading: Reading) -> None:
    stated = reading.data.get("hosts")
    hosts = list(stated) if isinstance(stated, dict) else []
    for name, pod in reading.tables("pods").items():
        _known_host(reading, ("pods", name, "host"), pod.get("host"), hosts)


def _watching_host(reading: Reading) -> None:
    hosts, watching = reading.data.get("hosts"), reading.data.get("monitoring")
    if isinstance(hosts, dict) and isinstance(watching, dict):
        _known_host(reading, ("monitoring", "host"), watching.get("host"), list(hosts))


def _known_host(
    reading: Reading, location: tuple[str, ...], host: object, hosts: list[str]
) -> None:
    if not isinstance(host, str) or host in hosts:
        return
    meant = closest(host, hosts)
    do = f"Did you mean {meant!r}?" if meant else f"Add [hosts.{host}]."
    reading.refuse(location, f"there is no host {host!r}", do)


def _domains(reading: Reading) -> None:
    """Two pods with one name, however they spell it."""
    seen: dict[str, str] = {}
    for name, pod in reading.tables("pods").items():
        if not isinstance(domain := pod.get("domain"), str):
            continue
        first = seen.setdefault(ascii_domain(domain), name)
        if first != name:
            what = f"{domain!r} is the domain of pod {first!r} already"
            reading.refuse(("pods", name, "domain"), what, "Give each pod a domain of its own.")


def _reachable(reading: Reading, name: str, host: Host) -> None:
    stated = [key for key in ("address", "address6") if getattr(host, key)]
    if host.provider == "ssh" and not stated:
        do = 'Add its public IPv4 address, as address = "203.0.113.10", or address6.'
        reading.refuse(("hosts", name, "address"), "is missing", do)
    if host.provider == "lab":
        for key in stated:
            do = "Leave it out: the lab chooses its own."
            reading.refuse(("hosts", name, key), "a lab host has no stated address", do)


def _one_kind(reading: Reading, hosts: Mapping[str, Host]) -> None:
    """A lab's names and certificates mean nothing to real servers, nor theirs to a lab."""
    kinds = {host.provider for host in hosts.values()}
    if len(kinds) < 2:
        return
    odd = next(name for name, host in hosts.items() if host.provider == "lab")
    do = "Put the lab's hosts into a fleet of their own."
    reading.refuse(("hosts", odd, "provider"), "lab hosts stand beside real ones", do)


def _addresses(reading: Reading, hosts: Mapping[str, Host]) -> None:
    seen: dict[tuple[str, int], str] = {}
    for name, host in hosts.items():
        for key in ("address", "address6"):
            if not (address := getattr(host, key)):
                continue
            first = seen.setdefault((str(address), host.ssh_port), name)
            if first != name:
                what = f"{address} is the address of host {first!r} already"
                reading.refuse(("hosts", name, key), what, "Each host has an address of its own.")


def _lab_names(reading: Reading, hosts: Mapping[str, Host], pods: Mapping[str, Pod]) -> None:
    for name, pod in pods.items():
        host = hosts.get(pod.host)
        if host is None or (host.provider == "lab") == pod.domain.endswith(LAB_DOMAIN):
            continue
        location = ("pods", name, "domain")
        if host.provider == "lab":
            reading.refuse(location, "a lab's pods end in .lab.test", f"Write {name}{LAB_DOMAIN}.")
        else:
            what = f"{LAB_DOMAIN} names exist only in the lab"
            reading.refuse(location, what, "Write a public name that you own.")


def _memory(reading: Reading, hosts: Mapping[str, Host]) -> None:
    for name, host in hosts.items():
        pods = [pod for pod in reading.tables("pods").values() if pod.get("host") == name]
        needed = needed_mb(len(pods)) + _watching_mb(reading, name)
        declared = host.memory // 1024**2
        if pods and declared < needed:
            what = f"{declared} MiB are too little for {len(pods)} pods: they need {needed} MiB"
            do = "Give the host more memory, or a pod another host."
            reading.refuse(("hosts", name, "memory"), what, do)


def _watching_mb(reading: Reading, host: str) -> int:
    watching = reading.data.get("monitoring")
    if not isinstance(watching, dict):
        return 0
    return WATCHED_MB + (WATCHING_MB if watching.get("host") == host else 0)


def check_launched(reading: Reading, keeps: Path) -> None:
    """Notes each launched pod whose domain was changed in the file."""
    stated = {name: pod.get("domain") for name, pod in reading.tables("pods").items()}
    pods = {name: domain for name, domain in stated.items() if isinstance(domain, str)}
    for pod, words in changed_domains(keeps, pods).items():
        reading.refuse(("pods", pod, "domain"), *words)


def _releases(reading: Reading) -> None:
    for name, pod in reading.tables("pods").items():
        release = pod.get("release")
        if not isinstance(release, str) or not VERSION.match(release):
            continue
        if why := series_of(release).cannot_run:
            what = f"{release} cannot run on Debian 13: {why}"
            do = "Name a newer release; a pod of an old one is adopted with `launch --from`."
            reading.refuse(("pods", name, "release"), what, do)


def _accepted(reading: Reading) -> None:
    for name, pod in reading.tables("pods").items():
        stated = pod.get("accept")
        for each in stated if isinstance(stated, list) else ():
            if isinstance(each, str) and (words := unknown_id(each)):
                reading.refuse(("pods", name, "accept"), *words)


def _settings(reading: Reading, bound_for: BoundFor) -> None:
    """Settings are looked at also where something else of their pod is wrong."""
    for name, pod in reading.tables("pods").items():
        release = bound_for.release_of(name, pod)
        known = release if isinstance(release, str) and VERSION.match(release) else NEWEST
        if isinstance(tables := pod.get("diaspora"), dict):
            refuse = partial(_refuse_below, reading, ("pods", name, "diaspora"))
            check_settings(f"--fleet {reading.called} {name}", known, tables, refuse)


def _together(reading: Reading, hosts: Mapping[str, Host], pods: Mapping[str, Pod]) -> None:
    for name, pod in pods.items():
        refuse = partial(_refuse_below, reading, ("pods", name, "diaspora"))
        check_together(pod, hosts.get(pod.host), refuse)
        if wrong := reserved_name(pod):
            reading.refuse(("pods", name, "admin", "username"), *wrong)


def _words_of_the_page(reading: Reading, pods: Mapping[str, Pod]) -> None:
    for name, pod in pods.items():
        if has_words(pod.maintenance):
            continue
        location = ("pods", name, "maintenance", "language")
        what = f"podfleet has no words of its own in {pod.maintenance.language!r}"
        reading.refuse(location, what, f"Write title and text, too, or one of {', '.join(WORDS)}.")


def _refuse_below(
    reading: Reading, above: tuple[str, ...], path: tuple[str, ...], what: str, do: str
) -> None:
    reading.refuse((*above, *path), what, do)
