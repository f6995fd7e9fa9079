"""Reaches a pod's host: runs programs as the pod's user, in its release, and Ruby within it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT_SECONDS = 180
# What precedes the answer on standard output: sidekiq, for one, says there that it connects.
MARK = "contract-answer:"


class HostFailed(Exception):
    """A program on the host failed; the text holds the last it said."""


@dataclass(frozen=True)
class OnHost:
    """A pod as only its host shows it. `shell` is an argv that takes a remote command line."""

    shell: tuple[str, ...]
    user: str
    directory: str
    # The name by which systemd knows its units; none where podfleet did not make them.
    pod: str | None = None

    def as_root(self, argv: Sequence[str], stdin: str = "") -> str:
        return self._run(argv, stdin).stdout

    def as_pod(self, argv: Sequence[str], stdin: str = "", **variables: str) -> str:
        """Standard output of a program run in the pod's environment."""
        done = self._run(self._inside(argv, variables), stdin)
        return done.stdout

    def fails(self, argv: Sequence[str], **variables: str) -> bool:
        """Whether a program exits with an error in the pod's environment."""
        return self._finish(self._inside(argv, variables), "").returncode != 0

    def ruby(self, program: str, **variables: str) -> object:
        """The JSON value of a Ruby program's last expression, run by `rails runner`."""
        return self.ruby_all([program], **variables)[0]

    def ruby_all(self, programs: Sequence[str], **variables: str) -> list[object]:
        """The values of several programs, for one start of Rails."""
        parts = "".join(f"answers << begin\n{program}\nend\n" for program in programs)
        program = f"answers = []\n{parts}puts '{MARK}' + answers.to_json\n"
        said = self.as_pod(["bin/rails", "runner", "-"], program, **variables)
        answers = [line for line in said.splitlines() if line.startswith(MARK)]
        if not answers:
            raise HostFailed(f"rails runner gave no answer: {said[-300:]}")
        values: list[object] = json.loads(answers[-1].removeprefix(MARK))
        return values

    def _inside(self, argv: Sequence[str], variables: dict[str, str]) -> list[str]:
        settings = {
            "RAILS_ENV": "production",
            "EXECJS_RUNTIME": "Disabled",
            "LANG": "C.UTF-8",
            **variables,
        }
        pairs = [f"{name}={value}" for name, value in settings.items()]
        return ["runuser", "-u", self.user, "--", "env", "-C", self.directory, *pairs, *argv]

    def _run(self, argv: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
        done = self._finish(argv, stdin)
        if done.returncode:
            raise HostFailed(f"{argv[0]} ended with {done.returncode}: {done.stderr[:800]}")
        return done

    def _finish(self, argv: Sequence[str], stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.shell, shlex.join(argv)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
