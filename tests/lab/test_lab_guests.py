"""Guests of the lab are real hosts: init, SSH, names, memory, power, certificates, packages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.lab.lab import Lab, LabHost
from provision.places import CHECKOUT

GIB, MIB = 1 << 30, 1 << 20

# What a guest's own Python says about one TCP connection.
DIAL = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(
        "guests",
        LabHost("full", GIB, "platform"),
        LabHost("bare", 512 * MIB, "debian"),
        names={"pod.lab.test": "full", "other.example.org": "bare"},
    )


def said(connection: Connection, *argv: str) -> str:
    return connection.run(argv).stdout.decode().strip()


def dial(connection: Connection, name: str, port: int) -> str:
    return said(connection, "python3", "-c", DIAL, name, str(port))


def test_guests_boot_a_real_init_without_a_failed_unit(lab: Lab) -> None:
    for host in ("full", "bare"):
        guest = lab.connection(host)
        assert said(guest, "systemctl", "is-system-running", "--wait") == "running"
        assert said(guest, "cat", "/proc/1/comm") == "systemd"
        assert said(guest, "hostname") == host
        assert said(guest, "cat", "/etc/debian_version").startswith("13")


def test_bare_guest_has_no_platform_and_full_one_has_it(lab: Lab) -> None:
    for host, code in (("full", 0), ("bare", 1)):
        found = lab.connection(host).run(["test", "-e", "/usr/sbin/nginx"], check=False)
        assert found.returncode == code, host


def test_guests_share_no_identity(lab: Lab) -> None:
    for path in ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"):
        assert said(lab.connection("full"), "cat", path) != said(
            lab.connection("bare"), "cat", path
        )


@pytest.mark.parametrize("name", ["full.lab.test", "bare.lab.test", "pod.lab.test"])
def test_names_resolve_on_guests_for_both_protocols(lab: Lab, name: str) -> None:
    host = {"pod": "full"}.get(name.split(".")[0], name.split(".")[0])
    v4, v6 = lab.network().addresses(lab.number(host))
    for host in ("full", "bare"):
        guest = lab.connection(host)
        assert said(guest, "getent", "ahostsv4", name).split()[0] == v4
        assert said(guest, "getent", "ahostsv6", name).split()[0] == v6


def test_guests_reach_one_another_over_both_protocols(lab: Lab) -> None:
    for address in lab.network().addresses(lab.number("full")):
        assert dial(lab.connection("bare"), address, 22) == "connected"


def test_public_names_resolve_only_where_packages_need_them(lab: Lab) -> None:
    guest = lab.connection("bare")
    assert guest.run(["getent", "hosts", "deb.debian.org"], check=False).returncode == 0
    assert guest.run(["getent", "hosts", "example.com"], check=False).returncode == 2
    assert guest.run(["getent", "hosts", "nosuch.lab.test"], check=False).returncode == 2


def test_hub_that_diaspora_calls_refuses_at_once(lab: Lab) -> None:
    started = time.monotonic()
    answer = dial(lab.connection("full"), "pubsubhubbub.appspot.com", 443)
    assert answer == "ConnectionRefusedError"
    assert time.monotonic() - started < 2


def test_cut_network_loses_packets_until_it_is_healed(lab: Lab) -> None:
    full, bare = lab.connection("full"), lab.connection("bare")
    lab.cut("bare")
    try:
        assert dial(full, "bare.lab.test", 22) in ("TimeoutError", "OSError")
        bare.close()
        with pytest.raises(Refusal, match="unreachable"):
            bare.run(["true"])
    finally:
        lab.heal("bare")
    assert dial(full, "bare.lab.test", 22) == "connected"
    assert said(bare, "echo", "back") == "back"


def test_power_cut_loses_what_was_not_synced_and_nothing_else(lab: Lab) -> None:
    guest = lab.connection("bare")
    guest.run(["sh", "-c", "echo kept >/root/synced; sync; echo lost >/root/unsynced"])
    before = said(guest, "cat", "/proc/sys/kernel/random/boot_id", "/etc/machine-id")
    lab.kill("bare")
    with pytest.raises(Refusal):
        guest.run(["true"])
    started = time.monotonic()
    lab.boot("bare")
    assert time.monotonic() - started < 10
    assert said(guest, "cat", "/root/synced") == "kept"
    assert guest.run(["test", "-e", "/root/unsynced"], check=False).returncode == 1
    # The same machine, after another boot.
    assert said(guest, "cat", "/etc/machine-id") == before.splitlines()[1]


def test_power_cut_in_the_middle_of_writing_leaves_a_guest_that_boots(lab: Lab) -> None:
    guest = lab.connection("full")
    guest.run(
        ["systemd-run", "--unit=writer", "sh", "-c", "while :; do date >>/root/w; sync; done"]
    )
    time.sleep(1)
    lab.kill("full")
    lab.boot("full")
    assert said(guest, "systemctl", "is-system-running", "--wait") == "running"
    assert said(guest, "sh", "-c", "wc -l </root/w") != "0"
    assert said(guest, "su", "postgres", "-c", "psql -Atc 'select 1'") == "1"


def test_guest_that_reboots_itself_comes_back(lab: Lab) -> None:
    guest = lab.connection("bare")
    guest.run(["sh", "-c", "touch /run/before; systemctl --no-block reboot"])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if guest.run(["test", "-e", "/run/before"], check=False).returncode == 1:
                break
        except Refusal:
            time.sleep(0.2)
    assert guest.run(["test", "-e", "/run/before"], check=False).returncode == 1


def test_guest_is_held_to_its_declared_memory(lab: Lab) -> None:
    guest, group = lab.connection("bare"), lab.guest("bare").group
    kills = group.out_of_memory_kills()
    take = "import sys; held = bytearray(int(sys.argv[1]) << 20); print(len(held) >> 20)"
    assert said(guest, "python3", "-c", take, "200") == "200"
    greedy = guest.run(["python3", "-c", take, "700"], check=False)
    assert greedy.returncode != 0
    assert group.out_of_memory_kills() > kills


def test_declared_memory_changes_while_the_guest_runs(lab: Lab) -> None:
    guest, take = lab.connection("bare"), "held = bytearray(600 << 20); print(len(held) >> 20)"
    larger = Lab(
        lab.name, {**lab.hosts, "bare": LabHost("bare", GIB, "debian")}, lab.names,
        lab.state, lab.cache, lab.platform_packages,
    )  # fmt: skip
    larger.up()
    try:
        assert said(guest, "python3", "-c", take) == "600"
    finally:
        lab.up()
    assert guest.run(["python3", "-c", take], check=False).returncode != 0


def test_one_download_serves_every_guest_even_without_the_mirror(lab: Lab) -> None:
    full, bare = lab.connection("full"), lab.connection("bare")
    install = ["apt-get", "-q", "-y", "install", "hello"]
    full.run(["apt-get", "-q", "update"])
    full.run(install)
    lab.set_mirror("offline")
    try:
        bare.run(["apt-get", "-q", "update"])
        bare.run(install)
        assert said(bare, "hello") == "Hello, world!"
        assert bare.run(["apt-get", "-q", "-y", "install", "sl"], check=False).returncode != 0
    finally:
        lab.set_mirror("online")


def test_mirror_that_is_down_is_down_for_guests(lab: Lab) -> None:
    bare = lab.connection("bare")
    lab.set_mirror("down")
    try:
        update = ["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"]
        assert bare.run(update, check=False).returncode != 0
    finally:
        lab.set_mirror("online")
    bare.run(["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"])


CERTBOT = [
    "certbot", "certonly", "--non-interactive", "--agree-tos", "--email", "ops@example.org",
    "--webroot", "--webroot-path", "/var/www/html", "--domain", "pod.lab.test",
]  # fmt: skip


def verify_certificate(lab: Lab, guest: Connection) -> None:
    """The controller trusts the certificate by the lab's bundle, the guest by its own system."""
    live = PurePosixPath("/etc/letsencrypt/live/pod.lab.test")
    chain, leaf = lab.state / "chain.pem", lab.state / "cert.pem"
    guest.fetch_file(live / "chain.pem", chain)
    guest.fetch_file(live / "cert.pem", leaf)
    argv = ["openssl", "verify", "-CAfile", str(lab.authorities), "-untrusted", str(chain)]
    subprocess.run([*argv, str(leaf)], check=True, capture_output=True)
    guest.run(["openssl", "verify", "-untrusted", f"{live}/chain.pem", f"{live}/cert.pem"])


def test_acme_server_issues_for_a_name_on_a_guest_that_answers(lab: Lab) -> None:
    guest = lab.connection("full")
    guest.run([*CERTBOT, "--server", lab.acme_directory])
    verify_certificate(lab, guest)


def test_acme_server_refuses_a_name_that_is_elsewhere(lab: Lab) -> None:
    argv = [*CERTBOT[:-1], "bare.lab.test", "--server", lab.acme_directory]
    done = lab.connection("full").run(argv, check=False)
    assert done.returncode != 0
    assert b"connection refused" in (done.stdout + done.stderr).lower()


def test_lab_that_was_down_comes_back_with_disks_and_certificates(lab: Lab) -> None:
    full = lab.connection("full")
    full.run([*CERTBOT, "--server", lab.acme_directory])
    lab.down()
    assert not lab.network().is_up()
    assert not lab.guest("full").group.pids()
    lab.up()
    verify_certificate(lab, full)
    # The ACME server that started anew knows no account of before.
    full.run(["certbot", "renew", "--force-renewal", "--no-random-sleep-on-renew"])
    verify_certificate(lab, full)


def test_second_up_does_nothing_and_is_fast(lab: Lab) -> None:
    processes = {host: lab.guest(host).process() for host in lab.hosts}
    started = time.monotonic()
    lab.up()
    assert time.monotonic() - started < 2
    assert {host: lab.guest(host).process() for host in lab.hosts} == processes


def test_guest_outlives_the_process_that_booted_it(lab: Lab) -> None:
    lab.kill("bare")
    boot = """
import sys
from pathlib import Path
from provision.lab.lab import Lab, LabHost
Lab("guests", {}, {}, Path(sys.argv[1]), Path(sys.argv[2])).boot("bare")
"""
    argv = [sys.executable, "-c", boot, str(lab.state), str(lab.cache)]
    subprocess.run(argv, check=True, cwd=CHECKOUT, start_new_session=True)
    assert said(lab.connection("bare"), "echo", "alive") == "alive"


def test_unknown_host_is_refused_with_those_there_are(lab: Lab) -> None:
    with pytest.raises(Refusal, match="bare, full"):
        lab.kill("nosuch")


def test_host_that_is_off_cannot_be_cut(lab: Lab) -> None:
    lab.kill("bare")
    try:
        with pytest.raises(Refusal, match="lab boot bare"):
            lab.cut("bare")
    finally:
        lab.boot("bare")
