"""Debian packages that podfleet needs on the machine it runs on, installed when it may.

As root through apt, saying what and why; otherwise one line says what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping

from provision.errors import Refusal
from provision.report import Report

_NOTHING_ASKED = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
_LAST_WORDS = 15


def ensure_packages(packages: Mapping[str, str], report: Report) -> None:
    """Installs those of the packages (name: reason) that are missing; refuses where it cannot."""
    missing = missing_packages(packages)
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Refusal(
            "this machine", f"it lacks {names}", f"Install with: sudo apt-get install {names}"
        )
    for name in missing:
        report.line(f"needs the Debian package {name}: it {packages[name]}")
    with report.step(f"apt-get install {names}"):
        _apt("update", "-q")
        _apt("install", "-q", "-y", "--no-install-recommends", *missing)


def missing_packages(packages: Iterable[str]) -> list[str]:
    """Those that dpkg does not know as installed, in their order."""
    wanted = list(packages)
    if not shutil.which("dpkg-query"):
        return wanted
    argv = ["dpkg-query", "-W", "-f=${Package} ${Status}\n", *wanted]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    installed = {
        line.split()[0] for line in done.stdout.splitlines() if line.endswith(" ok installed")
    }
    return [name for name in wanted if name not in installed]


def _apt(*argv: str) -> None:
    done = subprocess.run(
        ["apt-get", *argv],
        env={**os.environ, **_NOTHING_ASKED},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-_LAST_WORDS:])
        raise Refusal(
            f"apt-get {argv[0]}",
            f"ended with {done.returncode}: {said}",
            "Mend what it says (a package mirror that is down?), then run this again.",
        )
