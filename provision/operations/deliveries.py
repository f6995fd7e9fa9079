"""A pod's failing background jobs, counted: what sidekiq failed, tries again, gave up, put off.

diaspora* never fails a delivery in sidekiq's eyes: the job puts itself into the schedule again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from provision.contract import PodPlaces
from provision.operations.commands import run

COUNTED = ("failed", "retry", "dead", "sends_put_off")
# Other pods fail as they like: so much more than before is no sign of anything.
MARGIN = 3
# Jobs of a schedule that are looked at: counting them must not stop Redis for long.
_LOOKED_AT = 10_000
_SENDS = f"""
local found = 0
for _, job in ipairs(redis.call('ZRANGE', 'schedule', 0, {_LOOKED_AT - 1})) do
  if string.find(job, '"class":"Workers::Send', 1, true) then found = found + 1 end
end
return {{redis.call('GET', 'stat:failed') or '0', redis.call('ZCARD', 'retry'),
         redis.call('ZCARD', 'dead'), found}}
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
    argv = ["redis-cli", "-s", str(places.redis_socket), "EVAL", _SENDS, "0"]
    said = run(argv).decode().split()
    return Sample(time.monotonic(), dict(zip(COUNTED, map(int, said), strict=True)))


def risen(first: Sample, last: Sample) -> dict[str, int]:
    """What there is more of; less is no failure."""
    return {name: max(0, last.counts[name] - first.counts[name]) for name in COUNTED}


def too_many(before: tuple[Sample, Sample] | None, first: Sample, last: Sample) -> dict[str, int]:
    """The counts that rose more than they did in the same time before; without a before (or one
    of another boot), more than the margin."""
    allowed = dict.fromkeys(COUNTED, float(MARGIN))
    if before is not None and (spent := before[1].at - before[0].at) > 0:
        scale = max(0.0, last.at - first.at) / spent
        for name, count in risen(*before).items():
            allowed[name] += count * scale
    return {name: count for name, count in risen(first, last).items() if count > allowed[name]}
