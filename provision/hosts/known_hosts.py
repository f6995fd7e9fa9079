"""The pinned host keys of one fleet: a known_hosts file by host name, not by address."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Destination(Protocol):
    """What first contact needs to know of an endpoint."""

    @property
    def destination(self) -> str: ...


def _one_file(path: Path) -> str:
    """As ssh takes it for one file: it would split the option at a space, and replace `%h`."""
    text = str(path).replace("%", "%%")
    return f'"{text}"' if re.search(r"\s", text) else text


@dataclass(frozen=True)
class KnownHosts:
    """`<fleet directory>/known_hosts`. Only ssh judges keys; this file only says which are ours."""

    path: Path

    def options(self, name: str, checking: str = "yes") -> list[str]:
        """ssh options that accept this host's pinned key and nothing else."""
        return [
            "-o", f"UserKnownHostsFile={_one_file(self.path)}",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", f"HostKeyAlias={name}",
            "-o", f"StrictHostKeyChecking={checking}",
            "-o", "CheckHostIP=no",
            "-o", "UpdateHostKeys=no",
        ]  # fmt: skip

    def has(self, name: str) -> bool:
        return bool(self.lines(name))

    def lines(self, name: str) -> list[str]:
        """The file's lines for one host."""
        if not self.path.exists():
            return []
        return [line for line in self.path.read_text().splitlines() if line.split()[:1] == [name]]

    def first_contact(self, options: list[str], endpoint: Destination) -> tuple[list[str], str]:
        """The keys a host proves to own in a real key exchange, and what ssh said meanwhile."""
        with tempfile.TemporaryDirectory() as directory:
            fresh = KnownHosts(Path(directory) / "known_hosts")
            argv = ["ssh", *options, *fresh.options("met", checking="accept-new")]
            argv += ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlPath=none"]
            argv += ["-o", "HashKnownHosts=no", "-o", "LogLevel=ERROR"]
            done = subprocess.run(
                [*argv, endpoint.destination, "true"],
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
            )  # fmt: skip
            keys = [" ".join(line.split()[1:3]) for line in fresh.lines("met")]
        return keys, done.stderr.decode(errors="replace")

    def pin(self, name: str, keys: list[str]) -> None:
        """Adds a host's keys, once, whoever else is doing the same."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self.has(name):
                file.write("".join(f"{name} {key}\n" for key in keys))

    def forget(self, name: str) -> None:
        """Removes a host's keys: its next contact is a first one."""
        if not self.path.exists():
            return
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            kept = [line for line in file if line.split()[:1] != [name]]
            file.seek(0)
            file.truncate()
            file.writelines(kept)

    def fingerprint(self, name: str) -> str:
        return self.fingerprint_of([" ".join(line.split()[1:3]) for line in self.lines(name)])

    @staticmethod
    def fingerprint_of(keys: list[str]) -> str:
        """SHA256 fingerprints as ssh-keygen shows them, with the kind of key."""
        listing = subprocess.run(
            ["ssh-keygen", "-l", "-f", "-"],
            input="".join(f"{key}\n" for key in keys).encode(), capture_output=True, check=True,
        ).stdout.decode()  # fmt: skip
        fields = [line.split() for line in listing.splitlines()]
        return ", ".join(f"{words[1]} {words[-1]}" for words in fields)
