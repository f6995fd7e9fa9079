"""The shapes that docs/interfaces.md promises are those that the code writes."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring.buckets import Bucket
from monitoring.canary.flights import Flight, pairs_to_json
from monitoring.prober.nodeinfo import Probe
from provision import places
from provision.building import artifact_json
from provision.cli.upgrade_words import outcome_json
from provision.errors import Refusal
from provision.following import Followed
from provision.history import Entry
from provision.hosts.facts import OperationFacts
from provision.kept import Kept
from provision.moving import Archived
from provision.operations import exports, ledger
from provision.operations.effects import Effect
from provision.operations.inventory import Item
from provision.operations.journal import Journal
from provision.peers import PeerState, PodPeers, peers_json
from provision.plan import Action, HostPlan, Plan, PodPlan
from provision.preflight.finding import Finding
from provision.releases.manifest import Manifest, Migration
from provision.releases.store import Artifact
from provision.status import HostStatus, PodStatus, Status
from provision.upgrading import Outcome
from provision.verify.checks import Check
from provision.waves import Result

TEXT = (places.CHECKOUT / "docs/interfaces.md").read_text(encoding="utf-8")
SECTIONS = {
    title: json.loads(example)
    for title, example in re.findall(
        r"^## ([^\n]+)\n(?:(?!^## ).)*?^```json\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE
    )
}

OPERATION = OperationFacts("id", "launch", "alice", "then", "record", True, 0)
STATUS = Status(
    (HostStatus("one", True, 1),),
    (
        PodStatus(
            "main",
            "one",
            "https://pod.example.org",
            "0.9.1.0",
            "serving",
            None,
            asdict(OPERATION),
            releases=({"id": "0.9.1.0-5ebe2294", "bytes": 1},),
            exports=({"name": "a", "bytes": 1, "at": 1},),
        ),
    ),
)
PLAN = Plan(
    (HostPlan("one", Action.CONVERGE, ("why",)),),
    (
        PodPlan(
            "main",
            "one",
            Action.CONFIGURE,
            "0.9.1.0",
            ("why",),
            (Effect("restart", "unit", ("why",)),),
        ),
    ),
)
MANIFEST = Manifest(
    release="0.9.1.0",
    source="https://github.com/diaspora/diaspora.git",
    tag="v0.9.1.0",
    commit="0" * 40,
    customisations="",
    ruby_abi="3.3.0",
    architecture="x86_64",
    platform_level=1,
    tarball_sha256="00",
    tarball_bytes=1,
    unpacked_bytes=1,
    migrations=(Migration("20240101000000_example", "00"),),
    built_at="2026-01-01T12:00:00+00:00",
)
TARGET: Any = SimpleNamespace(pod=SimpleNamespace(name="test", release="1.0.0.0"), running="id")
FAILED: Outcome = Result(TARGET, error=Refusal("pod test", "it is red", "Mend it."))
PEER = PeerState(
    peer="pod.example.net",
    bucket=Bucket.FAILING,
    reason="refused",
    words="",
    contacts=1.0,
    offline_since=1.0,
    lost_at=1.0,
    cut_off_at=1.0,
    waiting=1.0,
    probed_at=1.0,
    now=1.0,
)
STAGES = ("name", "connect", "tls", "discovery", "document", "total")
WRITTEN: dict[str, Any] = {
    "status --json": STATUS.to_json(),
    "plan --json": PLAN.to_json(),
    "build --json": [artifact_json(Artifact(Path("/a"), MANIFEST, "0.9.1.0-5ebe2294"))],
    "upgrade --json": {"pods": [outcome_json(FAILED)]},
    "history --json": [Entry("main", ledger.EMPTY).to_json()],
    "releases --json": [
        Kept("main", Item("database", "id", 1, 1.0, "why", print).to_json()).to_json()
    ],
    "verify --json": [Check("tls", "main", "one", "passed", "seen").to_json()],
    "validate --hosts --json": [Finding("port 80", "one", "main", "failed", "x", "y").to_json()],
    "canary --json": pairs_to_json([Flight("main", "other", "ok", "now")]),
    "peers --json": peers_json([PodPeers("main", "one", (PEER,))]),
    "probe --json": Probe("https://pod.example.org", seconds=dict.fromkeys(STAGES, 0.0)).to_json(),
    "follow --json": [Followed("main", "id", 0, "launch: done").to_json()],
    "export --json": [Archived("main", "one", "/path", 1).to_json()],
    "The manifest of a release": json.loads(MANIFEST.to_bytes()),
}


def shape(value: Any) -> Any:
    """The keys of it, without the values; of a list, its first member's."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [shape(value[0])] if value and isinstance(value[0], dict) else []
    return None


@pytest.mark.parametrize("title", WRITTEN)
def test_what_is_written_is_what_is_promised(title: str) -> None:
    assert shape(json.loads(json.dumps(WRITTEN[title]))) == shape(SECTIONS[title])


def test_a_journal_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "20260101T120000000-launch")
    line = journal.write("done", "migrate", seconds=2.1, evidence={})
    assert shape(line) == shape(SECTIONS["The journal of an operation"])
    assert json.loads(journal.path.read_text())["format"] == 1


def test_the_index_of_an_export(tmp_path: Path) -> None:
    promised = SECTIONS["The export of a pod"]
    about = {key: each for key, each in promised.items() if key not in ("format", "files")}
    archive = tmp_path / "export.tar.zst"
    with exports.writing(archive) as writer:
        writer.add_bytes("database.dump", b"PGDMP")
        writer.finish(about)
    assert shape(exports.read_back(archive)) == shape(promised)


def test_every_promise_is_kept_by_a_test() -> None:
    tested = {*WRITTEN, "The journal of an operation", "The export of a pod"}
    # On a real lab: tests/lab/fleet/test_readme.py, tests/lab/monitoring/shown.py.
    assert set(SECTIONS) - tested == {"lab info --json", "observe --json"}
