"""A pod's failing background jobs, counted: those tried again, given up, and sends put off.

diaspora* never fails a delivery in sidekiq's eyes: the job puts itself into the schedule again.
Telling the hub of a post (PublishToHub) fails wherever the hub is not reached, and says nothing of
federation; sidekiq's own count of failures cannot be told from that, so it is shown, not judged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from provision.contract import PodPlaces
from provision.operations.commands import run

SHOWN = "failed"
COUNTED = ("retry", "dead", "sends_put_off")
# Other pods fail as they like: so much more than before is no sign of anything.
MARGIN = 3
# A canary is sent, and taken back; either fails where a pod that follows it is down.
SENDS_OF_A_CANARY = 2
# Jobs of a set that are looked at: counting them must not stop Redis for long.
_LOOKED_AT = 10_000
_SCRIPT = f"""
local function count(set, class, wanted)
  local found = 0
  for _, job in ipairs(redis.call('ZRANGE', set, 0, {_LOOKED_AT - 1})) do
    if (string.find(job, '"class":"' .. class, 1, true) ~= nil) == wanted then
      found = found + 1
    end
  end
  return found
end
local hub = 'Workers::PublishToHub"'
return {{count('retry', hub, false), count('dead', hub, false),
         count('schedule', 'Workers::Send', true), redis.call('GET', 'stat:failed') or '0'}}
"""


@dataclass(frozen=True)
class Sample:
    """The counts at a moment of this boot's own clock."""

    at: float
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        return {"at": self.at, "counts": dict(self.counts)}

    @classmethod
    def from_json(cls, found: Mapping[str, object]) -> Sample:
        counts = found["counts"]
        assert isinstance(counts, Mapping)
        return cls(float(str(found["at"])), {str(k): int(v) for k, v in counts.items()})


def sample(places: PodPlaces) -> Sample:
    argv = ["redis-cli", "-s", str(places.redis_socket), "EVAL", _SCRIPT, "0"]
    said = run(argv).decode().split()
    counts = zip((*COUNTED, SHOWN), map(int, said), strict=True)
    return Sample(time.monotonic(), dict(counts))


def risen(first: Sample, last: Sample) -> dict[str, int]:
    """What there is more of; less is no failure."""
    return {name: max(0, last.counts[name] - first.counts[name]) for name in (*COUNTED, SHOWN)}


def too_many(
    before: tuple[Sample, Sample] | None, first: Sample, last: Sample, canaries: int = 0
) -> dict[str, int]:
    """The counts that rose more than they did in the same time before; without a before (or one
    of another boot), more than the margin. `canaries`: how many of ours were sent meanwhile."""
    allowed = dict.fromkeys(COUNTED, float(MARGIN))
    allowed["sends_put_off"] += SENDS_OF_A_CANARY * canaries
    if before is not None and (spent := before[1].at - before[0].at) > 0:
        scale, was = max(0.0, last.at - first.at) / spent, risen(*before)
        allowed = {name: most + was[name] * scale for name, most in allowed.items()}
    now = risen(first, last)
    return {name: now[name] for name, most in allowed.items() if now[name] > most}
