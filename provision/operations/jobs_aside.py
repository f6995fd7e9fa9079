"""Background jobs that a rollback puts aside, because they may speak of rows that it leaves behind.

They are those that were not there at the switch: by their ids, for a clock may be set back. They
move within the pod's Redis, in one script each way: a cut leaves all of it done or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from provision.contract import PodPlaces
from provision.operations.commands import run

# Where jobs are: a list a queue, newest first, and two sets by the time they are due. A job keeps
# its id wherever it goes, also when it is tried again.
_ID = """
local function id(job) return string.match(job, '"jid"%s*:%s*"([^"]+)"') end
"""
_FIND = (
    _ID
    + """
local found = {}
local function add(jobs) for _, job in ipairs(jobs) do table.insert(found, id(job)) end end
for _, key in ipairs(redis.call('KEYS', 'queue:*')) do add(redis.call('LRANGE', key, 0, -1)) end
for _, key in ipairs({'retry', 'schedule'}) do add(redis.call('ZRANGE', key, 0, -1)) end
return table.concat(found, '\\n')
"""
)
# KEYS: none, as their names are found; ARGV: prefix of what is put aside, ids of what stays.
_PUT_ASIDE = (
    _ID
    + """
local prefix, known = ARGV[1], {}
for jid in string.gmatch(ARGV[2], '[^\\n]+') do known[jid] = true end
local function is_late(job)
  local jid = id(job)
  return jid and not known[jid]
end
for _, key in ipairs(redis.call('KEYS', 'queue:*')) do
  local jobs, late, kept = redis.call('LRANGE', key, 0, -1), {}, {}
  for _, job in ipairs(jobs) do table.insert(is_late(job) and late or kept, job) end
  if #late > 0 then
    redis.call('DEL', key)
    for _, job in ipairs(kept) do redis.call('RPUSH', key, job) end
    for _, job in ipairs(late) do redis.call('RPUSH', prefix .. key, job) end
  end
end
for _, key in ipairs({'retry', 'schedule'}) do
  local jobs = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for i = 1, #jobs, 2 do
    if is_late(jobs[i]) then
      redis.call('ZREM', key, jobs[i])
      redis.call('ZADD', prefix .. key, jobs[i + 1], jobs[i])
    end
  end
end
"""
)
_TAKE_BACK = """
local prefix = ARGV[1]
for _, aside in ipairs(redis.call('KEYS', prefix .. '*')) do
  local key = string.sub(aside, #prefix + 1)
  if redis.call('TYPE', aside)['ok'] == 'list' then
    redis.call('SADD', 'queues', string.sub(key, #'queue:' + 1))
    local jobs = redis.call('LRANGE', aside, 0, -1)
    for i = #jobs, 1, -1 do redis.call('LPUSH', key, jobs[i]) end
  else
    local jobs = redis.call('ZRANGE', aside, 0, -1, 'WITHSCORES')
    for i = 1, #jobs, 2 do redis.call('ZADD', key, jobs[i + 1], jobs[i]) end
  end
  redis.call('DEL', aside)
end
"""
_COUNT = """
local prefix, counts, found = ARGV[1], {}, false
for _, aside in ipairs(redis.call('KEYS', prefix .. '*')) do
  local is_list = redis.call('TYPE', aside)['ok'] == 'list'
  counts[string.sub(aside, #prefix + 1)] = redis.call(is_list and 'LLEN' or 'ZCARD', aside)
  found = true
end
return found and cjson.encode(counts) or '{}'
"""
# AOF is written every second: what was moved must not be where it was after a power cut.
_DURABLE_MILLISECONDS = 10_000


def find(places: PodPlaces) -> list[str]:
    """The ids of all jobs that wait, for a worker or for their time."""
    return _script(places, _FIND).splitlines()


def put_aside(places: PodPlaces, operation_id: str, known: Iterable[str]) -> dict[str, int]:
    """Jobs other than those known (by id) wait under podfleet:aside:<operation>:; how many of
    which queue are there now. No sidekiq may run meanwhile."""
    prefix = _prefix(operation_id)
    # By stdin: there may be more of them than fit into a command line.
    argv = ["-x", "EVAL", _PUT_ASIDE, "0", prefix]
    _redis(places, *argv, stdin="\n".join(known).encode())
    _make_durable(places)
    counts: dict[str, int] = json.loads(_script(places, _COUNT, prefix))
    return counts


def take_back(places: PodPlaces, operation_id: str) -> None:
    """They are in their queues again, as the newest of them."""
    _script(places, _TAKE_BACK, _prefix(operation_id))
    _make_durable(places)


def waiting(places: PodPlaces) -> dict[str, int]:
    """How many jobs each operation put aside that are still there."""
    keys = _redis(places, "--scan", "--pattern", "podfleet:aside:*").splitlines()
    found = sorted({key.split(":")[2] for key in keys})
    counts = {one: json.loads(_script(places, _COUNT, _prefix(one))) for one in found}
    return {one: sum(count.values()) for one, count in counts.items()}


def forget(places: PodPlaces, operation_id: str) -> None:
    """They are gone for good."""
    for key in _redis(places, "--scan", "--pattern", f"{_prefix(operation_id)}*").splitlines():
        _redis(places, "UNLINK", key)
    _make_durable(places)


def _prefix(operation_id: str) -> str:
    return f"podfleet:aside:{operation_id}:"


def _script(places: PodPlaces, script: str, *arguments: str) -> str:
    return _redis(places, "EVAL", script, "0", *arguments)


def _make_durable(places: PodPlaces) -> None:
    _redis(places, "WAITAOF", "1", "0", str(_DURABLE_MILLISECONDS))


def _redis(places: PodPlaces, *words: str, stdin: bytes | None = None) -> str:
    argv = ["redis-cli", "-e", "-s", str(places.redis_socket), *words]
    return run(argv, stdin=stdin).decode().strip()
