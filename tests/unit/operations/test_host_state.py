"""What a host says of itself: each kind of drift, named; and the same script piped to Python."""

from __future__ import annotations

import getpass
import grp
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provision.hosts import host_state

CONTENT = b"as it was staged\n"


def entry(path: str) -> dict[str, Any]:
    return {
        "path": path,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "mode": "0640",
        "owner": getpass.getuser(),
        "group": grp.getgrgid(os.getgid()).gr_name,
    }


def edit(path: Path) -> None:
    path.write_bytes(CONTENT + b"# mine\n")


def open_up(path: Path) -> None:
    path.chmod(0o644)


def nothing(path: Path) -> None:
    """Left as it is."""


HANDS: list[tuple[Callable[[Path], None], list[tuple[str, str]]]] = [
    (nothing, []),
    (edit, [("content", "was edited by hand")]),
    (open_up, [("mode", "has mode 0644 instead of 0640")]),
    (Path.unlink, [("missing", "is missing")]),
]


@pytest.mark.parametrize(("hand", "named"), HANDS)
@pytest.mark.parametrize("is_inside", [True, False])
def test_a_managed_file(
    tmp_path: Path,
    hand: Callable[[Path], None],
    named: list[tuple[str, str]],
    is_inside: bool,
) -> None:
    path = tmp_path / "config" / "diaspora.toml"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    path.chmod(0o640)
    hand(path)
    listed = entry("@release/config/diaspora.toml" if is_inside else str(path))
    found = host_state.file_drift(listed, tmp_path)
    assert [(one["kind"], one["what"]) for one in found] == named


def test_another_owner_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    path.chmod(0o640)
    (found,) = host_state.file_drift({**entry(str(path)), "owner": "somebody"}, tmp_path)
    assert found["kind"] == "owner"
    assert found["what"].endswith(f"instead of somebody:{entry('')['group']}")


UNITS = [{"unit": "web.service", "enabled": True, "active": True}]
STATES: list[tuple[tuple[str, bool], list[str]]] = [
    (("active", True), []),
    (("activating", True), []),
    (("inactive", True), ["stopped"]),
    (("failed", True), ["stopped"]),
    (("active", False), ["disabled"]),
    (("inactive", False), ["stopped", "disabled"]),
]


@pytest.mark.parametrize(("state", "kinds"), STATES)
def test_a_managed_unit(state: tuple[str, bool], kinds: list[str]) -> None:
    found = host_state.unit_drift(UNITS, {"web.service": state})
    assert [one["kind"] for one in found] == kinds


def unit(name: str) -> dict[str, Any]:
    return {"unit": f"pod-main-{name}@1.service", "enabled": True, "active": True}


POD_STATES = [
    ({"web": "active", "sidekiq": "active"}, None, "serving"),
    ({"web": "active", "sidekiq": "failed"}, None, "degraded"),
    ({"web": "active", "sidekiq": "active"}, {"finished": True, "exit": 4}, "degraded"),
    ({"web": "active", "sidekiq": "active"}, {"finished": True, "exit": 1}, "serving"),
    ({"web": "failed", "sidekiq": "active"}, None, "down"),
    ({"web": "activating", "sidekiq": "active"}, None, "down"),
]


@pytest.mark.parametrize(("active", "operation", "state"), POD_STATES)
def test_a_pods_state_in_one_word(
    active: dict[str, str], operation: dict[str, Any] | None, state: str
) -> None:
    record = {"units": [unit(name) for name in active]}
    states = {unit(name)["unit"]: (is_so, True) for name, is_so in active.items()}
    assert host_state.pod_state(record, states, operation, "no-such-pod") == state
    assert host_state.pod_state(None, states, operation, "no-such-pod") == "absent"


BACK = "1.0.0.0-0123abcd"


def previous(release_id: str | None) -> dict[str, Any]:
    back = {"release_id": release_id, "database": "pod_main_1"}
    return {"units": [], "applied_at": "then", "previous": back if release_id else None}


WAYS_BACK: list[tuple[str | None, bool, bool, str, bool | None]] = [
    # to which release, its record, its code, its web -> warm, or no way back (None)
    (BACK, True, True, "active", True),
    (BACK, True, True, "inactive", False),
    (BACK, True, False, "active", None),
    (BACK, False, True, "active", None),
    (None, True, True, "active", None),
]


@pytest.mark.parametrize(("release_id", "has_record", "has_code", "web", "warm"), WAYS_BACK)
def test_where_a_rollback_leads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    release_id: str | None,
    has_record: bool,
    has_code: bool,
    web: str,
    warm: bool | None,
) -> None:
    monkeypatch.setattr(host_state, "STATE", tmp_path / "state")
    monkeypatch.setattr(host_state, "PODS", tmp_path / "pods")
    kept, code = (tmp_path / where / "main" / "releases" / BACK for where in ("state", "pods"))
    if has_record:
        kept.mkdir(parents=True)
        (kept / "record.json").write_text("{}")
    if has_code:
        code.mkdir(parents=True)
    record = previous(release_id)
    states = dict.fromkeys(host_state.units_of("main", record), (web, False))
    found = host_state.way_back("main", record, states)
    assert (found and found["is_warm"]) == warm
    if found:
        assert found == {**record["previous"], "is_warm": warm, "since": "then"}


def test_a_pod_that_was_never_upgraded_has_no_way_back() -> None:
    assert host_state.way_back("main", None, {}) is None
    assert host_state.way_back("main", {"units": []}, {}) is None


def test_an_unfinished_operation_says_where_it_is(tmp_path: Path) -> None:
    lines = [
        {"event": "begin", "step": None},
        {"event": "start", "step": "migrate"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "journal.jsonl").write_text(text + '{"event": "done", "st')
    request = {"operation": "launch", "operator": "me@here", "at": "2026-01-01T00:00:00+00:00"}
    found = host_state.describe_operation(tmp_path, request)
    assert (found["step"], found["finished"], found["exit"]) == ("migrate", False, None)
    assert (found["operator"], found["since"]) == ("me@here", request["at"])


def test_piped_to_python_it_stands_alone() -> None:
    """As the controller runs it: no package of podfleet in sight, and no host prepared."""
    script = Path(host_state.__file__).read_bytes()
    argv = [sys.executable, "-I", "-"]
    done = subprocess.run(argv, input=script, capture_output=True, check=True, cwd="/")
    state = json.loads(done.stdout)
    assert state["format"] == 1
    assert state["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert state["disk_free_bytes"] > 0
