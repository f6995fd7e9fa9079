"""What the dashboard shows, read through the tunnel that `podfleet observe` opens."""

from __future__ import annotations

import contextlib
import html
import html.parser
import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from provision.places import CHECKOUT
from tests.lab.standing import Standing

_LEAD = re.compile(r'<p class="lead (\w+)">(.*?)</p>', re.DOTALL)
_VOID = {"br", "input", "meta", "link", "img", "col", "hr"}


@dataclass(frozen=True)
class Cell:
    """What stands in a cell, and how it is coloured."""

    text: str
    tone: str


@dataclass(frozen=True)
class Shown:
    """A page as it came."""

    page: str

    @property
    def leads(self) -> list[tuple[str, str]]:
        """The sentences above all else: tone and text."""
        return [(tone, _text(inner)) for tone, inner in _LEAD.findall(self.page)]

    def says(self, *words: str, tone: str = "bad") -> str:
        """The first sentence of that tone with all these words in it; else nothing."""
        found = (text for is_of, text in self.leads if is_of == tone)
        return next((text for text in found if all(word in text for word in words)), "")

    def row(self, name: str) -> list[Cell]:
        """The cells beside a row's head, of the first row whose head begins with this name."""
        for head, cells in self._rows():
            if head.split(" ")[0] == name:
                return cells
        return []

    def below(self, words: str) -> Shown:
        """The page from these words on."""
        return Shown(self.page.partition(words)[2])

    def value(self, words: str) -> Cell:
        """Beside a head of these very words."""
        found = [cells[0] for head, cells in self._rows() if head == words and len(cells) == 1]
        assert found, f"{words!r} is not on the page:\n{_text(self.page)}"
        return found[0]

    def _rows(self) -> list[tuple[str, list[Cell]]]:
        """Each row's head, and its other cells."""
        tables = _Tables()
        tables.feed(self.page)
        return [
            (next(text for is_head, text, _ in row if is_head),
             [Cell(text, tone) for is_head, text, tone in row if not is_head])
            for row in tables.rows
            if any(is_head for is_head, _, _ in row)
        ]  # fmt: skip


class _Tables(html.parser.HTMLParser):
    """Rows of all tables; as browsers do, it needs no end tags of rows and cells."""

    def __init__(self) -> None:
        super().__init__()
        # Of each cell whether it is a head, its text and its tone.
        self.rows: list[list[tuple[bool, str, str]]] = []
        self._is_in_cell = False
        # How deep in what nobody sees.
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = (dict(attrs).get("class") or "").split()
        if self._unseen or {"mark", "heard"} & {*names}:
            self._unseen += tag not in _VOID
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append((tag == "th", "", ""))
            self._is_in_cell = True
        elif names[:1] == ["tone"] and self._is_in_cell:
            is_head, text, _ = self.rows[-1][-1]
            self.rows[-1][-1] = is_head, text, names[1]

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= 1
        elif tag in ("td", "th", "tr", "table"):
            self._is_in_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_in_cell and not self._unseen and data.strip():
            is_head, text, tone = self.rows[-1][-1]
            self.rows[-1][-1] = is_head, f"{text} {' '.join(data.split())}".strip(), tone


@dataclass(frozen=True)
class Dashboard:
    """The dashboard at the near end of its tunnel."""

    url: str

    def get(self, path: str = "/") -> Shown:
        with urllib.request.urlopen(self.url.rstrip("/") + path, timeout=20) as answer:
            return Shown(answer.read().decode())


@contextlib.contextmanager
def observed(fleet: Standing) -> Iterator[Dashboard]:
    """`podfleet observe`, until the block ends."""
    argv = [str(CHECKOUT / "podfleet"), "observe", "--json", "--fleet", str(fleet.directory)]
    process = subprocess.Popen(
        argv,
        env={**os.environ, "PODFLEET_STATE": str(fleet.state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            with contextlib.suppress(ValueError):
                yield Dashboard(json.loads(told)["url"])
                return
        raise AssertionError(f"observe said only {told!r}")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _text(inner: str) -> str:
    """As a person reads it: without marks and what only listeners hear."""
    seen = re.sub(r'<span class="(?:mark|heard)".*?</span>', "", inner, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", seen)).split())
