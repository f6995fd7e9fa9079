"""Settings full of what shells, templates and TOML take for their own reach diaspora.toml as is."""

from __future__ import annotations

import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from provision.quoting import toml
from tests.lab.faults.controller import Controller

NASTY = (
    "Größe \"quoted\" 'single' \\n\\back\\ $(touch /tmp/owned) `id` {{ 7 * 7 }} {% raw %} ${HOME}"
)
TITLE = f"{NASTY}\nsecond line\t#; &&"
JURISDICTION = f"Österreich, {NASTY} '''"
# What its value begins with is nowhere else: wherever it is found, the secret is.
MARK = "s3cret-Zx9"
SECRET = f"{MARK} {NASTY}"
MAIL = """
[pods.alpha.diaspora.mail]
enable = true
sender_address = "no-reply@alpha.example.org"
method = "smtp"
smtp = { host = "mail.example.org", port = 587, authentication = "plain", username = "alpha" }
"""


@contextmanager
def arguments_seen(found: set[str]) -> Iterator[None]:
    """Every command line of this machine meanwhile; its guests' processes are seen from here."""
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    found.add(path.read_bytes().decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.05)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def configured(stood: Controller) -> Iterator[dict[str, Any]]:
    """All that was said and seen while the settings came into force."""
    said: list[str] = []
    seen: set[str] = set()
    text = stood.file.read_text()
    terms = f"terms = {{ enable = true, jurisdiction = {toml(JURISDICTION)} }}"
    stated = 'pod_name = "alpha"'
    assert stated in text
    stood.file.write_text(text.replace(stated, f"pod_name = {toml(TITLE)}, {terms}") + MAIL)
    with arguments_seen(seen):
        kept = stood.podfleet("secrets set", "alpha", "mail.smtp.password", stdin=SECRET.encode())
        for verb in (["plan", "--diff"], ["configure"], ["plan", "--diff"], ["status", "--json"]):
            ran = stood.podfleet(*verb)
            said += [ran.stdout, ran.stderr]
    yield {"said": [kept.stdout, kept.stderr, *said], "arguments": seen, "diff": said[0]}
    stood.file.write_text(text)
    stood.podfleet("up")


def diaspora_toml(stood: Controller) -> dict[str, Any]:
    path = "/srv/pods/alpha/current/config/diaspora.toml"
    return tomllib.loads(stood.shell("one", f"cat {path}"))


def test_they_arrive_exactly(stood: Controller, configured: dict[str, Any]) -> None:
    found = diaspora_toml(stood)["configuration"]
    assert found["settings"]["pod_name"] == TITLE
    assert found["settings"]["terms"]["jurisdiction"] == JURISDICTION
    assert found["mail"]["smtp"]["password"] == SECRET
    assert stood.shell("one", "ls /tmp/owned 2>/dev/null || true") == ""
    assert not Path("/tmp/owned").exists()


def test_the_pod_serves_with_them(stood: Controller, configured: dict[str, Any]) -> None:
    assert stood.serves("alpha")
    assert stood.state_of("alpha") == "serving"
    assert stood.has_nothing_to_do()
    assert "<pods.alpha.settings.mail.smtp.password>" in configured["diff"]


def test_the_secret_is_nowhere_but_in_its_files(
    stood: Controller, configured: dict[str, Any]
) -> None:
    assert not [words for words in configured["arguments"] if MARK in words]
    assert not [words for words in configured["said"] if MARK in words]
    on_host = (
        f"grep --recursive --files-with-matches --text {MARK} /var/lib/podfleet /etc /tmp /var/tmp "
        "/var/log /srv/pods /run/podfleet || true"
    )
    found = stood.shell("one", on_host).split()
    assert [path for path in found if not path.endswith("/config/diaspora.toml")] == []
    assert len(found) == 1
    assert stood.shell("one", f"stat -c '%a %U:%G' {found[0]}").strip() == "640 root:pod-alpha"
    assert stood.shell("one", f"journalctl --no-pager | grep --count {MARK} || true").strip() == "0"


def test_the_secret_is_not_on_this_machine(stood: Controller, configured: dict[str, Any]) -> None:
    """The vault is encrypted; stages are gone; logs and caches never had it."""
    own = stood.directory.parent
    guests = own / "lab"
    argv = ["grep", "--recursive", "--files-with-matches", "--text", MARK, str(own)]
    done = subprocess.run(
        [*argv, f"--exclude-dir={guests.name}"], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    stages = [*Path("/tmp").glob("podfleet-*"), *Path("/var/tmp").glob("podfleet-*")]
    assert [path for path in stages if _has_mark(path)] == []


def _has_mark(path: Path) -> bool:
    argv = ["grep", "--recursive", "--quiet", "--text", MARK, str(path)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
