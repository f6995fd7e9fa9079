"""Reads a page as text and as rows, whatever its status."""

from __future__ import annotations

import asyncio
import html
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message

import httpx

from monitoring.dashboard.app import application
from monitoring.dashboard.settings import Settings

EVERY_PATH = ("/", "/peers", "/canary", "/deliveries", "/upgrades", "/alerts", "/runbook",
              "/pods/beta", "/no-such-page")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: str

    @property
    def text(self) -> str:
        """What a reader sees, in one line."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.body)).split())

    def rows(self) -> list[list[str]]:
        """The cells of every row of every table."""
        rows = re.split(r"<tr[^>]*>", self.body)[1:]
        cut = (re.split(r"</table>", row)[0] for row in rows)
        return [
            [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", cell)).split())
             for cell in re.split(r"<t[dh][^>]*>", row)[1:]]
            for row in cut
        ]  # fmt: skip

    def row(self, first: str, column: int = 0) -> list[str]:
        return next(row for row in self.rows() if row and first in row[column])


def get(url: str, method: str = "GET", host: str | None = None) -> Answer:
    asked = urllib.request.Request(url, method=method, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


def get_within(settings: Settings, path: str) -> Answer:
    """The same of an application in this process."""
    return asyncio.run(_get_within(settings, path))


async def _get_within(settings: Settings, path: str) -> Answer:
    transport = httpx.ASGITransport(application(settings), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dashboard") as client:
        answer = await client.get(path)
    return Answer(answer.status_code, Message(), answer.text)
