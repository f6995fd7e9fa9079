"""What a query string chooses: only what is known counts, everything else is as if not given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

# The fleet file's own rule; so a name never needs escaping in PromQL.
_POD = re.compile(r"[a-z][a-z0-9]{0,15}", re.ASCII)
ALL_PODS = ".*"
LONGEST_TEXT = 100


def chosen_pod(query: Mapping[str, str]) -> str | None:
    name = query.get("pod", "")
    return name if is_pod_name(name) else None


def is_pod_name(name: str) -> bool:
    return _POD.fullmatch(name) is not None


@dataclass(frozen=True)
class PeerChoice:
    """Which peers to show, in which order."""

    pod: str | None
    bucket: str | None
    text: str
    sort: str
    is_descending: bool

    def link(self, **changes: str) -> str:
        """The same page with something chosen otherwise; an empty value is left out."""
        chosen = {"pod": self.pod or "", "bucket": self.bucket or "", "q": self.text,
                  "sort": self.sort, "order": "desc" if self.is_descending else "asc",
                  **changes}  # fmt: skip
        return "/peers?" + urlencode({name: value for name, value in chosen.items() if value})


def peer_choice(
    query: Mapping[str, str], buckets: Mapping[str, str], columns: Mapping[str, str]
) -> PeerChoice:
    bucket, sort = query.get("bucket"), query.get("sort", "")
    return PeerChoice(
        chosen_pod(query),
        bucket if bucket in buckets else None,
        query.get("q", "")[:LONGEST_TEXT].strip(),
        sort if sort in columns else "state",
        query.get("order") == "desc",
    )
