"""Every host: its platform, its doors, and who may read its secrets."""

from __future__ import annotations

import re

from provision.contract import ARTIFACTS, PLATFORM_LEVEL, STATE, TRUSTED_SIGNERS
from provision.verify.ahead import Ahead
from provision.verify.collecting import Saw
from provision.verify.subjects import HostSubject

# UDP that a host may listen on for its own address: DHCP, v4 and v6.
_DHCP = frozenset({68, 546})
_DATABASES = re.compile(r'"(postgres|redis-server|redis)"')


def test_platform(host: HostSubject, saw: Saw) -> None:
    found = host.facts.platform
    assert found is not None, "there is no platform: run podfleet up"
    saw(f"level {found.level}, runtime {found.runtime}")
    assert found.level == PLATFORM_LEVEL, f"level {found.level} instead of {PLATFORM_LEVEL}"
    drift = "; ".join(str(each) for each in found.drift)
    assert not drift, f"{drift}: run podfleet up"


def test_host_units(host: HostSubject, saw: Saw) -> None:
    units = ("nftables", "nginx", "postgresql@17-main", "ssh", "certbot.timer")
    services = {unit: host.machine.service(unit) for unit in units}
    stopped = [unit for unit, service in services.items() if not service.is_running]
    disabled = [unit for unit, service in services.items() if not service.is_enabled]
    assert not stopped, f"not running: {', '.join(stopped)}"
    assert not disabled, f"would not start at boot: {', '.join(disabled)}"
    saw(f"running and enabled: {', '.join(units)}")


def test_ports_from_outside(host: HostSubject, ahead: Ahead, saw: Saw) -> None:
    found = ahead.ports[host.name].result()
    for address, ports in found.items():
        saw(f"{address} answers on {', '.join(map(str, sorted(ports))) or 'nothing'}")
    too_many = {a: sorted(ports - host.open_ports) for a, ports in found.items()}
    missing = {a: sorted(host.open_ports - ports) for a, ports in found.items()}
    assert not any(too_many.values()), f"more than it should answers: {too_many}"
    assert not any(missing.values()), f"does not answer: {missing}"


def test_listening_sockets(host: HostSubject, saw: Saw) -> None:
    lines = host.machine.check_output("ss --no-header --listening --numeric --tcp --udp").split(
        "\n"
    )
    sockets = [_socket(line) for line in lines if line.strip()]
    outward = {(kind, port) for kind, address, port in sockets if not _is_loopback(address)}
    allowed = {("tcp", port) for port in host.open_ports} | {("udp", port) for port in _DHCP}
    saw("beyond loopback: " + ", ".join(f"{kind} {port}" for kind, port in sorted(outward)))
    more = sorted(outward - allowed)
    assert not more, f"listens beyond loopback: {more}"


def test_databases_not_on_tcp(host: HostSubject, saw: Saw) -> None:
    lines = host.machine.check_output("ss --no-header --listening --numeric --tcp --processes")
    exposed = [line for line in lines.split("\n") if _DATABASES.search(line)]
    assert not exposed, f"Redis or PostgreSQL listens on TCP: {exposed[0]}"
    unix = host.machine.check_output("ss --no-header --listening --unix --processes").split("\n")
    sockets = [line.split()[4] for line in unix if _DATABASES.search(line)]
    assert sockets, "neither Redis nor PostgreSQL listens at all"
    saw(f"unix sockets alone: {', '.join(sorted(sockets))}")


def test_host_secrets(host: HostSubject, saw: Saw) -> None:
    machine = host.machine
    for path, mode in ((STATE, 0o700), (ARTIFACTS, 0o700), ("/etc/letsencrypt/archive", 0o700)):
        found = machine.file(str(path))
        if found.exists:
            seen = (found.user, found.mode & 0o077)
            assert seen == ("root", 0), f"{path} is {found.user}'s, {found.mode:04o}"
            saw(f"{path} {mode:04o}")
    signers = machine.file(str(TRUSTED_SIGNERS))
    assert signers.user == "root" and not signers.mode & 0o022, f"{TRUSTED_SIGNERS} can be altered"
    keys = machine.check_output("find /etc/letsencrypt -name 'privkey*.pem' -type f -perm /077")
    assert not keys, f"readable for others: {keys}"


def test_ssh_by_key_alone(host: HostSubject, saw: Saw) -> None:
    said = host.machine.check_output("/usr/sbin/sshd -T").lower().split("\n")
    settings = dict(line.split(" ", 1) for line in said if " " in line)
    for name in ("passwordauthentication", "kbdinteractiveauthentication"):
        assert settings[name] == "no", f"{name} is {settings[name]}"
    saw(f"no passwords; permitrootlogin {settings['permitrootlogin']}")


def _socket(line: str) -> tuple[str, str, int]:
    """Protocol, address and port of a line of ss."""
    words = line.split()
    address, _, port = words[4].rpartition(":")
    return words[0], address, int(port)


def _is_loopback(address: str) -> bool:
    bare = address.partition("%")[0].strip("[]")
    return bare.startswith("127.") or bare == "::1"
