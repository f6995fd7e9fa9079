"""What the clients ask for: pages, an asset of the page that came last, posts, photos."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PAGES = ("/", "/public", "/.well-known/nodeinfo", "/nodeinfo/2.0", "/users/sign_in")
POSTS, PHOTOS = "/api/v1/posts", "/api/v1/photos"
# Of 20 requests; the HTTP/2 client has the other two. Photos cost a pod most: one a second. Posts
# are more than pages, for a switch takes two seconds, and twenty of them must fall into it.
MIX = ("get", "post", "post") * 5 + ("get", "post", "upload")
_STYLE_SHEET = re.compile(rb'href="(/assets/[^"]+\.css)"')
_SIDE = 16


@dataclass(frozen=True)
class Ask:
    """One request; `spread_seconds` is how long its body takes on its way."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    spread_seconds: float = 0.0


@dataclass
class Questions:
    """Makes requests of one account; remembers the style sheet that the last page named."""

    access_token: str
    # Who may read the posts; all unless named. Public ones would go out to other pods, and fail
    # there: a test of its own.
    aspects: Sequence[int] = ()
    _pages: Iterator[str] = field(default_factory=lambda: itertools.cycle([*PAGES, ""]))
    _style_sheet: str = "/"

    def of(self, kind: str) -> Ask:
        if kind == "post":
            return self.post(kind)
        return self.upload(kind) if kind == "upload" else self.get(kind)

    def get(self, kind: str = "get") -> Ask:
        return Ask(kind, "GET", next(self._pages) or self._style_sheet)

    def post(self, kind: str = "post") -> Ask:
        said: dict[str, Any] = {"body": f"Load of this bench, {secrets.token_hex(8)}"}
        said |= {"public": False, "aspects": [*self.aspects]} if self.aspects else {"public": True}
        headers = {**self._as_the_account(), "Content-Type": "application/json"}
        return Ask(kind, "POST", POSTS, headers, json.dumps(said).encode())

    def upload(self, kind: str = "upload", spread_seconds: float = 0.0) -> Ask:
        boundary = secrets.token_hex(16)
        headers = {
            **self._as_the_account(),
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        }
        fields = {"aspect_ids": "all", "pending": "true"}
        body = _multipart(boundary, fields, picture())
        return Ask(kind, "POST", PHOTOS, headers, body, spread_seconds)

    def seen(self, body: bytes) -> None:
        """A page came: its style sheet is what a browser loads next."""
        found = _STYLE_SHEET.search(body)
        if found:
            self._style_sheet = found[1].decode()

    def _as_the_account(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}", "Accept": "application/json"}


def guid_in(body: bytes) -> str | None:
    """What the pod made of a POST."""
    try:
        made = json.loads(body)
    except ValueError:
        return None
    guid = made.get("guid") if isinstance(made, dict) else None
    return guid if isinstance(guid, str) else None


def _multipart(boundary: str, fields: Mapping[str, str], image: bytes) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="load.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return "".join([*parts, head]).encode() + image + f"\r\n--{boundary}--\r\n".encode()


def picture() -> bytes:
    """A small PNG, another one each time."""
    line = b"\0" + bytes(secrets.token_bytes(3) * _SIDE)
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(line * _SIDE)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
