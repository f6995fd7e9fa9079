"""A lab: named guests with a network, names and an ACME server, brought up, hurt and removed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provision.errors import Refusal
from provision.hosts.connection import Connection, Endpoint
from provision.hosts.known_hosts import KnownHosts
from provision.lab.guest import Guest
from provision.lab.image import DEBIAN, Images, Layer, layer_on_debian, use
from provision.lab.memory import PARENT
from provision.lab.mounts import remove_tree
from provision.lab.network import FIRST_GUEST, LAST_GUEST, Network
from provision.lab.personal import Person, make_key, trust
from provision.lab.services import Services
from provision.lab.state import State, exclusive, make_private

# Which subnets are free is asked by one lab at a time.
MACHINE_LOCK = Path("/run") / f"{PARENT}.lock"

BOOT_SECONDS = 60
NO_CONFIG = Path("/dev/null")


@dataclass(frozen=True)
class LabHost:
    """What a guest is to be; `image` is `debian` (bare) or `platform`."""

    name: str
    memory_bytes: int
    image: str = "platform"
    # Sparse: it takes of this machine's disk what the guest writes.
    disk_bytes: int = 12 << 30


@dataclass(frozen=True)
class Lab:
    """One lab. `names` says which host each domain is on; `state` is the lab's alone."""

    name: str
    hosts: Mapping[str, LabHost]
    names: Mapping[str, str]
    state: Path
    cache: Path
    platform_packages: Iterable[str] = ()
    report: Callable[[str], None] = lambda line: None
    _connections: dict[str, Connection] = field(default_factory=dict, repr=False)

    # -- its parts -------------------------------------------------------------------------

    @property
    def _state(self) -> State:
        return State(self.state)

    @property
    def _machines(self) -> Path:
        return self.state / "machines"

    @property
    def _ssh_key(self) -> Path:
        return self._machines / "ssh_key"

    def _record(self) -> dict[str, Any]:
        if not self._state.exists():
            raise Refusal(f"lab {self.name}", "is not up", "Run `podfleet up` first.")
        return self._state.read()

    def is_made(self) -> bool:
        """Whether it has ever been up since it was purged."""
        return self._state.exists()

    def has(self, host: str) -> bool:
        return host in self._record()["hosts"]

    def network(self) -> Network:
        """The lab's subnets, once it has been up."""
        return Network(**self._record()["network"])

    def services(self) -> Services:
        return Services(self._machines, self.cache, self.network())

    @property
    def authorities(self) -> Path:
        """What a client outside the guests verifies the lab's certificates with."""
        return self.services().acme.bundle

    @property
    def acme_directory(self) -> str:
        """The ACME directory's URL, as guests reach it."""
        return self.services().acme.url

    def guest(self, host: str) -> Guest:
        known = self._record()["hosts"]
        if host not in known:
            there = ", ".join(sorted(known)) or "none"
            raise Refusal(f"lab host {host}", f"there is none; there are: {there}", "Name another.")
        return Guest(
            host,
            known[host]["machine"],
            self._machines / host,
            known[host]["memory_bytes"],
        )

    def number(self, host: str) -> int:
        """The last part of the guest's addresses."""
        return int(self._record()["hosts"][host]["number"])

    def connection(self, host: str) -> Connection:
        """The guest over SSH, with the lab's key; the guest's own key is pinned when it is made."""
        if host not in self._connections:
            address = self.network().address(self.number(self.guest(host).name))
            endpoint = Endpoint(host, address, identity=self._ssh_key, config=NO_CONFIG)
            self._connections[host] = Connection(endpoint, KnownHosts(self.state / "known_hosts"))
        return self._connections[host]

    # -- up --------------------------------------------------------------------------------

    def up(self) -> None:
        """Brings up whatever of the lab is not; returns when every guest answers over SSH."""
        if os.geteuid() != 0:
            raise Refusal(f"lab {self.name}", "needs root: it boots machines", "Run it with sudo.")
        images = self._images()
        with self._state.locked():
            record = self._plan()
            self._state.write(record)
            make_private(self._machines)
            make_key(self._ssh_key, "podfleet lab")
            self.network().up()
            self.services().up(self._numbers(record))
            for gone in set(record["hosts"]) - set(self.hosts):
                self._remove(gone)
            with ThreadPoolExecutor(max_workers=4) as pool:
                list(
                    pool.map(
                        lambda host: self._up(host, images.get(host.image)), self.hosts.values()
                    )
                )

    def _images(self) -> dict[str, list[Path]]:
        images = Images(self.cache, self.report)
        layers: dict[str, Layer] = {"debian": DEBIAN}
        layers["platform"] = layer_on_debian("platform", self.platform_packages)
        wanted = {host.image for host in self.hosts.values() if not self._is_made(host.name)}
        return {name: images.ensure(layers[name]) for name in wanted}

    def _is_made(self, host: str) -> bool:
        return self.is_made() and self.has(host) and self.guest(host).exists()

    def _plan(self) -> dict[str, Any]:
        """The record with a network, and a number for each host that is to be."""
        record = self._state.read()
        if "network" not in record:
            with exclusive(MACHINE_LOCK):
                network = Network.choose(record["key"])
                # Written before it is made: whatever comes between, `down` finds it.
                self._state.write({**record, "network": network.record()})
                network.up()
            record["network"] = network.record()
        hosts = record["hosts"]
        for host in self.hosts.values():
            if host.name not in hosts:
                number = _free_number({h["number"] for h in hosts.values()})
                # nspawn names the link after the machine: short enough to stay as it is.
                machine = f"{record['key']}{number:03d}"
                hosts[host.name] = {"number": number, "machine": machine}
            hosts[host.name]["memory_bytes"] = host.memory_bytes
        return record

    def _numbers(self, record: dict[str, Any]) -> dict[str, int]:
        numbers = {f"{name}.lab.test": host["number"] for name, host in record["hosts"].items()}
        for domain, host in self.names.items():
            numbers[domain] = record["hosts"][host]["number"]
        return numbers

    def _up(self, host: LabHost, image: list[Path] | None) -> None:
        guest = self.guest(host.name)
        if not guest.exists():
            assert image is not None
            self.report(f"making host {host.name}")
            make_private(guest.directory)
            guest.create(image, host.disk_bytes, self._person(guest).write)
            use(self.cache, guest.machine, guest.directory, image)
        if guest.is_running():
            guest.group.create(guest.memory_bytes)
        else:
            self._boot(guest)
        trust(self.connection(host.name), guest.seen(guest.root), self.services().acme)

    def _person(self, guest: Guest) -> Person:
        """The guest's identity; its host key is made here, and pinned with it."""
        host, key = guest.name, guest.directory / "ssh_host_key"
        public = make_key(key, host)
        known = KnownHosts(self.state / "known_hosts")
        known.forget(host)
        known.pin(host, [" ".join(public.split()[:2])])
        authorized = make_key(self._ssh_key, "podfleet lab")
        net, proxy = self.network(), self.services().proxy
        return Person(host, self.number(host), net, proxy, authorized, key)

    def _boot(self, guest: Guest) -> None:
        self.report(f"booting host {guest.name}")
        connection = self.connection(guest.name)
        connection.close()
        guest.boot(self.network().bridge)
        _wait_for_ssh(guest, connection)

    # -- what can happen to a host ---------------------------------------------------------

    def kill(self, host: str) -> None:
        """A power cut: at once, and what was not synced is lost."""
        with self._state.locked():
            self.guest(host).cut_power()
            self.connection(host).close()

    def boot(self, host: str) -> None:
        """Boots a host that is off; returns when it answers over SSH."""
        with self._state.locked():
            guest = self.guest(host)
            if not guest.is_running():
                self._boot(guest)

    def cut(self, host: str) -> None:
        """Cuts a host's network: packets vanish both ways."""
        self.network().cut(self._running(host).interface)

    def heal(self, host: str) -> None:
        """Mends a host's network."""
        self.network().heal(self._running(host).interface)

    def _running(self, host: str) -> Guest:
        guest = self.guest(host)
        if not guest.is_running():
            raise Refusal(f"lab host {host}", "is off", f"Run `podfleet lab boot {host}`.")
        return guest

    def set_mirror(self, mode: str) -> None:
        """What the package mirror is to the guests: `online`, `offline` or `down`."""
        self.services().mirror_mode.write_text(mode)

    # -- down ------------------------------------------------------------------------------

    def down(self, purge: bool = False) -> None:
        """Shuts the lab down; with purge nothing of it is left, its disks and secrets included."""
        with self._state.locked():
            if self._state.exists():
                for connection in (self.connection(host) for host in self._record()["hosts"]):
                    connection.close()
                self._all(Guest.remove if purge else Guest.shut_down)
                self.services().down()
                self.network().down()
            if purge:
                remove_tree(self.state)
                self._state.lock.unlink()

    def _all(self, what: Callable[[Guest], None]) -> None:
        guests = [self.guest(host) for host in self._record()["hosts"]]
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(what, guests))

    def _remove(self, host: str) -> None:
        self.guest(host).remove()
        KnownHosts(self.state / "known_hosts").forget(host)
        record = self._record()
        del record["hosts"][host]
        self._state.write(record)

    # -- what it says ----------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """{"ca": file, "hosts": {name: {"address", "ssh"}}, "pods": {}}: no lab knows of pods."""
        hosts = {
            host: {
                "address": self.connection(host).endpoint.address,
                "ssh": self.connection(host).ssh_argv(),
            }
            for host in self._record()["hosts"]
        }
        return {"ca": str(self.authorities), "hosts": hosts, "pods": {}}


def _free_number(taken: set[int]) -> int:
    for number in range(FIRST_GUEST, LAST_GUEST):
        if number not in taken:
            return number
    raise Refusal("lab", f"has more than {len(taken)} hosts", "Declare fewer.")


def _wait_for_ssh(guest: Guest, connection: Connection) -> None:
    """Waits for the SSH server's first words."""
    deadline = time.monotonic() + BOOT_SECONDS
    console = guest.directory / "console.log"
    while True:
        if not guest.is_running():
            raise Refusal(f"lab host {guest.name}", "does not boot", f"Read {console}.")
        if _greets(connection.endpoint.address):
            connection.open()
            return
        if time.monotonic() > deadline:
            what = f"does not answer {BOOT_SECONDS} s after its start"
            raise Refusal(f"lab host {guest.name}", what, f"Read {console}.")
        time.sleep(0.1)


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as client:
            return client.recv(4) == b"SSH-"
    except OSError:
        return False
