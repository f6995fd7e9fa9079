"""verify: the testinfra suite run against a fleet's live hosts and pods."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from provision.errors import PodfleetError
from provision.federation import canary_pod
from provision.fleet.model import Fleet, Pod
from provision.fleet.secrets import Vault, open_vault
from provision.hosts.providers import as_it_runs
from provision.looking import Seen, look, select
from provision.report import Report
from provision.verify.ahead import Ahead
from provision.verify.backend import machine
from provision.verify.checks import Check, check_lines
from provision.verify.collecting import Collector
from provision.verify.subjects import HostSubject, PodSubject, Subjects

__all__ = ["Check", "check_lines", "run_suite", "verify_fleet"]

SUITE = Path(__file__).with_name("suite")


def verify_fleet(
    fleet: Fleet, report: Report, *, pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> list[Check]:
    """Every check of the suite for the chosen pods and their hosts; all of them unless named."""
    fleet = as_it_runs(fleet)
    chosen = select(fleet, pods, hosts)
    wanted = dict.fromkeys(pod.host for pod in chosen) or dict.fromkeys(hosts or fleet.hosts)
    with report.step("look at the hosts"):
        seen = look(fleet, wanted, report)
    subjects = _subjects(fleet, chosen, seen, open_vault(fleet))
    return [*_unreached(chosen, seen), *run_suite(subjects, report)]


def run_suite(subjects: Subjects, report: Report, suite: Path = SUITE) -> list[Check]:
    """The suite's checks, in its order; none where no host was reached."""
    if not subjects.hosts:
        return []
    with report.step("verify"), Ahead(subjects) as ahead:
        collector = Collector(subjects, ahead, report)
        # Standard output is the caller's: its JSON must stay JSON, whatever pytest has to say.
        with contextlib.redirect_stdout(sys.stderr):
            ended = pytest.main([*_OPTIONS, f"--rootdir={suite}", str(suite)], plugins=[collector])
    if collector.is_interrupted:
        raise KeyboardInterrupt
    # Tests that failed are the result; anything else means that the suite did not run.
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {ended!r} over {suite}")
    return collector.checks


# Nothing of the caller's own pytest settings, plugins or terminal has a say here.
_OPTIONS = (
    "-c", "/dev/null", "--noconftest", "--import-mode=importlib", "--disable-plugin-autoload",
    "-p", "no:cacheprovider", "-p", "no:terminal", "--capture=no",
)  # fmt: skip


def _subjects(
    fleet: Fleet, chosen: Sequence[Pod], seen: Mapping[str, Seen], vault: Vault
) -> Subjects:
    hosts = {
        name: HostSubject(one.host, one.connection, one.facts, machine(one.connection))
        for name, one in seen.items()
        if one.connection is not None and one.facts is not None
    }
    pods = tuple(
        PodSubject(pod, on, on.facts.pods.get(pod.name), canary_pod(fleet, vault, pod))
        for pod in chosen
        if (on := hosts.get(pod.host))
    )
    flyers = [canary_pod(fleet, vault, pod) for pod in fleet.pods.values()]
    return Subjects(tuple(hosts.values()), pods, tuple(one for one in flyers if one))


def _unreached(chosen: Sequence[Pod], seen: Mapping[str, Seen]) -> list[Check]:
    """A host that does not answer fails, and its pods with it: nobody could look at them."""
    found = []
    for name, one in seen.items():
        if one.error is not None:
            found.append(Check("reachable", None, name, "failed", _words(one.error)))
            found += [
                Check("reachable", pod.name, name, "failed", f"host {name} cannot be reached")
                for pod in chosen
                if pod.host == name
            ]
    return found


def _words(error: PodfleetError) -> str:
    return " ".join(str(error).split())
