"""Small pods over real TLS that answer the canary's calls as diaspora* 0.9.1.0 was seen to.

The whole network lives in one event loop; `lag` and the switches make it misbehave.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from monitoring.canary.pods import CanaryPod, Token
from tests.unit.monitoring.certificates import Authority
from tests.unit.monitoring.own_pod import PAGES
from tests.unit.monitoring.peer import response

Headers = dict[str, str]
DELIVERED = (
    "[2026-11-22T08:53:10] INFO  PID-2019 TID-50600 "
    "DiasporaFederation::Federation::Sender::HydraWrapper: success=true sender=2 "
    "obj=StatusMessage:{guid} url=https://{domain}/receive/public message=ok code=202 "
    "time=0.013676"
)


@dataclass
class SmallPod:
    """One pod: its own posts, copies of others', and what is wrong with it."""

    name: str
    followers: list[SmallPod] = field(default_factory=list)
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    lag_seconds: float = 0.0
    accepts_token: bool = True
    delivers: bool = True
    retracts: bool = True
    deletes: bool = True
    fetch_status: int | None = None
    is_down: bool = False
    access: set[str] = field(default_factory=set)
    expires_in: Any = 86399
    # Instead of the header's right value.
    date: str | None = None
    # How wrong its clock is.
    clock_ahead: float = 0.0
    # Where it tells of what it delivered, and how long that takes.
    log: Path | None = None
    delivery_seconds: float = 0.0

    @property
    def domain(self) -> str:
        return f"{self.name}.lab.test"

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.clock_ahead)

    def make_post(self, body: str, age_seconds: float = 0.0) -> str:
        guid = uuid.uuid4().hex
        written = self.now() - dt.timedelta(seconds=age_seconds)
        self.posts[guid] = {
            "guid": guid,
            "body": body,
            "created_at": written.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "author": {"diaspora_id": f"podfleetcanary@{self.domain}"},
        }
        return guid

    def answer(self, method: str, path: str, headers: Headers, body: bytes) -> bytes:
        self.seen.append(f"{method} {path}")
        if self.is_down:
            return response(b"", "502 Bad Gateway", "text/html")
        if path in PAGES:
            return PAGES[path]
        if path.startswith("/fetch/post/"):
            return self._fetch(path.rpartition("/")[2])
        if path == "/api/openid_connect/access_tokens":
            return self._grant(body.decode())
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.access:
            return reply({"code": 403, "message": "Unauthorized user"}, "403 Forbidden")
        if method == "POST" and path == "/api/v1/posts":
            guid = self.make_post(json.loads(body)["body"])
            self._spread(guid)
            return reply(self.posts[guid])
        if method == "DELETE":
            return self._delete(path.rpartition("/")[2])
        return self._stream(path)

    def _grant(self, form: str) -> bytes:
        if not self.accepts_token or f"refresh_token={self.name}-refresh" not in form:
            return reply({"error": "invalid_grant"}, "400 Bad Request")
        token = uuid.uuid4().hex
        self.access.add(token)
        return reply({"access_token": token, "token_type": "bearer", "expires_in": self.expires_in})

    def _fetch(self, guid: str) -> bytes:
        if self.fetch_status:
            return reply(None, f"{self.fetch_status} Sorry")
        if guid in self.copies:
            where = f"https://{self.copies[guid]}/fetch/post/{guid}"
            return response(b"", "302 Found", "text/html", Location=where)
        return response(b"", "200 OK" if guid in self.posts else "404 Not Found", "text/html")

    def _delete(self, guid: str) -> bytes:
        if not self.deletes:
            return reply(None, "500 Internal Server Error")
        if self.posts.pop(guid, None) is None:
            return reply({"code": 404}, "404 Not Found")
        if self.retracts:
            for follower in self.followers:
                self._later(follower.copies.pop, guid, None)
        return b"HTTP/1.1 204 No Content\r\n\r\n"

    def _stream(self, path: str) -> bytes:
        """15 posts a page, older than `before`; the next page in a Link header."""
        before = unquote(path.partition("before=")[2]) or "9999"
        older = [post for post in self.posts.values() if post["created_at"] < before]
        older.sort(key=lambda post: str(post["created_at"]), reverse=True)
        page = older[:15]
        dated = {} if self.date is None else {"Date": self.date}
        if len(page) == len(older):
            return reply(page, now=self.now(), **dated)
        following = quote(page[-1]["created_at"])
        link = f"https://{self.domain}/api/v1/streams/main?before={following}"
        return reply(page, now=self.now(), Link=f'<{link}>; rel="next"', **dated)

    def _spread(self, guid: str) -> None:
        for follower in self.followers if self.delivers else []:
            self._later(follower.copies.__setitem__, guid, self.domain)
            if self.log is not None:
                later = asyncio.get_running_loop().call_later
                later(self.delivery_seconds, self._tell, guid, follower.domain)

    def _tell(self, guid: str, domain: str) -> None:
        assert self.log is not None
        with self.log.open("a") as log:
            log.write(f"{DELIVERED.format(guid=guid, domain=domain)}\n")

    def _later(self, what: Any, *arguments: Any) -> None:
        asyncio.get_running_loop().call_later(self.lag_seconds, what, *arguments)


def reply(
    value: Any, status: str = "200 OK", now: dt.datetime | None = None, **headers: str
) -> bytes:
    date = format_datetime(now or dt.datetime.now(dt.UTC), usegmt=True)
    return response(json.dumps(value).encode(), status, **{"Date": date, **headers})


def introduce(*pods: SmallPod) -> None:
    for pod in pods:
        pod.followers = [other for other in pods if other is not pod]


@contextlib.asynccontextmanager
async def serving(pod: SmallPod, authority: Authority) -> AsyncIterator[CanaryPod]:
    """Serves a small pod; what the canary needs to know of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split(" ")
                answer = pod.answer(method, path, headers, body)
                writer.write(_with_port(answer, pod.domain, port))
                await writer.drain()

    context = authority.context(pod.domain)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        token = Token("id", "secret", f"{pod.name}-refresh")
        yield CanaryPod(
            pod.name, f"https://{pod.domain}:{port}", token, "127.0.0.1", authority.ca_file
        )


def _with_port(answer: bytes, domain: str, port: int) -> bytes:
    """Links name the port that a test's server happens to have."""
    head, end, body = answer.partition(b"\r\n\r\n")
    link = f"https://{domain}".encode()
    return head.replace(link, link + f":{port}".encode()) + end + body
