"""What watches runs on loopback, small; measurements leave over 443 for one host of the fleet."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl

import pytest

from tests.lab.monitoring.watching import Watching, wait_until

HOSTS = ("one", "two")
OPEN = {22, 80, 443}
OURS = (9090, 9093, 9094, 9100, 9480)
NAME = "metrics.podfleet.internal"
OWN = "/etc/prometheus/podfleet"
SHOWN = f"--cert {OWN}/scrape.pem --key {OWN}/scrape.key"
OTHER = "--cert /tmp/other.pem --key /tmp/other.key"
# 000 is no answer at all.
REFUSED = ("000", "400", "403", "404", "421")
JOBS = {
    ("monitor", "one"),
    ("monitor", "two"),
    ("node", "one"),
    ("node", "two"),
    ("prometheus", "one"),
    ("alertmanager", "one"),
}


def test_a_second_up_has_nothing_to_do(watching: Watching) -> None:
    ran = watching.fleet.podfleet("up", "--json")
    assert ran.json["nothing_to_do"] is True


@pytest.mark.parametrize("host", HOSTS)
def test_all_that_watches_listens_on_loopback(watching: Watching, host: str) -> None:
    listening = watching.shell(host, "ss -Hltn | awk '{print $4}'").split()
    found = {(address, int(port)) for address, _, port in (s.rpartition(":") for s in listening)}
    assert {port for address, port in found if address != "127.0.0.1"} <= OPEN
    wanted = {9100, 9480} | ({9090, 9093} if host == "one" else set())
    assert wanted == {port for _, port in found} & set(OURS)


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_else_is_open_from_outside(watching: Watching, host: str) -> None:
    for address in watching.addresses(host):
        assert is_open(address, 443)
        assert [port for port in OURS if is_open(address, port)] == []


def is_open(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def test_no_program_ran_before_its_settings_were_there(watching: Watching) -> None:
    """Debian starts each as it is installed; node_exporter has none, and begins with its own."""
    for unit in ("prometheus", "prometheus-alertmanager"):
        journal = watching.shell("one", f"journalctl --no-pager --output=cat --unit={unit}.service")
        assert re.search("unmet condition check ConditionPathExists=", journal), journal
    seen = "for unit in prometheus prometheus-alertmanager prometheus-node-exporter; do "
    seen += "tr '\\0' ' ' </proc/$(systemctl show --value -p MainPID $unit)/cmdline; echo; done"
    for line in watching.shell("one", seen).splitlines():
        assert "--web.listen-address=127.0.0.1:" in line


def code(
    watching: Watching,
    host: str,
    arguments: str,
    path: str = "/metrics/monitor",
    name: str | None = None,
) -> str:
    """HTTP's code as host one gets it from another; it names the address, as Prometheus does."""
    address = watching.addresses(host)[0]
    script = (
        "curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "
        f"--resolve {NAME}:443:{address} --header 'Host: {name or address}' "
        f"--cacert {OWN}/ca.pem {arguments} https://{NAME}{path}; :"
    )
    return watching.shell("one", script)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/metrics/monitor", "/metrics/node"])
def test_measurements_are_for_whom_shows_the_fleets_certificate(
    watching: Watching, host: str, path: str
) -> None:
    assert code(watching, host, SHOWN, path) == "200"
    assert code(watching, host, "", path) in REFUSED
    assert code(watching, host, OTHER, path) in REFUSED


@pytest.fixture(scope="module", autouse=True)
def other_certificate(watching: Watching) -> None:
    """One that says of itself the same name."""
    watching.shell(
        "one",
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        "-subj /CN=scrape.podfleet.internal -keyout /tmp/other.key -out /tmp/other.pem 2>&1",
    )


def test_no_other_way_leads_to_measurements(watching: Watching) -> None:
    assert code(watching, "two", SHOWN, "/metrics/other") in REFUSED
    assert code(watching, "two", SHOWN, "/") in REFUSED
    for shown in ("", OTHER):
        for name in (NAME, "gamma.lab.test", "unknown.lab.test"):
            assert code(watching, "two", shown, name=name) in REFUSED


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_pods_own_session_leads_to_no_measurements(
    watching: Watching, version: ssl.TLSVersion
) -> None:
    """Neither within it, nor when it is taken up again under the measurements' name."""
    address = watching.addresses("two")[0]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    _, session = answer(context, address, "gamma.lab.test", None)
    told, _ = answer(context, address, "gamma.lab.test", session)
    assert told.split()[1:2] in ([], [b"400"], [b"403"], [b"404"], [b"421"])
    # nginx refuses this before there is any request.
    with contextlib.suppress(ssl.SSLError):
        told, _ = answer(context, address, NAME, session)
        assert told.split()[1:2] in ([], [b"400"], [b"403"], [b"404"], [b"421"])


def answer(
    context: ssl.SSLContext, address: str, name: str, session: ssl.SSLSession | None
) -> tuple[bytes, ssl.SSLSession | None]:
    """What the measurements' address says in a session for that name, and the session."""
    with (
        socket.create_connection((address, 443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name, session=session) as secure,
    ):
        secure.sendall(f"GET /metrics/monitor HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        return b"".join(iter(lambda: secure.recv(65536), b"")), secure.session


@pytest.mark.parametrize("host", HOSTS)
def test_secrets_are_for_those_who_use_them(watching: Watching, host: str) -> None:
    pods = "alpha" if host == "one" else "gamma"
    for path in (
        f"{OWN}/scrape.key",
        "/etc/podfleet/metrics/host.key",
        "/etc/podfleet/canary.json",
    ):
        told = f"setpriv --reuid=pod-{pods} --regid=pod-{pods} --clear-groups cat {path} 2>&1; :"
        assert "ermission denied" in watching.shell(host, told) or host == "two"


def test_every_target_is_up(watching: Watching) -> None:
    def are_up() -> bool:
        found = {(one["job"], one["host"]) for one, value in watching.query("up") if value == 1}
        return found == JOBS

    assert wait_until(are_up, 90), watching.query("up")
    assert watching.query('up{instance!~"one|two"}') == []


def test_rules_are_evaluated(watching: Watching) -> None:
    assert watching.query("sum(prometheus_rule_evaluation_failures_total)")[0][1] == 0
    assert watching.query("prometheus_config_last_reload_successful")[0][1] == 1
    assert watching.query("alertmanager_config_last_reload_successful")[0][1] == 1


def test_all_of_monitoring_is_small(watching: Watching) -> None:
    units = "podfleet-monitor prometheus prometheus-alertmanager prometheus-node-exporter"
    script = (
        f"for unit in {units}; do awk '/^VmRSS/ {{print $2}}' "
        "/proc/$(systemctl show --value -p MainPID $unit)/status; done"
    )
    resident_kb = list(map(int, watching.shell("one", script).split()))
    assert len(resident_kb) == len(units.split())
    assert sum(resident_kb) <= 220 * 1024, dict(zip(units.split(), resident_kb, strict=True))


def test_changed_settings_are_taken_without_a_restart(watching: Watching) -> None:
    units = ("prometheus.service", "prometheus-alertmanager.service")
    before = [watching.main_pid(unit) for unit in units]
    for path in (f"{OWN}/rules.yml", f"{OWN}-alertmanager/alertmanager.yml"):
        watching.shell("one", f"echo '# by hand' >>{path}")
    plan = watching.fleet.podfleet("plan").stdout
    assert "rules.yml" in plan and "alertmanager.yml" in plan
    watching.fleet.podfleet("up", "--yes")
    assert watching.shell("one", f"grep -c 'by hand' {OWN}/rules.yml; :") == "0"
    assert [watching.main_pid(unit) for unit in units] == before
    assert watching.fleet.podfleet("up", "--json").json["nothing_to_do"] is True


def test_a_drop_in_altered_by_hand_is_mended_and_taken(watching: Watching) -> None:
    unit = "prometheus.service"
    path = f"/etc/systemd/system/{unit}.d/podfleet.conf"
    watching.shell(
        "one", f"sed -i s/127.0.0.1:9090/0.0.0.0:9090/ {path} && systemctl daemon-reload"
    )
    watching.shell("one", f"systemctl restart {unit}")
    assert "0.0.0.0:9090" not in (plan := watching.fleet.podfleet("plan").stdout)
    assert "prometheus.service.d/podfleet.conf" in plan
    watching.fleet.podfleet("up", "--yes")
    assert watching.shell("one", "ss -Hltn 'sport = 9090' | awk '{print $4}'") == "127.0.0.1:9090"
