"""Gates of health: what a pod must show before an operation calls it good.

The same probes that watch the pod later look at it here, as a client on the host sees it.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import subprocess
import time
from collections.abc import Callable
from typing import Any

from monitoring.prober.nodeinfo import probe_nodeinfo
from monitoring.prober.pages import probe_asset, probe_page
from provision.contract import CA_BUNDLE, PodPlaces
from provision.errors import Refusal
from provision.operations.asking import ask
from provision.operations.commands import last_words, run, unit_properties
from provision.operations.effects import unit_names
from provision.operations.operation import read_record

START_SECONDS = 90
ANSWER_SECONDS = 60
JOB_SECONDS = 60
# Harmless, quick, and in every version of diaspora*: it clears what uploads left behind.
JOB = "Workers::CleanCachedFiles"
PAGE = "/public"
# nginx on this very host, by the public name: a network that is down is no fault of the pod.
LOOPBACK = "127.0.0.1"
# The socket comes last: it fails with its service, which says why.
_PROCESSES = ("redis", "web", "sidekiq", "socket")


class GateIsRed(Refusal):
    """The pod did not show what it must."""


def health(pod: dict[str, Any]) -> dict[str, Any]:
    """All of them, the cheap ones first; the evidence of each, or GateIsRed."""
    places = PodPlaces(pod["name"])
    url = f"https://{pod['domain']}"
    return {
        "processes": processes(pod),
        "socket": answers_on_socket(places, pod["domain"], pod["release_id"]),
        "nodeinfo": asyncio.run(_nodeinfo(url)),
        "page": asyncio.run(_page(url)),
        "asset": asyncio.run(_asset(url)),
        "job": job(pod),
    }


def recorded(pod: str) -> dict[str, Any]:
    """Health of a launched pod; nothing is asked of one that is closed, or never was launched."""
    record = read_record(PodPlaces(pod))
    if record is None or record.get("is_closed"):
        return {}
    return health(record["manifest"]["pod"])


def processes(pod: dict[str, Any]) -> dict[str, str]:
    """Web and sidekiq both said that they are ready (their units are notified)."""
    units = unit_names(pod)
    return {kind: await_unit(units[kind]) for kind in _PROCESSES}


def await_unit(unit: str, *, seconds: float = START_SECONDS) -> str:
    """Its substate once it says that it is ready; GateIsRed with its own words where it gave up."""
    deadline, first = time.monotonic() + seconds, None
    while True:
        seen = unit_properties(unit, "ActiveState", "SubState", "Result", "NRestarts", "Job")
        if seen["ActiveState"] == "active":
            return seen["SubState"]
        # systemd tries again by itself; twice in vain while we look is enough.
        restarts = int(seen.get("NRestarts") or 0)
        first = restarts if first is None else first
        # One whose start is queued (for what it comes after, or for a busy systemd) may still come.
        is_down = seen["ActiveState"] in ("failed", "inactive") and not seen.get("Job")
        if is_down or restarts > first + 1 or time.monotonic() > deadline:
            raise GateIsRed(
                unit,
                f"does not start ({seen['ActiveState']}, {seen['Result']}): {last_words(unit)}",
                f"See `journalctl -u {unit}` on the host, mend it, then run the command again.",
            )
        time.sleep(0.1)


def answers_on_socket(places: PodPlaces, domain: str, release_id: str) -> dict[str, Any]:
    """NodeInfo straight from the release's own socket: it is this release that answers."""
    path = places.web_socket(release_id)
    status = _await_answer(lambda: ask(path, domain, "/.well-known/nodeinfo")[0], str(path))
    return {"status": status}


def _await_answer(ask: Callable[[], int], where: str) -> int:
    deadline = time.monotonic() + ANSWER_SECONDS
    status = 0
    while time.monotonic() < deadline:
        status = ask()
        if status == 200:
            return status
        time.sleep(0.2)
    raise GateIsRed(
        where,
        f"NodeInfo is answered with {status or 'nothing'}",
        "See the web unit's log, mend it, then run the command again.",
    )


async def _nodeinfo(url: str) -> dict[str, Any]:
    probe = await probe_nodeinfo(url, address=LOOPBACK, ca_file=str(CA_BUNDLE))
    _refuse_unwell(f"{url} NodeInfo", probe.is_well, probe.reason, probe.detail)
    return {"software": probe.software, "version": probe.version}


async def _page(url: str) -> dict[str, Any]:
    page = await probe_page(url, PAGE, address=LOOPBACK, ca_file=str(CA_BUNDLE))
    _refuse_unwell(f"{url}{PAGE}", page.is_well, page.reason, page.detail)
    return {"path": page.path, "status": page.status, "bytes": page.bytes}


async def _asset(url: str) -> dict[str, Any]:
    asset = await probe_asset(url, PAGE, address=LOOPBACK, ca_file=str(CA_BUNDLE))
    _refuse_unwell(f"{url} assets of {PAGE}", asset.is_well, asset.reason, asset.detail)
    return {"path": asset.path, "status": asset.status, "bytes": asset.bytes}


def _refuse_unwell(where: str, is_well: bool, reason: object, detail: str) -> None:
    if not is_well:
        raise GateIsRed(
            where,
            f"{reason} {detail}".strip(),
            "See the web unit's and nginx's logs on the host, then run the command again.",
        )


def job(pod: dict[str, Any]) -> dict[str, Any]:
    """A background job done end to end: queued as Rails would, and gone once sidekiq did it."""
    places, began, jid = PodPlaces(pod["name"]), time.time(), secrets.token_hex(12)
    payload = {
        "class": JOB, "args": [], "queue": "low", "retry": False, "jid": jid,
        "created_at": began, "enqueued_at": began,
    }  # fmt: skip
    unit, before = unit_names(pod)["sidekiq"], _processed(places)
    _redis(places, "SADD", "queues", "low")
    _redis(places, "LPUSH", "queue:low", json.dumps(payload))
    # The clock of the host may jump meanwhile: that makes no job late.
    started = time.monotonic()
    while time.monotonic() - started < JOB_SECONDS:
        if _is_done(places, unit, jid, began, before):
            return {"job": JOB, "seconds": round(time.monotonic() - started, 2)}
        time.sleep(0.2)
    raise GateIsRed(
        f"pod {places.name}",
        f"a background job ({JOB}) was not done within {JOB_SECONDS} s",
        f"See `journalctl -u {unit}` on the host, mend it, then run the command again.",
    )


def _is_done(places: PodPlaces, unit: str, jid: str, began: float, before: int) -> bool:
    """sidekiq's log says so at once; its counter, for logs set to say less, with a heartbeat."""
    since = f"--since=@{began - 1:.0f}"
    argv = ["journalctl", "--unit", unit, since, "--output=cat", "--no-pager", "--grep", jid]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    if re.search(rf"jid={jid} .*: fail", found):
        raise GateIsRed(unit, f"a background job failed: {found.strip()}", "Look into its log.")
    if re.search(rf"jid={jid} .*: done", found):
        return True
    is_taken = jid not in _redis(places, "LRANGE", "queue:low", "0", "-1")
    return is_taken and _processed(places) > before


def _processed(places: PodPlaces) -> int:
    return int(_redis(places, "GET", "stat:processed") or 0)


def _redis(places: PodPlaces, *words: str) -> str:
    return run(["redis-cli", "-s", str(places.redis_socket), *words]).decode().strip()
