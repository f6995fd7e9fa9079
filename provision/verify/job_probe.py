"""One background job, end to end: queued as Rails queues it, taken by sidekiq, and done.

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
SILENCE_SECONDS = 25


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


def is_idle(redis: Redis, jid: str, since: float) -> bool:
    """Whether every sidekiq has told, after `since`, what it works on, and it is not this job.

    They tell it with each heartbeat, every ten seconds; one that has been silent for longer than
    SILENCE_SECONDS died (in a power cut, say), and Redis has not forgotten it yet.
    """
    processes = redis("SMEMBERS", "processes")
    beats = [float(redis("HGET", process, "beat") or 0) for process in processes]
    living = [beat for beat in beats if beat > time.time() - SILENCE_SECONDS]
    at_work = [has(redis("HVALS", process + ":work"), jid) for process in processes]
    return bool(living) and min(living) > since and not any(at_work)


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
    redis("SADD", "queues", QUEUE)
    redis("LPUSH", "queue:" + QUEUE, json.dumps(job))
    print(json.dumps({"job": JOB, **follow(redis, jid)}))


def follow(redis: Redis, jid: str) -> dict[str, Any]:
    """How it went: `taken_seconds` (out of the queue), `done_seconds` (known to be), `error`."""
    began, taken, taken_at = time.monotonic(), None, 0.0
    while (spent := time.monotonic() - began) < PATIENCE_SECONDS:
        if taken is None and not has(redis("LRANGE", "queue:" + QUEUE, 0, -1), jid):
            taken, taken_at = round(spent, 2), time.time()
        dead = has(redis("ZRANGE", "dead", 0, -1), jid)
        if dead:
            redis("ZREM", "dead", dead)
            return outcome(taken, error=json.loads(dead).get("error_message", "it failed"))
        if taken is not None and is_idle(redis, jid, taken_at):
            return outcome(taken, done=round(spent, 2))
        time.sleep(0.1)
    waiting = has(redis("LRANGE", "queue:" + QUEUE, 0, -1), jid)
    if waiting:
        redis("LREM", "queue:" + QUEUE, 1, waiting)
    return outcome(taken, error="not done within a minute")


def outcome(
    taken: float | None, *, done: float | None = None, error: str | None = None
) -> dict[str, Any]:
    return {"taken_seconds": taken, "done_seconds": done, "error": error}


if __name__ == "__main__":
    main(sys.argv[1])
