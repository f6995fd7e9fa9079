"""A runtime holds what a host runs, the same each time, and none of the controller's own parts."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.releases import runtime
from provision.releases.cache import sha256_of
from provision.releases.runtime import Runtime, runtime_tarball


@pytest.fixture(autouse=True)
def small_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a site that is already there: wheels are the lab tests' affair."""
    root = tmp_path / "checkout"
    for name in (
        "provision/operations/host_main.py",
        "provision/operations/__pycache__/host_main.pyc",
        "provision/cli/main.py",
        "provision/lab/guest.py",
        "monitoring/nodeinfo.py",
        "monitoring/rules/pods.yml",
        "docs/runbook.md",
        "docs/interfaces.md",
        "templates/pod/vhost.conf",
        "tests/test_all.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "pyproject.toml").write_text("[project.optional-dependencies]\nhost = ['a']\n")
    (root / "requirements.lock").write_text("a==1\n")
    monkeypatch.setattr(runtime, "CHECKOUT", root)
    monkeypatch.setattr(runtime, "_install", _install)
    return root


def _install(wanted: list[str], lock: Path, into: Path, python: str, platform: str) -> None:
    for name in ("a/__init__.py", "a/speedups.c", "a/tests/test_a.py", "bin/a", "a-1/METADATA"):
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_text(f"{name} {python} {platform}")


def names(found: Runtime) -> list[str]:
    with tarfile.open(found.path) as tar:
        return tar.getnames()


def test_it_holds_what_a_host_runs_and_nothing_else() -> None:
    assert names(runtime_tarball("3.13", "x86_64")) == [
        "bin/podfleet-dashboard",
        "bin/podfleet-host",
        "bin/podfleet-monitor",
        "docs/runbook.md",
        "monitoring/nodeinfo.py",
        "provision/operations/host_main.py",
        "site/a-1/METADATA",
        "site/a/__init__.py",
        "templates/pod/vhost.conf",
    ]


def test_equal_code_is_an_equal_runtime(small_checkout: Path) -> None:
    first = runtime_tarball("3.13", "x86_64")
    content = first.path.read_bytes()
    first.path.unlink()
    (small_checkout / "provision/cli/main.py").write_text("changed")
    assert runtime_tarball("3.13", "x86_64") == first
    assert first.path.read_bytes() == content
    assert first.sha256 == sha256_of(first.path)


@pytest.mark.parametrize("name", ["provision/operations/host_main.py", "templates/pod/vhost.conf"])
def test_changed_code_is_another_runtime(small_checkout: Path, name: str) -> None:
    before = runtime_tarball("3.13", "x86_64")
    (small_checkout / name).write_text("changed")
    assert runtime_tarball("3.13", "x86_64").version != before.version


def test_each_python_and_architecture_has_its_own() -> None:
    found = {
        runtime_tarball(python, architecture).version
        for python in ("3.13", "3.14")
        for architecture in ("x86_64", "aarch64")
    }
    assert len(found) == 4


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(Refusal, match=r"architecture riscv64: podfleet has no runtime.*aarch64"):
        runtime_tarball("3.13", "riscv64")


def test_the_entry_finds_its_runtime_through_a_link(tmp_path: Path) -> None:
    root = tmp_path / "unpacked"
    with tarfile.open(runtime_tarball("3.13", "x86_64").path) as tar:
        for member in tar:
            tar.extract(member, root)
    (root / "provision/operations/host_main.py").write_text(
        "def main(arguments: list[str]) -> int:\n    print(arguments)\n    return 4\n"
    )
    (tmp_path / "current").symlink_to("unpacked")
    argv = [str(tmp_path / "current/bin/podfleet-host"), "run", "main"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd="/", check=False)
    assert (done.stdout, done.returncode) == ("['run', 'main']\n", 4)
