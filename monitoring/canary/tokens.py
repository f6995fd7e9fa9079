"""Between which pods the monitor's canary flies: the file of its tokens, read as it changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.canary.pods import CanaryPod, Token

_Stamp = tuple[int, int, int]


class NoTokens(Exception):
    """The file is not there, or is not what podfleet writes; never with its content."""


class TokenFile:
    """The pods of the file. Read again only when it was replaced: `up` does while the monitor runs.

    {"pods": [{"name", "domain", "token": null | {"client_id", "client_secret", "refresh_token"}}]}
    """

    def __init__(self, path: Path, *, ca_file: str | None = None, contact: str = "") -> None:
        self._path, self._ca_file, self._contact = path, ca_file, contact
        self._stamp: _Stamp | None = None
        self._pods: tuple[CanaryPod, ...] = ()

    def __call__(self) -> tuple[CanaryPod, ...]:
        """The pods as the file is now; the same objects while it stays the same."""
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp != self._stamp:
                self._pods = self._read()
                self._stamp = stamp
        except OSError as error:
            raise NoTokens(f"{self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NoTokens(f"{self._path}: is not what podfleet writes") from error
        return self._pods

    def _read(self) -> tuple[CanaryPod, ...]:
        told = json.loads(self._path.read_text(encoding="utf-8"))
        return tuple(map(self._pod, told["pods"]))

    def _pod(self, told: Mapping[str, Any]) -> CanaryPod:
        token = told.get("token")
        return CanaryPod(
            str(told["name"]),
            f"https://{told['domain']}",
            None if token is None else Token.from_json(json.dumps(token)),
            ca_file=self._ca_file,
            contact=self._contact,
        )
