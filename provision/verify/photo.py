"""A photo uploaded as a user does, loaded again, and removed."""

from __future__ import annotations

import secrets
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from monitoring.canary.api import CanaryApi
from monitoring.canary.pods import CanaryPod
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.lenient_json import read_json

PHOTOS = "/api/v1/photos"
_SIDE = 64


@dataclass(frozen=True)
class Photo:
    """What became of the upload."""

    guid: str
    path: str
    content_type: str
    bytes: int


async def upload_and_remove(pod: CanaryPod) -> Photo:
    """Uploads a small picture as the canary, loads what the pod made of it, and removes it.

    Raises ProbeFailed, or AssertionError with the pod's own answer.
    """
    api = CanaryApi(pod)
    try:
        guid, url = await _upload(api)
        try:
            return await _load(api, guid, url)
        finally:
            gone = await api.call("DELETE", f"{PHOTOS}/{guid}")
            assert gone.status in (200, 204), f"the photo was not removed: {gone.status}"
    finally:
        api.hang_up()


async def _upload(api: CanaryApi) -> tuple[str, str]:
    """Pending, so that no other pod hears of it."""
    boundary = secrets.token_hex(16)
    body = _multipart(boundary, {"aspect_ids": "all", "pending": "true"}, picture())
    answer = await api.call("POST", PHOTOS, body, f"multipart/form-data; boundary={boundary}")
    said = answer.body[:200].decode(errors="replace")
    assert answer.status in (200, 201), f"upload: {answer.status} {said}"
    made, _ = read_json(answer.body)
    return str(made["guid"]), _address_of(made)


def _address_of(made: dict[str, Any]) -> str:
    sizes = made.get("sizes") or {}
    found = next((url for url in sizes.values() if isinstance(url, str) and url), None)
    assert found is not None, f"the pod names no address for the photo: {sizes}"
    return found


async def _load(api: CanaryApi, guid: str, url: str) -> Photo:
    try:
        path = api.session.path_here(url)
    except ProbeFailed:
        # Uploads of pods with object storage are elsewhere; loading them there is not ours.
        return Photo(guid, url, "elsewhere", 0)
    answer, path = await api.session.get(path)
    kind = answer.headers.get("content-type", "")
    assert answer.status == 200, f"{path}: {answer.status}"
    assert kind.startswith("image/"), f"{path} is no image but {kind}"
    return Photo(guid, path, kind, len(answer.body))


def _multipart(boundary: str, fields: dict[str, str], image: bytes) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="podfleet.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return "".join([*parts, head]).encode() + image + f"\r\n--{boundary}--\r\n".encode()


def picture() -> bytes:
    """A PNG, a little different each time, so that nothing on the way remembers it."""
    line = b"\0" + bytes(secrets.token_bytes(3) * _SIDE)
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(line * _SIDE)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
