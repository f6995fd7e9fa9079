"""A fleet of real servers as its operator has it: a fleet file, ./podfleet, and nothing else.

The servers are guests of a lab, which the fleet file does not know: it reaches them over SSH, by
address, as it would reach any server. What the world does to them, the lab does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provision.fleet.loading import load_fleet
from provision.hosts import ssh
from provision.hosts.connection import Connection
from provision.lab.lab import Lab
from provision.places import CHECKOUT
from provision.report import Silent
from tests.lab.standing import Ran

SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# A shell that names hosts as its own /etc/hosts does, for what it runs and nobody else.
_NAMED = 'mount --bind -- "$0" /etc/hosts && exec "$@"'
DOMAIN = "example.org"

HOST = """
[hosts.{name}]
address = "{v4}"
address6 = "{v6}"
ssh_user = "{user}"
ssh_port = {port}
ssh_identity = "{identity}"
memory = "{memory}"
reachable_networks = ["{net4}", "{net6}"]
"""
POD = """
[pods.{name}]
domain = "{domain}"
host = "{host}"
release = "1.0.0.0"
source = "rehearsal"
admin = {{ username = "alice", email = "alice@{domain}" }}

[pods.{name}.diaspora]
settings = {{ pod_name = "{title}", autofollow_on_join = false }}
"""


@dataclass
class Host:
    """What the fleet file says of a host; a test may change it."""

    memory: str = "2 GiB"
    user: str = "root"
    port: int = 22
    # The number of another machine that is taken for it.
    number: int | None = None


@dataclass
class Begun:
    """A ./podfleet that runs; its words go to a file, so that it may die without us."""

    process: subprocess.Popen[bytes]
    words: Path

    def said(self) -> str:
        return self.words.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 180) -> None:
        """Until it has said that."""
        deadline = time.monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, f"it ended before {text!r}:\n{self.said()}"
            assert time.monotonic() < deadline, f"it has not said {text!r}:\n{self.said()}"
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """A signal to it and its children, as a terminal sends it."""
        os.killpg(self.process.pid, number)

    def ended(self, seconds: float = 300) -> int:
        """Its exit code."""
        return self.process.wait(seconds)


@dataclass
class Controller:
    """One operator's machine: `pods` says which host each pod of the fleet file is on."""

    lab: Lab
    directory: Path
    pods: dict[str, str]
    hosts: dict[str, Host]
    titles: dict[str, str] = field(default_factory=dict)
    # More of the fleet file, as text.
    more: str = ""

    # -- the fleet file --------------------------------------------------------------------

    @property
    def file(self) -> Path:
        return self.directory / "fleet.toml"

    def domain(self, pod: str) -> str:
        return f"{pod}.{DOMAIN}"

    def write(self) -> None:
        """The fleet file, and the names that this machine knows, as the fields have them."""
        self.directory.mkdir(parents=True, exist_ok=True)
        head = f'[acme]\ndirectory = "{self.lab.acme_directory}"\n'
        hosts = "".join(self._host(name, host) for name, host in self.hosts.items())
        pods = "".join(self._pod(name, host) for name, host in self.pods.items())
        self.file.write_text(head + hosts + pods + self.more)
        lines = [f"{self.address(host)} {self.domain(pod)}" for pod, host in self.pods.items()]
        self._names.write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))
        bundle = SYSTEM_BUNDLE.read_text() + self.lab.authorities.read_text()
        self._authorities.write_text(bundle)

    def _host(self, name: str, host: Host) -> str:
        network = self.lab.network()
        v4, v6 = network.addresses(host.number or self.lab.number(name))
        return HOST.format(
            name=name, v4=v4, v6=v6, user=host.user, port=host.port, memory=host.memory,
            identity=self.identity, net4=network.v4, net6=network.v6,
        )  # fmt: skip

    def _pod(self, name: str, host: str) -> str:
        title = self.titles.get(name, name)
        return POD.format(name=name, domain=self.domain(name), host=host, title=title)

    @contextmanager
    def otherwise(self, **fields: object) -> Iterator[None]:
        """The fleet file with other fields, for a while."""
        before = {name: getattr(self, name) for name in fields}
        try:
            self._become(fields)
            yield
        finally:
            self._become(before)

    def _become(self, fields: Mapping[str, object]) -> None:
        for name, value in fields.items():
            setattr(self, name, value)
        self.write()

    # -- its files -------------------------------------------------------------------------

    @property
    def identity(self) -> Path:
        return self.lab.connection(next(iter(self.hosts))).endpoint.identity or Path()

    @property
    def state(self) -> Path:
        return self.directory.parent / "state"

    @property
    def vault(self) -> Path:
        return self.directory / "secrets.vault"

    @property
    def vault_password(self) -> Path:
        return self.directory.parent / "config" / f"{self.directory.name}.vault-password"

    @property
    def _names(self) -> Path:
        return self.directory.parent / "hosts"

    @property
    def _authorities(self) -> Path:
        return self.directory.parent / "authorities.pem"

    # -- ./podfleet ------------------------------------------------------------------------

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        own = {
            "PODFLEET_STATE": str(self.state),
            "PODFLEET_CONFIG": str(self.vault_password.parent),
            # The lab's authority beside the system's: this machine trusts it for these runs.
            "SSL_CERT_FILE": str(self._authorities),
        }
        return {**os.environ, **own, **more}

    def _argv(self, verb: str, arguments: tuple[str, ...]) -> list[str]:
        # Whoever runs the tests in the background ignores Ctrl-C; a terminal does not.
        named = [
            "env",
            "--default-signal=INT",
            "unshare",
            "--mount",
            "sh",
            "-c",
            _NAMED,
            str(self._names),
        ]
        fleet = ["--fleet", str(self.directory)]
        return [*named, str(CHECKOUT / "podfleet"), *verb.split(), *fleet, *arguments]

    def podfleet(
        self,
        verb: str,
        *arguments: str,
        check: bool = True,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 580,
    ) -> Ran:
        """Runs ./podfleet with this fleet; a failure shows what it said."""
        started = time.monotonic()
        done = subprocess.run(
            self._argv(verb, arguments),
            env=self._environment(environment or {}),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout_seconds,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        ran = Ran(done.returncode, out, err, time.monotonic() - started)
        if check and ran.code:
            raise AssertionError(f"{verb} {arguments} ended with {ran.code}:\n{out}\n{err}")
        return ran

    def refused(self, verb: str, *arguments: str, **how: Mapping[str, str]) -> str:
        """What it says when it refuses; it is wrong if it does not."""
        ran = self.podfleet(verb, *arguments, check=False, environment=how.get("environment"))
        assert ran.code == 1, f"{verb} ended with {ran.code}:\n{ran.stdout}\n{ran.stderr}"
        return ran.stderr

    def begin(self, verb: str, *arguments: str) -> Begun:
        """Starts ./podfleet in a session of its own and leaves it alone."""
        words = self.directory.parent / f"words-{time.monotonic_ns()}"
        with words.open("wb") as out:
            process = subprocess.Popen(
                self._argv(verb, arguments),
                env=self._environment({}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return Begun(process, words)

    # -- what serves -----------------------------------------------------------------------

    def address(self, host: str) -> str:
        return self.lab.connection(host).endpoint.address

    def serves(self, pod: str) -> bool:
        """Whether a client outside of the host gets the pod's NodeInfo over verified TLS."""
        domain, address = self.domain(pod), self.address(self.pods[pod])
        argv = ["curl", "--silent", "--fail", "--max-time", "20", "--cacert"]
        argv += [str(self.lab.authorities), "--resolve", f"{domain}:443:{address}"]
        done = subprocess.run(
            [*argv, f"https://{domain}/.well-known/nodeinfo"], capture_output=True, check=False
        )
        return done.returncode == 0 and b"links" in done.stdout

    def state_of(self, pod: str) -> str:
        """The pod's state as `status --json` has it."""
        pods = self.podfleet("status", "--json").json["pods"]
        return str(next(one["state"] for one in pods if one["name"] == pod))

    def has_nothing_to_do(self) -> bool:
        return bool(self.podfleet("plan", "--json").json["nothing_to_do"])

    # -- the servers, by the lab's own way in -----------------------------------------------

    def connection(self, host: str) -> Connection:
        return self.lab.connection(host)

    def shell(self, host: str, script: str, check: bool = True) -> str:
        """What a few lines of shell on the host say."""
        done = self.connection(host).run(["sh", "-euc", script], check=check)
        return (done.stdout + done.stderr).decode(errors="replace")

    def traces(self, host: str) -> str:
        """Every file by which podfleet could have touched a host, with its time and mode."""
        script = (
            "find /etc /opt /var/lib/podfleet -not -path '*/__pycache__*' "
            "-type f -printf '%p %T@ %m\\n' | sort; "
            "systemctl list-unit-files --no-legend --no-pager 'pod-*'"
        )
        return self.shell(host, script)

    @contextmanager
    def held(self, host: str, lock: str) -> Iterator[None]:
        """Somebody on the host holds a lock, and whoever wants it waits."""
        unit = ["systemd-run", "--quiet", "--collect", "--unit=hold"]
        self.connection(host).run([*unit, "flock", "--exclusive", lock, "sleep", "300"])
        self.shell(host, f"while flock --nonblock {lock} true; do sleep 0.05; done")
        try:
            yield
        finally:
            self.shell(host, "systemctl stop hold.service || true")

    def wait_until_somebody_waits(self, host: str) -> None:
        """Until a process on the host waits for a lock."""
        self.shell(
            host,
            "timeout 120 sh -c \"until grep -q -- '-> FLOCK' /proc/locks; do sleep 0.1; done\"",
        )

    def hang_up(self) -> None:
        """Ends the shared SSH connections: the next command meets the hosts anew."""
        fleet = load_fleet(str(self.directory))
        for host in fleet.hosts.values():
            ssh.connect(fleet, host, Silent()).close()

    def name(self, pods: Mapping[str, int]) -> None:
        """What the world's DNS says: pods and the number of the machine that each name leads to."""
        hosts = {f"{host}.lab.test": self.lab.number(host) for host in self.hosts}
        self.lab.services().up(hosts | {self.domain(pod): at for pod, at in pods.items()})

    def orders(self) -> int:
        """How many certificates were ever ordered of the lab's ACME server."""
        log = self.lab.services().directory / "log" / "pebble.log"
        return log.read_text().count("POST /order-plz")
