"""Renders templates/ into a stage: the files that a host or a pod shall have, and their list.

It alone renders; roles and deploys only copy from a stage. A stage is a private directory:

    files/<absolute target>    what shall be there (`files/@release/…`: inside the release)
    secrets/<name>             what an operation puts in place itself, or only reads
    stage.json                 {"format": 1, "digest", "files": […], "secrets": […], …}
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provision.quoting import FILTERS

# Beside provision/ in the checkout as in the runtime on a host.
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
MANIFEST = "stage.json"
_MODE = re.compile(r"0[0-7]{3}\Z")


class Renderer:
    """The templates: an unknown variable is an error, nothing is escaped unless a filter says."""

    def __init__(self, templates: Path = TEMPLATES) -> None:
        # S701: no HTML is rendered, and each syntax has a filter of its own.
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= FILTERS

    def render(self, template: str, **variables: object) -> bytes:
        """The template's text, e.g. of `host/etc/nftables.conf`, with these variables."""
        return self._environment.get_template(template).render(**variables).encode()


class Stage:
    """One directory of rendered files with their owners and modes; `finish` seals it."""

    def __init__(self, root: Path, renderer: Renderer | None = None) -> None:
        self.root = root
        self._renderer = renderer or Renderer()
        self._files: dict[str, dict[str, str]] = {}
        self._secrets: dict[str, str] = {}
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)

    def add(
        self,
        source: str | bytes,
        target: str | PurePosixPath,
        mode: str = "0644",
        owner: str = "root",
        group: str = "root",
        **variables: object,
    ) -> None:
        """Stage one file: `source` is the name of a template, or the content itself."""
        path = _checked_target(str(target))
        if path in self._files or not _MODE.match(mode):
            raise ValueError(f"{path} is staged twice, or its mode is not like 0644: {mode}")
        content = self._content(source, variables)
        _write(self.root / "files" / path.lstrip("/"), content)
        self._files[path] = {
            "path": path,
            "mode": mode,
            "owner": owner,
            "group": group,
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def add_secret(self, name: str, content: bytes) -> None:
        """Stage what only an operation reads; its digest is part of the stage's."""
        if name in self._secrets or "/" in name:
            raise ValueError(f"the secret {name} is staged twice, or is no plain name")
        _write(self.root / "secrets" / name, content)
        self._secrets[name] = hashlib.sha256(content).hexdigest()

    def add_aside(self, name: str, content: bytes) -> None:
        """Stage a secret that is no part of what the pod consists of, nor of the stage's digest."""
        if name in self._secrets or "/" in name:
            raise ValueError(f"the secret {name} is staged already, or is no plain name")
        _write(self.root / "secrets" / name, content)

    def finish(self, **extra: Any) -> str:
        """Write stage.json with `extra` among its keys, and return the stage's digest."""
        manifest: dict[str, Any] = {
            "format": 1,
            "files": [self._files[path] for path in sorted(self._files)],
            "secrets": [{"name": n, "sha256": self._secrets[n]} for n in sorted(self._secrets)],
            **extra,
        }
        manifest["digest"] = digest(manifest)
        _write(self.root / MANIFEST, _canonical(manifest) + b"\n")
        return str(manifest["digest"])

    def _content(self, source: str | bytes, variables: dict[str, object]) -> bytes:
        if isinstance(source, bytes):
            return source
        return self._renderer.render(source, **variables)


def digest(manifest: dict[str, Any]) -> str:
    """sha256 over the canonical manifest, without its own digest."""
    content = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(_canonical(content)).hexdigest()


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest of a finished stage."""
    manifest: dict[str, Any] = json.loads((root / MANIFEST).read_bytes())
    return manifest


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _checked_target(target: str) -> str:
    path = PurePosixPath(target)
    if ".." in path.parts or not target.startswith(("/", "@release/")):
        raise ValueError(f"no absolute target: {target}")
    return str(path)


def _write(path: Path, content: bytes) -> None:
    """Never readable by others, not even for a moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
