"""Where the runbook says what to do about what a page shows: headings of docs/runbook.md."""

from __future__ import annotations

from urllib.parse import quote, urlencode

# Alerts whose sections of the runbook say what to do about what a headline tells.
POD_DOWN = "PodDown"
POD_CLOSED = "PodClosed"
CANARY_LOST = "CanaryBurn1h"
CANARY_STALE = "CanaryStale"
CANARY_PAIRS_MISSING = "CanaryPairsMissing"
RETRACTION = "RetractionStuck"
PEERS_FAIL = "ContactsUnreachable"
HOST_SILENT = "ExporterDown"
OUTSIDE_STALE = "OutsideStale"
ALERTS = (POD_DOWN, POD_CLOSED, CANARY_LOST, CANARY_STALE, CANARY_PAIRS_MISSING, RETRACTION,
          PEERS_FAIL, HOST_SILENT, OUTSIDE_STALE)  # fmt: skip


def runbook(alert: str) -> str:
    """A heading that is one word is linked by its small letters."""
    return f"/runbook#{alert.lower()}"


def pod(name: str) -> str:
    return f"/pods/{quote(name, safe='')}"


def of_pod(path: str, name: str) -> str:
    return f"{path}?{urlencode({'pod': name})}"
