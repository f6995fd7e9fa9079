"""A photo uploaded as a user does, loaded again, and removed."""

from __future__ import annotations

import asyncio
import secrets
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from monitoring.canary.api import CanaryApi
from monitoring.canary.pods import CanaryPod
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.lenient_json import read_json
from monitoring.prober.nodeinfo import expect_ok

PHOTOS = "/api/v1/photos"
_SIDE = 64
_PATIENCE_SECONDS = 60
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


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
        made = await _upload(api)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await _find(api, made)
        except TimeoutError as error:
            raise AssertionError(f"no answer within {_PATIENCE_SECONDS} s") from error
        finally:
            gone = await api.call("DELETE", f"{PHOTOS}/{made['guid']}")
            assert gone.status in (200, 204), f"the photo was not removed: {gone.status}"
    finally:
        api.hang_up()


async def _upload(api: CanaryApi) -> dict[str, Any]:
    """Pending, so that no other pod hears of it."""
    boundary = secrets.token_hex(16)
    body = _multipart(boundary, {"aspect_ids": "all", "pending": "true"}, picture())
    answer = await api.call("POST", PHOTOS, body, f"multipart/form-data; boundary={boundary}")
    said = answer.body[:200].decode(errors="replace")
    assert answer.status in (200, 201), f"upload: {answer.status} {said}"
    made, _ = read_json(answer.body)
    assert isinstance(made, dict) and "guid" in made, f"upload: no guid in {said}"
    return made


async def _find(api: CanaryApi, made: dict[str, Any]) -> Photo:
    """A photo moves while a background job makes its sizes: then the pod is asked anew."""
    for pause in _PAUSES_SECONDS:
        found = await _load(api, str(made["guid"]), _address_of(made))
        if isinstance(found, Photo):
            return found
        await asyncio.sleep(pause)
        made, _ = read_json(expect_ok(await api.call("GET", f"{PHOTOS}/{made['guid']}")).body)
    raise AssertionError(f"the photo cannot be loaded: {found}")


def _address_of(made: dict[str, Any]) -> str:
    sizes = made.get("sizes") or {}
    found = next((url for url in sizes.values() if isinstance(url, str) and url), None)
    assert found is not None, f"the pod names no address for the photo: {sizes}"
    return found


async def _load(api: CanaryApi, guid: str, url: str) -> Photo | str:
    """The photo as the world sees it, or what came instead."""
    try:
        path = api.session.path_here(url)
    except ProbeFailed:
        # Uploads of pods with object storage are elsewhere; loading them there is not ours.
        return Photo(guid, url, "elsewhere", 0)
    answer, path = await api.session.get(path)
    kind = answer.headers.get("content-type", "")
    if answer.status != 200 or not kind.startswith("image/"):
        return f"{path}: {answer.status} {kind}"
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
