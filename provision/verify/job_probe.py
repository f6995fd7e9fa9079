"""One background job, end to end: queued as Rails queues it, and counted by sidekiq as done.

Stands alone: it is piped to the host's Python with the path of the pod's Redis socket, and prints
one JSON object. The job is harmless, quick, and in every version of diaspora*.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
from typing import Any

JOB = "Workers::CleanCachedFiles"
QUEUE = "low"
PATIENCE_SECONDS = 60


class Redis:
    """As much of the protocol as is needed here."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words: object) -> Any:
        parts = [str(word).encode() for word in words]
        line = b"*%d\r\n" % len(parts)
        self.socket.sendall(line + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self.answer()

    def answer(self) -> Any:
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise SystemExit(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest.decode()


def has(jobs: list[str], jid: str) -> str | None:
    """The member of a list of jobs that is ours."""
    return next((job for job in jobs if jid in job), None)


def done_count(redis: Redis) -> int:
    return int(redis("GET", "stat:processed") or 0)


def main(path: str) -> None:
    redis = Redis(path)
    jid, now = secrets.token_hex(12), time.time()
    # retry 0: a failure goes straight to the dead jobs, where it is seen and taken out again.
    job = {
        "class": JOB,
        "args": [],
        "queue": QUEUE,
        "jid": jid,
        "retry": 0,
        "created_at": now,
        "enqueued_at": now,
    }
    before, began = done_count(redis), time.monotonic()
    redis("SADD", "queues", QUEUE)
    redis("LPUSH", "queue:" + QUEUE, json.dumps(job))
    print(json.dumps({"job": JOB, **follow(redis, jid, before, began)}))


def follow(redis: Redis, jid: str, before: int, began: float) -> dict[str, Any]:
    """How it went: `taken_seconds` (out of the queue), `done_seconds` (counted), `error`."""
    taken = None
    while time.monotonic() - began < PATIENCE_SECONDS:
        if taken is None and not has(redis("LRANGE", "queue:" + QUEUE, 0, -1), jid):
            taken = round(time.monotonic() - began, 2)
        dead = has(redis("ZRANGE", "dead", 0, -1), jid)
        if dead:
            redis("ZREM", "dead", dead)
            error = json.loads(dead).get("error_message", "it failed")
            return {"taken_seconds": taken, "done_seconds": None, "error": error}
        if taken is not None and done_count(redis) > before:
            seconds = round(time.monotonic() - began, 2)
            return {"taken_seconds": taken, "done_seconds": seconds, "error": None}
        time.sleep(0.1)
    waiting = has(redis("LRANGE", "queue:" + QUEUE, 0, -1), jid)
    if waiting:
        redis("LREM", "queue:" + QUEUE, 1, waiting)
    return {"taken_seconds": taken, "done_seconds": None, "error": "not done within a minute"}


if __name__ == "__main__":
    main(sys.argv[1])
