"""Asks Prometheus over its HTTP API: several questions at a time, each with a deadline.

What goes wrong is a PrometheusTrouble with words for people. An answer that comes in halves is no
answer. Answers are kept for some seconds, so that many readers cost no more than one.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

MOST_BYTES = 64 * 2**20
AT_ONCE = 12


class PrometheusTrouble(Exception):
    """Why there is no answer, in words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series; points are (seconds since 1970, value), and NaN is no value."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float | None], ...]

    @property
    def value(self) -> float | None:
        return self.points[-1][1] if self.points else None


class Prometheus:
    """One Prometheus; every method raises PrometheusTrouble."""

    def __init__(self, url: str, deadline_seconds: float = 3.0, keep_seconds: float = 5.0) -> None:
        self.url = url
        self._deadline, self._keep = deadline_seconds, keep_seconds
        self._asked: dict[str, tuple[float, asyncio.Task[Any]]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def instant(self, promql: str) -> list[Series]:
        """What holds now."""
        data = await self._ask("/api/v1/query", {"query": promql})
        return _checked(_now, _vector(data, "vector"))

    async def over(self, promql: str, hours: int, step: int, now: float) -> list[Series]:
        """What held in the last hours, at each of `moments`; a gap is None."""
        whens = moments(hours, step, now)
        span = {"start": whens[0], "end": whens[-1], "step": step}
        data = await self._ask("/api/v1/query_range", {"query": promql, **span})
        gaps = dict.fromkeys(whens)
        return _checked(lambda item: _then(item, gaps), _vector(data, "matrix"))

    async def alerts(self) -> list[dict[str, Any]]:
        """The alerts that are pending or firing, as Prometheus gives them."""
        found = (await self._ask("/api/v1/alerts", {})).get("alerts")
        if not isinstance(found, list) or not all(map(_is_alert, found)):
            raise PrometheusTrouble("Prometheus' answer is not what its API promises.")
        return found

    async def _ask(self, path: str, query: Mapping[str, object]) -> dict[str, Any]:
        """The `data` of the answer; the same question is on its way only once."""
        target = f"{path}?{urlencode(query)}" if query else path
        self._forget_the_old()
        if target not in self._asked:
            task = asyncio.create_task(self._answered(target))
            self._asked[target] = (time.monotonic() + self._keep, task)
        task = self._asked[target][1]
        try:
            answer: dict[str, Any] = await asyncio.shield(task)
        except PrometheusTrouble:
            self._asked.pop(target, None)
            raise
        return answer

    def _forget_the_old(self) -> None:
        now = time.monotonic()
        for target, (until, task) in list(self._asked.items()):
            if until < now and task.done():
                del self._asked[target]

    async def _answered(self, target: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._deadline), self._turns:
                return _data(await _get(self.url, target))
        except TimeoutError as error:
            words = f"Prometheus did not answer within {self._deadline:g} seconds."
            raise PrometheusTrouble(words) from error
        except (OSError, EOFError) as error:
            raise PrometheusTrouble(_unreached(self.url, error)) from error


def moments(hours: int, step: int, now: float) -> list[float]:
    """Every `step` seconds, and the last one this minute: what is newest is never left out."""
    end = now // 60 * 60
    return [end - step * back for back in range(hours * 3600 // step, -1, -1)]


def _unreached(url: str, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"Prometheus does not run, or does not listen at {url}: the connection was refused."
    return f"Prometheus at {url} could not be read: {error or type(error).__name__}."


async def _get(url: str, target: str) -> bytes:
    """Head and body; HTTP/1.0, so that its end is the connection's, and nothing comes in chunks."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=is_tls or None)
    try:
        head = f"GET {parts.path.rstrip('/')}{target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
        writer.write(head.encode("ascii"))
        received = await _all_of(reader)
    finally:
        writer.close()
    return received


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    while piece := await reader.read(2**18):
        received += piece
        if len(received) > MOST_BYTES:
            raise PrometheusTrouble("Prometheus' answer is larger than a page may need.")
    return bytes(received)


def _parted(received: bytes) -> tuple[str, bytes]:
    """The status as it says it, and the body."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator or not head.startswith(b"HTTP/1."):
        raise PrometheusTrouble("What answers at Prometheus' address does not speak HTTP.")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip() != b"%d" % len(body):
            raise PrometheusTrouble("Prometheus' answer broke off in the middle.")
    status = head.partition(b"\r\n")[0].partition(b" ")[2]
    return status.decode("latin-1").strip(), body


def _data(received: bytes) -> dict[str, Any]:
    status, body = _parted(received)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PrometheusTrouble(_no_json(status)) from error
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise PrometheusTrouble(f"Prometheus could not work it out: {answer.get('error')}.")
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise PrometheusTrouble("Prometheus' answer is not what its API promises.")
    return data


def _vector(data: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    result = data.get("result")
    if data.get("resultType") != kind or not isinstance(result, list):
        raise PrometheusTrouble("Prometheus' answer is not what its API promises.")
    return result


def _no_json(status: str) -> str:
    """Its own refusals are JSON; while it starts, and from what stands before it, come words."""
    if status.startswith("503"):
        return (
            f"Prometheus does not answer yet ({status}): it may be starting, which takes a while."
        )
    if not status.startswith("200"):
        return f"What came from Prometheus' address is not JSON: {status}."
    return "Prometheus' answer broke off, or is not JSON."


def _is_alert(item: Any) -> bool:
    told = [item.get("labels"), item.get("annotations")] if isinstance(item, dict) else [0]
    return all(one is None or _is_labels(one) for one in told)


def _is_labels(found: Any) -> bool:
    """Text by text: pages sort and join it."""
    return isinstance(found, dict) and all(isinstance(one, str) for one in found.values())


def _labels(item: Any) -> Mapping[str, str]:
    labels: Mapping[str, str] = item["metric"]
    if not _is_labels(labels):
        raise TypeError(labels)
    return labels


def _checked(read: Callable[[Any], Series], items: list[Any]) -> list[Series]:
    try:
        return [read(item) for item in items]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise PrometheusTrouble("Prometheus' answer is not what its API promises.") from error


def _now(item: Any) -> Series:
    when, value = item["value"]
    return Series(_labels(item), ((when, _number(value)),))


def _then(item: Any, gaps: Mapping[float, None]) -> Series:
    """Prometheus leaves out the moments at which there was nothing."""
    known = {float(when): _number(one) for when, one in item["values"]}
    return Series(_labels(item), tuple(sorted({**gaps, **known}.items())))


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
