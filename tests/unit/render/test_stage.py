"""A stage is private, says exactly what is in it, and has the same digest for the same content."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from provision.render import Renderer, Stage, digest, read_manifest


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "motd").write_text("Welcome to {{ name }}\n")
    return Renderer(templates)


def staged(root: Path, renderer: Renderer, name: str) -> str:
    stage = Stage(root, renderer)
    stage.add("motd", "/etc/motd", name=name)
    stage.add(b"x", "@release/config/a", "0640", group="pod-main")
    stage.add_secret("password", b"hunter2")
    return stage.finish(level=1)


def test_stage_lists_its_files(tmp_path: Path, renderer: Renderer) -> None:
    found = staged(tmp_path / "stage", renderer, "here")
    manifest = read_manifest(tmp_path / "stage")
    assert [entry["path"] for entry in manifest["files"]] == ["/etc/motd", "@release/config/a"]
    assert manifest["files"][1]["group"] == "pod-main"
    assert manifest["level"] == 1
    assert manifest["digest"] == found == digest(manifest)
    assert (tmp_path / "stage/files/etc/motd").read_text() == "Welcome to here\n"


def test_same_content_same_digest(tmp_path: Path, renderer: Renderer) -> None:
    first = staged(tmp_path / "one", renderer, "here")
    assert staged(tmp_path / "two", renderer, "here") == first
    assert staged(tmp_path / "three", renderer, "there") != first


def test_stage_is_private(tmp_path: Path, renderer: Renderer) -> None:
    staged(tmp_path / "stage", renderer, "here")
    stage = tmp_path / "stage"
    found = [stage, *(path for path in stage.rglob("*") if path.is_file())]
    assert {path.stat().st_mode & 0o077 for path in found} == {0}


def test_unknown_variable_is_an_error(tmp_path: Path, renderer: Renderer) -> None:
    with pytest.raises(UndefinedError):
        Stage(tmp_path / "stage", renderer).add("motd", "/etc/motd")


@pytest.mark.parametrize("target", ["etc/motd", "/etc/../motd", "@other/x"])
def test_target_is_absolute(tmp_path: Path, renderer: Renderer, target: str) -> None:
    with pytest.raises(ValueError, match="no absolute target"):
        Stage(tmp_path / "stage", renderer).add(b"", target)


def test_nothing_is_staged_twice(tmp_path: Path, renderer: Renderer) -> None:
    stage = Stage(tmp_path / "stage", renderer)
    stage.add(b"", "/etc/motd")
    with pytest.raises(ValueError, match="staged twice"):
        stage.add(b"", "/etc/motd")
