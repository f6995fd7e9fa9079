"""One multiplexed OpenSSH connection to a host: run, stream, copy; quoting happens here alone.

Commands are argv lists and run as root: a user who is not root gets `sudo -n` before them.
Every failure to reach the host is a Refusal that says what to do.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from provision.errors import Refusal
from provision.hosts.control_sockets import control_path, one_at_a_time
from provision.hosts.known_hosts import KnownHosts
from provision.hosts.ssh_errors import SSH_FAILED, explain, is_ssh_failure

CONNECT_TIMEOUT_SECONDS = 10

# The new tree takes the old one's place by one rename: the exchange is atomic, a crash leaves
# either tree whole. Arguments: target, temporary directory.
_RECEIVE_TREE = """
set -eu
target=$1 new=$2
umask 077
mkdir -p -- "$(dirname -- "$target")"
mkdir -m 0700 -- "$new"
trap 'rm -rf -- "$new"' EXIT
tar --extract --file=- --directory="$new" --same-permissions --no-same-owner \\
    --no-overwrite-dir
sync --file-system -- "$new"
if [ -e "$target" ]; then mv --exchange --no-copy --no-target-directory -- "$new" "$target"
else mv --no-target-directory -- "$new" "$target"; fi
"""

# Arguments: target, temporary file, mode.
_RECEIVE_FILE = """
set -eu
target=$1 new=$2 mode=$3
umask 077
trap 'rm -f -- "$new"' EXIT
cat >"$new"
chmod -- "$mode" "$new"
sync -- "$new"
mv --no-target-directory -- "$new" "$target"
"""


@dataclass(frozen=True)
class Completed:
    """How a command on the host ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Endpoint:
    """Where a host is reached, and with what; `config` None means the user's own ssh_config."""

    name: str
    address: str
    user: str = "root"
    port: int | None = None
    identity: Path | None = None
    config: Path | None = None

    def options(self) -> list[str]:
        """ssh options of this endpoint alone."""
        options = [] if self.config is None else ["-F", str(self.config)]
        if self.port is not None:
            options += ["-p", str(self.port)]
        if self.identity is not None:
            options += ["-i", str(self.identity), "-o", "IdentitiesOnly=yes"]
        return options

    @property
    def destination(self) -> str:
        return f"{self.user}@{self.address}"


@dataclass
class Connection:
    """A host over SSH. May be used from several threads at once."""

    endpoint: Endpoint
    known_hosts: KnownHosts
    # Called with name and fingerprint when a host is met for the first time, before it is pinned.
    on_first_contact: Callable[[str, str], None] = lambda name, fingerprint: None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _is_open: bool = field(default=False, repr=False)

    @property
    def name(self) -> str:
        return self.endpoint.name

    # -- how OpenSSH is called -------------------------------------------------------------

    def ssh_common_args(self) -> list[str]:
        """Options for any OpenSSH client (Ansible's, scp's): pinned key, shared connection."""
        return [
            *self.endpoint.options(),
            *self.known_hosts.options(self.name),
            "-o", "BatchMode=yes",
            "-o", "LogLevel=ERROR",
            "-o", f"ConnectTimeout={CONNECT_TIMEOUT_SECONDS}",
            "-o", "ServerAliveInterval=5",
            "-o", "ServerAliveCountMax=3",
            "-o", "ForwardAgent=no",
            "-o", f"ControlPath={self._control_path()}",
        ]  # fmt: skip

    def ssh_argv(self) -> list[str]:
        """The argv that opens a shell on the host, or runs what is appended to it."""
        return self._ssh("-o", "ControlMaster=no")

    def _ssh(self, *options: str) -> list[str]:
        return ["ssh", *self.ssh_common_args(), *options, self.endpoint.destination]

    def _control_path(self) -> str:
        to = self.endpoint
        return control_path(self.name, to.destination, str(to.port), str(self.known_hosts.path))

    def argv(self, argv: Sequence[str]) -> list[str]:
        """ssh's argv for a command on the host: here alone is a remote shell quoted for."""
        prefix = [] if self.endpoint.user == "root" else ["sudo", "-n", "--"]
        return [*self.ssh_argv(), "--", shlex.join([*prefix, *argv])]

    def tunnel_argv(self, port: int, remote: PurePosixPath) -> list[str]:
        """ssh's argv that leads a port of this machine's loopback to a socket on the host.

        A connection of its own, so that it ends with its process.
        """
        own = ["ssh", "-o", "ControlPath=none", *self.ssh_common_args(), "-N"]
        forward = ["-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:{remote}"]
        return [*own, *forward, self.endpoint.destination]

    # -- opening and closing ---------------------------------------------------------------

    def open(self) -> None:
        """Opens the shared connection if it is not open; pins the host's key at first contact."""
        with self._lock:
            path = self._control_path()
            # Once opened, the socket is enough: ssh goes its own way when the master has died.
            if self._is_open and Path(path).exists():
                return
            # Of two masters for one socket, the second would stay behind without it.
            with one_at_a_time(path):
                if not self._has_master(path):
                    self._open()
            self._is_open = True

    def _open(self) -> None:
        if not self.known_hosts.has(self.name):
            self._meet()
        self._start_master()
        self._check_root()

    def _has_master(self, path: str) -> bool:
        if not Path(path).exists():
            return False
        argv = self._ssh("-O", "check")
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def _meet(self) -> None:
        """Takes the host's key from a real key exchange, shows it, and pins it."""
        keys, complaint = self.known_hosts.first_contact(self.endpoint.options(), self.endpoint)
        if not keys:
            raise explain(self.name, self.endpoint.destination, complaint)
        self.on_first_contact(self.name, self.known_hosts.fingerprint_of(keys))
        self.known_hosts.pin(self.name, keys)

    def _start_master(self) -> None:
        argv = self._ssh("-o", "ControlMaster=yes", "-o", "ControlPersist=120", "-f", "-N")
        # ssh stays behind as the master: it must not keep a pipe of ours open.
        log = Path(f"{self._control_path()}.log")
        with log.open("wb") as out:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
            )
        complaint = log.read_text(errors="replace")
        log.unlink(missing_ok=True)
        if done.returncode != 0:
            raise explain(self.name, self.endpoint.destination, complaint)

    def _check_root(self) -> None:
        done = subprocess.run(self.argv(["id", "-u"]), capture_output=True, check=False)
        if done.stdout.strip() == b"0":
            return
        subprocess.run(self._ssh("-O", "exit"), capture_output=True, check=False)
        who = self.endpoint.destination
        raise Refusal(
            f"host {self.name}",
            f"{who} is not root: {done.stderr.decode(errors='replace').strip() or done.stdout!r}",
            "Connect as root, or let that user run sudo without a password.",
        )

    def close(self) -> None:
        """Ends the shared connection; the next command opens it again."""
        with self._lock:
            self._is_open = False
            if Path(self._control_path()).exists():
                subprocess.run(self._ssh("-O", "exit"), capture_output=True, check=False)

    def fingerprint(self) -> str:
        """The pinned key's SHA256 fingerprint."""
        self.open()
        return self.known_hosts.fingerprint(self.name)

    # -- commands --------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        check: bool = True,
        timeout_seconds: float | None = None,
    ) -> Completed:
        """Runs argv as root. With check, another exit code than 0 is a Refusal with its words."""
        with self.popen(
            argv,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
            except BaseException as error:
                process.kill()
                if isinstance(error, subprocess.TimeoutExpired):
                    raise self._timed_out(argv, error.timeout) from error
                raise
        done = Completed(process.returncode, stdout, stderr)
        self._judge(argv, done, check)
        return done

    def _is_lost(self, words: str) -> bool:
        """ssh says why, but for a shared connection that died under it: then it says nothing."""
        return is_ssh_failure(words) or not (words or self._has_master(self._control_path()))

    def _timed_out(self, argv: Sequence[str], seconds: float) -> Refusal:
        return Refusal(
            f"host {self.name}",
            f"`{argv[0]}` did not end within {seconds:g} s",
            "See what the host is busy with, then run the command again.",
        )

    def _judge(self, argv: Sequence[str], done: Completed, check: bool) -> None:
        words = done.stderr.decode(errors="replace").strip()
        if done.returncode == SSH_FAILED and self._is_lost(words):
            said = words or "Shared connection lost"
            raise explain(self.name, self.endpoint.destination, said)
        if check and done.returncode != 0:
            said = words or done.stdout.decode(errors="replace").strip()
            # Only the program is named: arguments may be long, and stdin may be secret.
            raise Refusal(
                f"host {self.name}",
                f"`{argv[0]}` ended with {done.returncode}: {said[-2000:]}",
                "Mend what it complains about, then run the command again.",
            )

    def popen(self, argv: Sequence[str], **kw: Any) -> subprocess.Popen[bytes]:
        """Starts argv as root on the host; keywords as for subprocess.Popen."""
        self.open()
        return subprocess.Popen(self.argv(argv), **kw)

    def stream(self, argv: Sequence[str]) -> Iterator[str]:
        """Yields the lines of argv's output as they come; refuses when it ends with an error."""
        process = self.popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        errors: list[bytes] = []
        with process, _collected(process.stderr, errors):
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    yield line.decode(errors="replace").rstrip("\n")
            except GeneratorExit:
                process.kill()
                raise
        self._judge(argv, Completed(process.returncode, b"", b"".join(errors)), check=True)

    # -- files -----------------------------------------------------------------------------

    def send_tree(self, local: Path, remote: PurePosixPath) -> None:
        """Puts the tree at `local` in place of `remote`, owned by root, at once or not at all."""
        new = f"{remote}.new-{secrets.token_hex(4)}"
        process = self.popen(
            ["sh", "-c", _RECEIVE_TREE, "send_tree", str(remote), new],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        errors: list[bytes] = []
        with process, _collected(process.stderr, errors):
            assert process.stdin is not None
            # A receiver that failed closes the pipe; its own words follow below.
            with contextlib.suppress(BrokenPipeError):
                with tarfile.open(fileobj=process.stdin, mode="w|", bufsize=1 << 18) as tar:
                    tar.add(local, arcname=".")
                process.stdin.close()
        self._judge(["send_tree"], Completed(process.returncode, b"", b"".join(errors)), check=True)

    def send_file(self, local: Path | bytes, remote: PurePosixPath, mode: int = 0o600) -> None:
        """Puts a file (or these bytes) in place of `remote`, owned by root, atomically."""
        new = f"{remote}.new-{secrets.token_hex(4)}"
        argv = ["sh", "-c", _RECEIVE_FILE, "send_file", str(remote), new, f"{mode:04o}"]
        if isinstance(local, bytes):
            self.run(argv, stdin=local)
            return
        with (
            local.open("rb") as source,
            self.popen(
                argv, stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            ) as process,
        ):
            _, stderr = process.communicate()
        self._judge(["send_file"], Completed(process.returncode, b"", stderr), check=True)

    def fetch_file(self, remote: PurePosixPath, local: Path) -> None:
        """Copies a file from the host; `local` appears whole, readable by its owner alone."""
        partial = local.with_name(f"{local.name}.part-{secrets.token_hex(4)}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as target, self.popen(
                ["cat", "--", str(remote)],
                stdin=subprocess.DEVNULL, stdout=target, stderr=subprocess.PIPE,
            ) as process:  # fmt: skip
                _, stderr = process.communicate()
            self._judge(["cat", str(remote)], Completed(process.returncode, b"", stderr), True)
            partial.rename(local)
        finally:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _collected(pipe: IO[bytes] | None, into: list[bytes]) -> Iterator[None]:
    """Empties a pipe in the background, so that neither side waits for the other."""
    assert pipe is not None
    reader = threading.Thread(target=lambda: into.append(pipe.read()), daemon=True)
    reader.start()
    try:
        yield
    finally:
        reader.join()
