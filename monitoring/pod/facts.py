"""What root's operations tell of a pod: release, operations, exports, the last upgrade's cost.

The monitor may read neither a pod's state nor its exports: root writes a file of facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitoring.board import Sample
from monitoring.metrics import (
    EXPORT_BYTES,
    EXPORT_TIMESTAMP,
    OPERATION_BEGUN,
    OPERATION_OK,
    OPERATION_TIMESTAMP,
    POD_CLOSED,
    POD_INFO,
    POD_VERSION,
    SAFETY_COPIES,
    UPGRADE_CLOSED,
    UPGRADE_PREDICTED,
    UPGRADE_TIMESTAMP,
    Metric,
)
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread
from monitoring.versions import release_number

FORMAT = 1
# A verb becomes a label: podfleet's own are short, and few.
_MOST_VERBS = 32


def collect(place: PodPlace) -> Reading:
    try:
        facts = read_facts(place)
    except Unread as unread:
        # A launch is closed for as long as it lasts, and its facts come last.
        closed = [(POD_CLOSED, (place.name,), True)] if _is_closed(place, {}) else []
        raise Unread(str(unread), closed) from None
    return Reading([*_about(place, facts), *_operations(place, facts), *_kept(place, facts)])


def read_facts(place: PodPlace) -> Mapping[str, Any]:
    """Raises Unread where there are none: the pod is not launched, or nobody wrote any yet."""
    try:
        facts = json.loads(place.facts.read_bytes())
    except FileNotFoundError:
        raise Unread("no facts are there") from None
    except OSError as error:
        raise Unread(f"the facts: {error.strerror}") from None
    except ValueError:
        raise Unread("the facts are no JSON") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Unread("the facts are of another format")
    return facts


def _about(place: PodPlace, facts: Mapping[str, Any]) -> Iterator[Sample]:
    release = str(facts.get("release", ""))
    yield POD_INFO, (place.name, str(facts.get("domain") or place.domain), release), 1
    if (number := release_number(release)) is not None:
        yield POD_VERSION, (place.name,), number
    yield POD_CLOSED, (place.name,), _is_closed(place, facts)


def _is_closed(place: PodPlace, facts: Mapping[str, Any]) -> bool:
    """The page itself is the newest word; facts are written when an operation begins and ends."""
    try:
        (place.home / "maintenance").lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return bool(facts.get("closed"))
    return True


def _operations(place: PodPlace, facts: Mapping[str, Any]) -> Iterator[Sample]:
    for verb, ended in list(_table(facts.get("operations")).items())[:_MOST_VERBS]:
        at = seconds(_table(ended).get("at"))
        if at is not None:
            yield OPERATION_TIMESTAMP, (place.name, str(verb)), at
            yield OPERATION_OK, (place.name, str(verb)), bool(ended.get("ok"))
    under_way = _table(facts.get("operation"))
    begun = seconds(under_way.get("begun_at"))
    if begun is not None:
        yield OPERATION_BEGUN, (place.name, str(under_way.get("verb"))), begun


def _kept(place: PodPlace, facts: Mapping[str, Any]) -> Iterator[Sample]:
    export, upgrade = _table(facts.get("export")), _table(facts.get("upgrade"))
    told: tuple[tuple[Metric, float | None], ...] = (
        (EXPORT_TIMESTAMP, seconds(export.get("at"))),
        (EXPORT_BYTES, _number(export.get("bytes"))),
        (SAFETY_COPIES, _number(facts.get("safety_copies"))),
        (UPGRADE_TIMESTAMP, seconds(upgrade.get("at"))),
        (UPGRADE_PREDICTED, _number(upgrade.get("predicted_seconds"))),
        (UPGRADE_CLOSED, _number(upgrade.get("closed_seconds"))),
    )
    for metric, value in told:
        if value is not None:
            yield metric, (place.name,), value


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def seconds(told: Any) -> float | None:
    """Since 1970; None for what is no time."""
    try:
        at = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return None
    return at.timestamp() if at.tzinfo is not None else None
