"""Provider `lab`: a fleet's lab on this machine, and what is known of it only while it runs."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provision.contract import PLATFORM_PACKAGES
from provision.debian import ensure_packages
from provision.errors import Refusal
from provision.fleet.model import Fleet, Host
from provision.hosts.connection import Connection
from provision.lab.lab import Lab, LabHost
from provision.lab.requirements import DEBIAN_PACKAGES
from provision.places import cache_directory
from provision.report import Report, Silent


def lab_of(fleet: Fleet, report: Report | None = None, *, image: str = "platform") -> Lab:
    """The fleet's lab; whether it is up is another question. `image`: what new guests begin with,
    the platform's packages or `debian` alone."""
    if not fleet.is_lab:
        raise Refusal(
            str(fleet.file), "its hosts are no lab's", 'Name a fleet whose hosts say "lab".'
        )
    told = report or Silent()
    return Lab(
        fleet.name,
        {host.name: LabHost(host.name, host.memory, image) for host in fleet.hosts.values()},
        {pod.domain: pod.host for pod in fleet.pods.values()},
        fleet.keeps.parent,
        cache_directory(),
        PLATFORM_PACKAGES,
        told.line,
    )


def bring_up_lab(fleet: Fleet, report: Report, *, image: str = "platform") -> Fleet:
    """Boot what is not running, making it first if need be; the fleet as it is then."""
    ensure_packages(DEBIAN_PACKAGES, report)
    lab_of(fleet, report, image=image).up()
    return as_it_runs(fleet)


def as_it_runs(fleet: Fleet) -> Fleet:
    """The fleet with its lab's addresses, networks and issuer; as it is while there is no lab."""
    lab = lab_of(fleet)
    if not lab.is_made():
        return fleet
    network = lab.network()
    reachable = tuple(map(ipaddress.ip_network, (network.v4, network.v6)))

    def running(host: Host) -> Host:
        v4, v6 = map(ipaddress.ip_address, network.addresses(lab.number(host.name)))
        return host.model_copy(
            update={"address": v4, "address6": v6, "reachable_networks": reachable}
        )

    hosts = {name: running(host) for name, host in fleet.hosts.items() if lab.has(name)}
    return fleet.with_hosts(hosts).with_acme(lab.acme_directory)


def connect(fleet: Fleet, host: Host, report: Report) -> Connection:
    """The guest over SSH, its key pinned when it was made; refused where it is not running."""
    lab = lab_of(fleet)
    if not lab.is_made() or not lab.has(host.name):
        raise Refusal(f"host {host.name}", "the lab is not up", "Run podfleet up.")
    return lab.connection(host.name)


def authorities(fleet: Fleet) -> Path:
    """Whom to trust for the lab's certificates."""
    return lab_of(fleet).authorities


def lab_info(fleet: Fleet) -> dict[str, Any]:
    """`lab info --json`: {"ca", "hosts": {name: {"address", "ssh"}}, "pods": {name: {"url", …}}}"""
    found = lab_of(fleet).info()
    found["pods"] = {
        pod.name: {
            "url": pod.url,
            "host": pod.host,
            "address": found["hosts"][pod.host]["address"],
        }
        for pod in fleet.pods.values()
        if pod.host in found["hosts"]
    }
    return found


def ssh_argv(fleet: Fleet, host: str, command: Sequence[str]) -> list[str]:
    """The argv that runs a command on a lab host, or opens a shell there."""
    connection = lab_of(fleet).connection(host)
    connection.open()
    return connection.argv(command) if command else connection.ssh_argv()
