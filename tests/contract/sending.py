"""How a pod delivers, and what it keeps of a delivery that fails: table, schedule and log.

The account shares with somebody on a pod whose name does not resolve, and posts.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.account import USERNAME
from tests.contract.answers import Facts
from tests.contract.envelope import new_key, public_pem
from tests.contract.host import OnHost
from tests.contract.web import Web

PEER = "nowhere.contract.invalid"
FAILURE_SECONDS = 60.0
# (n+3)^4 + rand(30)(n+1) seconds after the first failure, n = 1.
FIRST_WAIT_SECONDS = (256, 256 + 29 * 2)

LOG_LINE = (
    r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\] WARN  PID-\d+ TID-\d+ "
    r"DiasporaFederation::Federation::Sender::HydraWrapper: success=false sender=\d+ "
    r"obj=StatusMessage:$guid url=https://nowhere\.contract\.invalid/receive/public "
    r"message=couldnt_resolve_host code=0 time=\S+"
)

_FOLLOW = """
user = User.find_by!(username: "{username}")
person = Person.new(diaspora_handle: "{handle}", guid: "{guid}", serialized_public_key: "{key}",
                    pod: Pod.find_or_create_by(url: "https://{peer}/"))
person.profile = Profile.new(first_name: "Contract")
person.save!
user.share_with(person, user.aspects.first)
true
"""
_FORGET = """
require "sidekiq/api"
[Sidekiq::ScheduledSet.new, Sidekiq::RetrySet.new].each do |set|
  set.each {{|job| job.delete if job.args.to_s.include?("{peer}") }}
end
Person.where("diaspora_handle LIKE ?", "%@{peer}").each do |person|
  person.contacts.each(&:destroy)
  person.profile.delete
  person.delete
end
Pod.where(host: "{peer}").each(&:delete)
true
"""
_SEEN = """
require "sidekiq/api"
jobs = Sidekiq::ScheduledSet.new.map {{|job| [job.score, job.value] }}
pod = Pod.find_by!(host: "{peer}")
{{
  "jobs" => jobs.select {{|_, value| value.include?("StatusMessage:{guid}") }},
  "pod" => pod.attributes.slice("status", "error", "response_time", "offline_since", "port"),
  "status" => Pod.statuses[pod.status]
}}
"""


@contextmanager
def _contact_nowhere(host: OnHost) -> Iterator[None]:
    guid = secrets.token_hex(16)
    key = public_pem(new_key()).replace("\n", "\\n")
    handle = f"{guid[:12]}@{PEER}"
    program = _FOLLOW.format(username=USERNAME, handle=handle, guid=guid, key=key, peer=PEER)
    host.ruby(program)
    try:
        yield
    finally:
        host.ruby(_FORGET.format(peer=PEER))


def sending(web: Web, host: OnHost, facts: Facts) -> Iterator[tuple[str, list[str]]]:
    """Each case's name, and what departed."""
    with _contact_nowhere(host):
        guid = _post(web, facts)
        try:
            line, failed_at = _log_line(host, guid)
            yield "a failed delivery is logged", [] if line else ["log: no such line"]
            seen = host.ruby(_SEEN.format(peer=PEER, guid=guid))
            assert isinstance(seen, dict)
            yield "the pods table says that the name is unknown", _table(seen)
            yield "the delivery waits in the schedule", _schedule(seen, guid, failed_at)
        finally:
            web.ask("DELETE", f"/api/v1/posts/{guid}", _headers(facts))


def _headers(facts: Facts) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {facts['token']}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def _post(web: Web, facts: Facts) -> str:
    body = json.dumps({"body": "a post by the contract's tests", "public": True}).encode()
    answer = web.ask("POST", "/api/v1/posts", _headers(facts), body).json()
    assert isinstance(answer, dict)
    return str(answer["guid"])


def _log_line(host: OnHost, guid: str) -> tuple[str | None, float]:
    """The delivery's line in the application log, and when it was seen."""
    wanted = re.compile(LOG_LINE.replace("$guid", guid))
    deadline = time.monotonic() + FAILURE_SECONDS
    while time.monotonic() < deadline:
        log = host.as_pod(["tail", "-n", "400", "log/production.log"])
        found = next((line for line in log.splitlines() if wanted.fullmatch(line)), None)
        if found:
            return found, time.time()
        time.sleep(1)
    return None, time.time()


def _table(seen: dict[str, object]) -> list[str]:
    pod = seen["pod"]
    assert isinstance(pod, dict)
    wrong = [] if seen["status"] == 2 else [f"pods.status: {seen['status']}, not 2"]
    if pod["error"] != "FederationError: couldnt_resolve_host":
        wrong.append(f"pods.error: {pod['error']!r}")
    if pod["offline_since"] is None:
        wrong.append("pods.offline_since: NULL")
    return wrong + [
        f"pods.{name}: {pod[name]}, not -1" for name in ("response_time", "port") if pod[name] != -1
    ]


def _schedule(seen: dict[str, object], guid: str, failed_at: float) -> list[str]:
    jobs = seen["jobs"]
    assert isinstance(jobs, list)
    if len(jobs) != 1:
        return [f"schedule: {len(jobs)} jobs for the post, not 1"]
    score, member = float(jobs[0][0]), json.loads(jobs[0][1])
    shape = {"retry": 0, "queue": "medium", "backtrace": 15, "class": "Workers::SendPublic"}
    wrong = [f"schedule: {k} is {member.get(k)!r}" for k, v in shape.items() if member.get(k) != v]
    arguments = member["args"]
    expected = [f"StatusMessage:{guid}", [f"https://{PEER}/receive/public"]]
    if arguments[1:3] != expected or arguments[4] != 1:
        wrong.append(f"schedule: arguments {arguments[1:3]} and {arguments[4:]}")
    low, high = FIRST_WAIT_SECONDS
    wait = score - failed_at
    if not low - 3 <= wait <= high:
        wrong.append(f"schedule: due {wait:.0f} s after the failure, not {low} to {high} s")
    return wrong
