"""A background job of a pod, queued as Rails would, and awaited in sidekiq's log."""

from __future__ import annotations

import json
import secrets
import time

from provision.contract import PodPlaces
from provision.operations.gates import JOB
from tests.lab.operations.pod_lab import until
from tests.lab.upgrades.upgrade_lab import UpgradeLab

SECONDS = 30


def enqueue(lab: UpgradeLab, pod: str, name: str = JOB) -> str:
    """Its id."""
    jid, now = secrets.token_hex(12), time.time()
    payload = {
        "class": name, "args": [], "queue": "low", "retry": False, "jid": jid,
        "created_at": now, "enqueued_at": now,
    }  # fmt: skip
    redis = ["redis-cli", "-s", str(PodPlaces(pod).redis_socket)]
    lab.on(lab.host_of(pod), *redis, "SADD", "queues", "low")
    lab.on(lab.host_of(pod), *redis, "LPUSH", "queue:low", json.dumps(payload))
    return jid


def is_done(lab: UpgradeLab, pod: str, jid: str) -> bool:
    argv = ["journalctl", "--unit", f"pod-{pod}-sidekiq@*", "--output=cat", "--no-pager"]
    said = lab.on(lab.host_of(pod), *argv, "--grep", f"jid={jid}.*: done", check=False)
    return f"jid={jid}" in said


def job_runs(lab: UpgradeLab, pod: str) -> None:
    jid = enqueue(lab, pod)
    until(lambda: is_done(lab, pod, jid), SECONDS, "background jobs do not run")
