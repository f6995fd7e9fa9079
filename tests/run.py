"""What ./check runs: a table of parts, each with its deadline; then one line that counts it all.

A part that is not pytest counts as one test. A skipped test is named with its reason, and with
CI=true fails unless EXPECTED_SKIPS knows it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = CHECKOUT / ".venv/bin"
PYTHON = str(BIN / "python")

# Reasons, by their first words, for which a test may be skipped where CI=true.
EXPECTED_SKIPS: tuple[str, ...] = ()

# The real things that tests without guests run, each with its reason.
TEST_PACKAGES = {
    "acl": "gives the monitor its rights (setfacl)",
    "chromium": "opens the dashboard's pages",
    "postgresql": "is read by the exporter's tests",
    "prometheus": "evaluates the rules and answers the dashboard (and promtool checks them)",
    "prometheus-alertmanager": "judges how alerts are told (amtool)",
    "redis-server": "is read by the exporter's tests",
}


# What is written from the one place that defines it.
GENERATORS = ("provision.cli.reference", "monitoring.grafana")


@dataclass(frozen=True)
class Part:
    """One part of the check; a part with `tests` is pytest on these paths."""

    name: str
    deadline_seconds: int
    argv: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    is_lab: bool = False


# The longest first: two run at a time.
PARTS: tuple[Part, ...] = (
    Part("tests: monitoring", 900, tests=("tests/unit/monitoring",)),
    Part("tests: the rest", 600, tests=("tests/unit/[i-l]*", "tests/unit/[n-z]*")),
    Part("tests: controller", 600, tests=("tests/unit/[a-h]*", "tests/golden", "tests/contract")),
    Part(
        "roles",
        240,
        (str(BIN / "ansible-lint"), "--profile", "production", "--offline", "-q", "roles"),
    ),
    Part("types", 240, (PYTHON, "-m", "mypy", "--strict", "--no-error-summary")),
    Part("format", 60, (str(BIN / "ruff"), "format", "--check", "--quiet", ".")),
    Part("lint", 60, (str(BIN / "ruff"), "check", "--quiet", ".")),
    # Each part has labs of its own: two side by side wait less than one after the other.
    Part("lab: upgrades, f to z", 3600, tests=("tests/lab/upgrades/test_[f-z]*.py",), is_lab=True),
    Part("lab: upgrades, a to e", 3600, tests=("tests/lab/upgrades/test_[a-e]*.py",), is_lab=True),
    Part("lab: operations", 2700, tests=("tests/lab/operations",), is_lab=True),
    Part("lab: monitoring", 2700, tests=("tests/lab/monitoring",), is_lab=True),
    Part("lab: fleet", 2700, tests=("tests/lab/fleet",), is_lab=True),
    Part("lab: faults", 2700, tests=("tests/lab/faults",), is_lab=True),
    Part("lab: platform", 1800, tests=("tests/lab/platform",), is_lab=True),
    Part("lab: machines", 1800, tests=("tests/lab/test_*.py",), is_lab=True),
)


@dataclass
class Result:
    """How a part ended."""

    part: Part
    seconds: float
    output: str
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts; 0 when all is well."""
    # A shell that starts this in the background lets it ignore Ctrl-C, and its children with it:
    # tests that interrupt what they test would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = _options(argv)
    parts = [part for part in PARTS if _is_wanted(part, options)]
    if not parts:
        names = ", ".join(part.name for part in PARTS)
        print(f"no part fits (the lab's need root); there are {names}")
        return 2
    unrun = _say_what_is_left_out(options)
    _install_packages(parts)
    with ThreadPoolExecutor(max_workers=2) as threads:
        running = [threads.submit(_run, part) for part in parts]
        results = [_shown(done.result()) for done in as_completed(running)]
    return _conclude(results, unrun)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./check", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="without the lab, for daily work")
    parser.add_argument("--lab-only", action="store_true", help="the lab's tests alone")
    words = "only the parts with WORD in their name; may be given again"
    parser.add_argument("--part", action="append", metavar="WORD", help=words)
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="write docs/reference and Grafana's dashboard, and end",
    )
    options = parser.parse_args(argv)
    if options.write_docs:
        calls = [[PYTHON, "-P", "-m", module] for module in GENERATORS]
        sys.exit(max(subprocess.call(each, cwd=CHECKOUT) for each in calls))
    return options


def _is_wanted(part: Part, options: argparse.Namespace) -> bool:
    if options.part and not any(word in part.name for word in options.part):
        return False
    if part.is_lab:
        return not options.fast and os.geteuid() == 0
    return not options.lab_only


def _say_what_is_left_out(options: argparse.Namespace) -> int:
    """How many parts should have run and cannot."""
    if options.fast:
        print("LEFT OUT: the lab's tests (--fast)", flush=True)
    elif options.part:
        print(f"LEFT OUT: all but {', '.join(options.part)} (--part)", flush=True)
    elif os.geteuid() != 0:
        print("NOT RUN: the lab's tests need root. Run: sudo ./check (or ./check --fast)")
        return 1
    return 0


def _install_packages(parts: Sequence[Part]) -> None:
    from provision.debian import ensure_packages
    from provision.lab.requirements import DEBIAN_PACKAGES
    from provision.report import Lines

    if any(part.is_lab for part in parts):
        ensure_packages(DEBIAN_PACKAGES, Lines())
    if any(part.tests and not part.is_lab for part in parts):
        ensure_packages(TEST_PACKAGES, Lines())


def _run(part: Part) -> Result:
    started = time.monotonic()
    print(f"{part.name} ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="podfleet-check-") as directory:
        record = Path(directory) / "results.xml"
        code, output = _call(part, _argv(part, record))
        result = Result(part, time.monotonic() - started, output)
        if part.tests and record.exists():
            _count(result, record)
        if code != 0 and not result.failed:
            result.failed = 1
        if not part.tests and code == 0:
            result.passed = 1
    return result


def _argv(part: Part, record: Path) -> list[str]:
    if not part.tests:
        return list(part.argv)
    there = [str(path) for pattern in part.tests for path in sorted(CHECKOUT.glob(pattern))]
    # Without any path pytest would run everything; with one that is not there it fails.
    named = there or part.tests
    return [PYTHON, "-P", "-m", "pytest", "-q", "--color=no", f"--junitxml={record}", *named]


def _call(part: Part, argv: list[str]) -> tuple[int, str]:
    """The exit code and what was said; at the deadline the part and its children are ended."""
    child = subprocess.Popen(
        argv,
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=part.deadline_seconds)
    except subprocess.TimeoutExpired:
        _end(child)
        output, _ = child.communicate()
        return 1, f"{output or ''}\n{part.name}: not done in {part.deadline_seconds} s: ended.\n"
    except BaseException:
        _end(child)
        raise
    return child.returncode, output or ""


def _end(child: subprocess.Popen[str]) -> None:
    """Ends the part's whole session; first politely, so that tests can clean their labs up."""
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)


def _count(result: Result, record: Path) -> None:
    for case in ElementTree.parse(record).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        if (skipped := case.find("skipped")) is not None:
            result.skipped.append(f"{name}: {skipped.get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        else:
            result.passed += 1


def _shown(result: Result) -> Result:
    well = "ok" if not result.failed else "FAILED"
    print(f"{result.part.name}: {well} in {result.seconds:.1f} s", flush=True)
    if result.failed and result.output:
        print(result.output.rstrip(), flush=True)
    return result


def _conclude(results: list[Result], unrun: int) -> int:
    skipped = [each for result in results for each in result.skipped]
    for each in skipped:
        print(f"SKIPPED {each}")
    unexpected = [each for each in skipped if not _is_expected(each)]
    failed = sum(result.failed for result in results) + unrun
    if os.environ.get("CI") == "true" and unexpected:
        print(f"{len(unexpected)} unexpected skips count as failures, because CI=true")
        failed += len(unexpected)
    passed = sum(result.passed for result in results)
    tail = f", {len(skipped)} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{tail}")
    return 1 if failed else 0


def _is_expected(skip: str) -> bool:
    return any(skip.partition(": ")[2].startswith(reason) for reason in EXPECTED_SKIPS)


if __name__ == "__main__":
    sys.exit(main())
