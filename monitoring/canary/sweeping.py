"""Taking back what an interrupted canary left behind: its own posts, known by their fixed text."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime
from typing import Any

from monitoring.canary.api import CanaryApi
from monitoring.canary.pods import TEXT
from monitoring.prober.http import Answer
from monitoring.prober.lenient_json import read_json
from monitoring.prober.nodeinfo import expect_ok

STREAM = "/api/v1/streams/main"
_PAGES = 20
_NEXT = re.compile(r'<([^>]*)>;\s*rel="?next"?')


async def sweep(api: CanaryApi, older_than_seconds: float) -> int:
    """Retracts the canary's leftovers; how many they were."""
    swept, path = 0, STREAM
    for _ in range(_PAGES):
        answer = expect_ok(await api.call("GET", path))
        for guid in _leftovers(answer, api.pod.domain, older_than_seconds):
            await api.retract(guid)
            swept += 1
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None:
            break
        path = api.session.path_here(following[1], path)
    return swept


def _leftovers(answer: Answer, domain: str, older_than_seconds: float) -> list[str]:
    posts, _ = read_json(answer.body)
    limit = _now(answer) - dt.timedelta(seconds=older_than_seconds)
    return [
        str(post["guid"])
        for post in (posts if isinstance(posts, list) else [])
        if _is_own(post, domain) and _written_at(post) <= limit
    ]


def _is_own(post: Any, domain: str) -> bool:
    if not (isinstance(post, dict) and isinstance(post.get("author"), dict)):
        return False
    author = str(post["author"].get("diaspora_id", ""))
    return author.rpartition("@")[2] == domain and post.get("body") == TEXT and "guid" in post


def _now(answer: Answer) -> dt.datetime:
    """The pod's clock rather than ours: the two may differ."""
    try:
        return _in_utc(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError):
        return dt.datetime.now(dt.UTC)


def _written_at(post: dict[str, Any]) -> dt.datetime:
    try:
        written = dt.datetime.fromisoformat(str(post.get("created_at")))
    except ValueError:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    return _in_utc(written)


def _in_utc(told: dt.datetime) -> dt.datetime:
    """The moment, in UTC where no zone was told."""
    return told if told.tzinfo else told.replace(tzinfo=dt.UTC)
