"""A fleet that stands up in a lab of its own, driven as a user drives it: by ./podfleet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provision.fleet.loading import load_fleet
from provision.fleet.model import Fleet
from provision.hosts.providers import as_it_runs
from provision.places import CHECKOUT


@dataclass(frozen=True)
class Ran:
    """How a command ended; `seconds` is what its user waited."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Standing:
    """A copy of an example fleet, whose file a test may change; its lab's state is its own."""

    directory: Path
    state: Path

    @classmethod
    def copied(cls, example: str, where: Path, name: str) -> Standing:
        """The example under another name: two labs of one name would share what they remember."""
        directory = where / name
        shutil.copytree(CHECKOUT / "inventories" / example, directory)
        return cls(directory, where / "state")

    @property
    def file(self) -> Path:
        return self.directory / "fleet.toml"

    def fleet(self) -> Fleet:
        """The fleet as it is now, with its lab's addresses."""
        return as_it_runs(load_fleet(str(self.directory)))

    def podfleet(
        self, verb: str, *arguments: str, check: bool = True, timeout_seconds: float = 580
    ) -> Ran:
        """Runs ./podfleet with this fleet; a failure shows what it said."""
        words = verb.split()
        argv = [str(CHECKOUT / "podfleet"), *words, "--fleet", str(self.directory), *arguments]
        started = time.monotonic()
        done = subprocess.run(
            argv,
            env={**os.environ, "PODFLEET_STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
        if check and ran.code:
            raise AssertionError(f"{argv} ended with {ran.code}:\n{ran.stdout}\n{ran.stderr}")
        return ran

    def on(self, host: str, *command: str, check: bool = True) -> str:
        """Runs a command on a lab host; its output."""
        return self.podfleet("lab ssh", host, "--", *command, check=check).stdout

    def edit(self, old: str, new: str) -> None:
        """Changes the fleet file; the old text must be there."""
        text = self.file.read_text()
        assert old in text, f"{old!r} is not in {self.file}"
        self.file.write_text(text.replace(old, new))
