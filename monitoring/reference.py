"""The reference of metrics, written from their table and from the sets that labels come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitoring import metrics
from monitoring.metrics import METRICS, Metric
from monitoring.pod.authority import MOST_PEERS, OTHER
from monitoring.pod.counts import ACTIVE
from monitoring.pod.log_lines import OUTCOMES, RECEPTIONS
from monitoring.pod.peers_table import NO_REASON, STATUSES, UNKNOWN
from monitoring.pod.queues import CRON_JOBS, QUEUES
from monitoring.pod.scheduled import AGES, CLASSES
from monitoring.pod.sources import SOURCES
from monitoring.prober.cycle import STAGES
from monitoring.prober.told import SOFTWARE
from monitoring.reasons import Reason, words

# Each part begins with this metric, in the order of the table.
PARTS: tuple[tuple[Metric, str], ...] = (
    (metrics.SOURCE_UP, "The monitor itself"),
    (metrics.POD_INFO, "A pod and its processes"),
    (metrics.USERS, "Who uses it"),
    (metrics.QUEUE_JOBS, "Background jobs"),
    (metrics.DELIVERIES, "Deliveries and receipts, from the pod's log"),
    (metrics.PEERS, "A pod's own view of its peers"),
    (metrics.PROBE_SUCCESS, "Peers, probed from the pod's host"),
    (metrics.OUTSIDE_SUCCESS, "The fleet's pods, seen from outside"),
    (metrics.CANARY_STATE, "The canary"),
    (metrics.OPERATION_TIMESTAMP, "What operators did and keep"),
)
_UNITS = (
    ("_timestamp_seconds", "seconds since 1970"),
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
)


def metrics_page() -> Iterator[str]:
    """Every metric by part, then the values that labels take."""
    yield from (
        "# Metrics",
        "",
        "What `podfleet-monitor` of each host says on `/metrics/monitor`. Prometheus adds `host`",
        "(and `instance`, the same) and `job`. What is not known is absent, never 0: when a source",
        "cannot be read, all it says vanishes, `podfleet_source_up` is 0, and",
        "`podfleet_source_timestamp_seconds` says when it was last read. Times are moments, never",
        "ages. Of two pods on a host, one that hangs never delays the other.",
        "",
    )
    heads = {first.name: title for first, title in PARTS}
    for metric in METRICS:
        if title := heads.get(metric.name):
            yield from _head(title, is_first=metric is METRICS[0])
        yield _row(metric)
    yield from _labels()


def _head(title: str, *, is_first: bool) -> Iterator[str]:
    if not is_first:
        yield ""
    yield from (f"## {title}", "", "| metric | type | unit | labels | what it says |")
    yield "|---|---|---|---|---|"


def _row(metric: Metric) -> str:
    labels = _coded(metric.labels) or "-"
    cells = (f"`{metric.full_name}`", metric.kind, _unit(metric), labels, metric.help)
    return f"| {' | '.join(cells)} |"


def _unit(metric: Metric) -> str:
    return next((unit for end, unit in _UNITS if metric.name.endswith(end)), "-")


def _labels() -> Iterator[str]:
    yield from ("", "## Values of labels", "", "| label | values |", "|---|---|")
    yield from (f"| `{label}` | {text} |" for label, text in LABELS.items())
    yield from ("", "## Reasons", "", "| reason | in words |", "|---|---|")
    yield from (f"| `{reason.value}` | {words(reason)} |" for reason in Reason)


def _coded(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


LABELS = {
    "active": _coded(ACTIVE),
    "age": "how long ago the first attempt to deliver failed: up to "
    f"{_coded(name for name, bound in AGES if bound)}, or `{AGES[-1][0]}`",
    "class": f"{_coded(sorted(CLASSES))}, `{OTHER}`",
    "cron": _coded(CRON_JOBS),
    "domain": "a pod's name in the web",
    "family": "`v4`, `v6`",
    "outcome": f"of deliveries: {_coded(OUTCOMES)}; of receipts: {_coded(RECEPTIONS)}",
    "peer": f"host, and port where it is not the usual one; {MOST_PEERS:,} of a pod, those with the"
    f" most contacts; the others together are `{OTHER}`",
    "pod": "a pod's name in the fleet file; empty for what concerns no pod",
    "queue": f"{_coded(QUEUES)}, `{OTHER}`",
    "reason": f"below; in a pod's table `{NO_REASON}` where it is well, `{UNKNOWN}` where its words"
    " tell nothing",
    "receiver": "the pod that a canary flies to",
    "release": "the version of a pod's release",
    "sender": "the pod that a canary flies from",
    "software": f"{_coded(sorted(SOFTWARE))}, `{OTHER}`",
    "source": f"of a pod: {_coded(source.name for source in SOURCES)}; of the monitor: `probe`,"
    " `outside`, `canary`",
    "stage": f"of a probe: {_coded(STAGES)}; of a canary: `post`, `delivery`, `receipt`",
    "state": "`ok`, `late`, `lost`, `unknown`",
    "status": f"diaspora*'s own: {_coded(STATUSES)}, or `{UNKNOWN}`",
    "unit": "`web`, `sidekiq`, `redis`",
    "verb": "of `podfleet`, what changes a pod",
    "version": "of `podfleet`",
}
