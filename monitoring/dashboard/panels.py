"""Every PromQL expression of the dashboard, once: what it shows, its unit, how it is drawn.

The pages read what this table names, and Grafana's dashboard is generated from it. `$pod` stands
for a regular expression of the pods that are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["seconds", "share", "count", "bytes", "time", "state"]
Drawn = Literal["number", "table", "line", "stack", "heat"]
Section = Literal["Overview", "Canary", "Peers", "Deliveries", "Pods", "Upgrades", "Monitoring"]


@dataclass(frozen=True)
class Panel:
    """One thing to see; a panel with `hours` is asked for over time, every `step` seconds."""

    name: str
    section: Section
    title: str
    unit: Unit
    drawn: Drawn
    promql: str
    # What tells its series apart.
    labels: tuple[str, ...] = ()
    hours: int = 0
    step: int = 600
    # What must be so for it to have any series: nothing where all is well.
    needs: str = ""

    def expression(self, pod: str = ".*") -> str:
        return self.promql.replace("$pod", pod)


_POD = '{pod=~"$pod"}'
# What is only there while it holds can be told by when it last did.
_LAST_GOOD_OUTSIDE = (
    "max by (pod) (max_over_time((podfleet_outside_timestamp_seconds"
    " and on (pod) podfleet_outside_success == 1)[1d:2m]))"
)
_LAST_GOOD_FLIGHT = (
    "max by (sender, receiver) (max_over_time((podfleet_canary_timestamp_seconds"
    ' and on (sender, receiver) podfleet_canary_state{state="ok"} == 1)[1d:2m]))'
)
_FLIGHTS = 'sum by (sender) (increase(podfleet_canary_flights_total{state!="unknown"}[1h]))'
_GOOD_FLIGHTS = 'sum by (sender) (increase(podfleet_canary_flights_total{state="ok"}[1h]))'
# What the prober of a host sees counts for the pods of that host; a source may be of no pod.
_NEAR = ' and on (host) podfleet_source_up{pod=~"$pod"}'


def _by_peer(how: str, metric: str) -> str:
    return f'{how} by (peer) (podfleet_{metric}{{pod=~"$pod"}})'


OVERVIEW = (
    Panel("pods", "Overview", "Pods", "state", "table",
          "max by (pod, domain, release, host) (podfleet_pod_info"
          " or on (pod) last_over_time(podfleet_pod_info[6h]))",
          ("pod", "domain", "release", "host")),
    Panel("up", "Overview", "Usable from outside", "state", "table",
          f"max by (pod) (podfleet_outside_success{_POD})", ("pod",)),
    Panel("down_reason", "Overview", "Why not usable from outside", "state", "table",
          f"max by (pod, reason) (podfleet_outside_reason{_POD}) == 1", ("pod", "reason"),
          needs="a pod that is down"),
    Panel("last_up", "Overview", "Last usable from outside", "time", "table",
          _LAST_GOOD_OUTSIDE, ("pod",)),
    Panel("closed", "Overview", "Closed for maintenance", "state", "table",
          f"min by (pod) (podfleet_pod_closed{_POD})", ("pod",)),
    Panel("arrival", "Overview", "Arrival latency: the slowest of a pod's last posts", "seconds",
          "number", "max by (sender) (podfleet_canary_arrival_seconds)", ("sender",)),
    Panel("arrival_history", "Overview", "Arrival latency", "seconds", "line",
          "max by (sender) (podfleet_canary_arrival_seconds)", ("sender",), hours=24, step=1200),
    Panel("success", "Overview", "Posts that arrived within the last hour", "share", "number",
          f"({_GOOD_FLIGHTS} or 0 * {_FLIGHTS}) / {_FLIGHTS}", ("sender",)),
    Panel("reach", "Overview", "Peers reached, by weight of contacts", "share", "number",
          # Worked out by a rule, once a minute: joining thousands of peers takes its time.
          f"1 - max by (pod) (pod:contacts_failing:ratio{_POD})", ("pod",)),
    Panel("backlog", "Overview", "Deliveries that wait", "count", "number",
          f"sum by (pod) (podfleet_scheduled_sends{_POD})", ("pod",)),
    Panel("certificate", "Overview", "When the certificate ends", "time", "number",
          f"min by (pod) (podfleet_outside_certificate_expiry_timestamp_seconds{_POD})"
          f" or min by (pod) (podfleet_certificate_expiry_timestamp_seconds{_POD})", ("pod",)),
    Panel("operation", "Overview", "Last operations", "time", "table",
          f"max by (pod, verb) (podfleet_operation_timestamp_seconds{_POD})", ("pod", "verb")),
    Panel("operation_ok", "Overview", "Whether they ended well", "state", "table",
          f"min by (pod, verb) (podfleet_operation_ok{_POD})", ("pod", "verb")),
    Panel("operation_begun", "Overview", "Operations not at their end, since", "time", "table",
          f"max by (pod, verb) (podfleet_operation_begun_timestamp_seconds{_POD})", ("pod", "verb"),
          needs="an operation under way"),
)  # fmt: skip

CANARY = (
    Panel("pair_state", "Canary", "How the last flight ended", "state", "table",
          "max by (sender, receiver, state) (podfleet_canary_state) == 1",
          ("sender", "receiver", "state")),
    Panel("pair_reason", "Canary", "Why it did not end well", "state", "table",
          "max by (sender, receiver, reason) (podfleet_canary_reason) == 1",
          ("sender", "receiver", "reason"), needs="a pair that fails"),
    Panel("pair_arrival", "Canary", "Arrival", "seconds", "table",
          "max by (sender, receiver) (podfleet_canary_arrival_seconds)", ("sender", "receiver")),
    Panel("pair_retraction", "Canary", "Retraction", "seconds", "table",
          "max by (sender, receiver) (podfleet_canary_retraction_seconds)", ("sender", "receiver")),
    Panel("pair_stuck", "Canary", "Copies that stayed", "state", "table",
          "max by (sender, receiver) (podfleet_canary_retraction_stuck)", ("sender", "receiver")),
    Panel("pair_at", "Canary", "Last flight", "time", "table",
          "max by (sender, receiver) (podfleet_canary_timestamp_seconds)", ("sender", "receiver")),
    Panel("pair_last_good", "Canary", "Last flight that ended well", "time", "table",
          _LAST_GOOD_FLIGHT, ("sender", "receiver")),
    Panel("pair_stage", "Canary", "The last post's way by stage", "seconds", "table",
          "max by (sender, receiver, stage) (podfleet_canary_stage_seconds)",
          ("sender", "receiver", "stage")),
    Panel("pair_history", "Canary", "Arrival of each pair", "seconds", "heat",
          "max by (sender, receiver) (podfleet_canary_arrival_seconds)", ("sender", "receiver"),
          hours=24, step=1800),
    Panel("pair_good_history", "Canary", "Flights of each pair that ended well", "share", "heat",
          "avg_over_time(max by (sender, receiver)"
          ' (podfleet_canary_state{state="ok"})[30m:5m])', ("sender", "receiver"),
          hours=24, step=1800),
)  # fmt: skip

PEERS = (
    Panel("peer_contacts", "Peers", "Contacts", "count", "table", _by_peer("sum", "peer_contacts"),
          ("peer",)),
    Panel("peer_success", "Peers", "Reached by every host that looks", "state", "table",
          f"min by (peer) (podfleet_probe_success{_NEAR})", ("peer",)),
    Panel("peer_reason", "Peers", "Why not", "state", "table",
          f"max by (peer, reason) (podfleet_probe_reason{_NEAR}) == 1", ("peer", "reason"),
          needs="a peer that fails"),
    Panel("peer_probed", "Peers", "Last probe", "time", "table",
          f"min by (peer) (podfleet_probe_timestamp_seconds{_NEAR})", ("peer",)),
    Panel("peer_certificate", "Peers", "When the certificate ends", "time", "table",
          f"min by (peer) (podfleet_probe_certificate_expiry_timestamp_seconds{_NEAR})",
          ("peer",)),
    Panel("peer_offline", "Peers", "Offline since", "time", "table",
          _by_peer("min", "peer_offline_since_timestamp_seconds"), ("peer",),
          needs="a peer that fails"),
    Panel("peer_lost", "Peers", "When the first delivery is lost", "time", "table",
          _by_peer("min", "peer_lost_at_timestamp_seconds"), ("peer",), needs="a peer that fails"),
    Panel("peer_cut_off", "Peers", "When it is cut off", "time", "table",
          _by_peer("min", "peer_cut_off_at_timestamp_seconds"), ("peer",),
          needs="a peer that fails"),
    Panel("peer_sends", "Peers", "Deliveries that wait", "count", "table",
          _by_peer("sum", "peer_scheduled_sends"), ("peer",), needs="a peer that fails"),
    Panel("peer_software", "Peers", "Peers by software", "count", "table",
          "max by (software) (podfleet_probe_software)", ("software",)),
)  # fmt: skip

DELIVERIES = (
    Panel("attempts", "Deliveries", "Attempts within a day, by outcome", "count", "table",
          f"sum by (outcome) (increase(podfleet_deliveries_total{_POD}[1d]))", ("outcome",)),
    Panel("attempts_history", "Deliveries", "Attempts by outcome, each half hour", "count", "stack",
          f"sum by (outcome) (increase(podfleet_deliveries_total{_POD}[30m]))", ("outcome",),
          hours=24, step=1800),
    Panel("backlog_age", "Deliveries", "Deliveries that wait, by age", "count", "stack",
          f"sum by (age) (podfleet_scheduled_sends{_POD})", ("age",), hours=24, step=1800),
    Panel("backlog_peer", "Deliveries", "Deliveries that wait, by peer", "count", "table",
          'topk(20, sum by (peer) (podfleet_peer_scheduled_sends{pod=~"$pod"}))', ("peer",),
          needs="a peer that fails"),
    Panel("queue_latency", "Deliveries", "The oldest job of each queue waits for", "seconds",
          "line",
          f"max by (queue) (podfleet_queue_latency_seconds{_POD})", ("queue",),
          hours=24, step=1800),
    Panel("delivery_median", "Deliveries", "Time of a delivery, median", "seconds", "number",
          "histogram_quantile(0.5, sum by (pod, le)"
          f" (rate(podfleet_delivery_duration_seconds_bucket{_POD}[1h])))", ("pod",)),
    Panel("delivery_slowest", "Deliveries", "Time of a delivery, slowest of 20", "seconds",
          "number", "histogram_quantile(0.95, sum by (pod, le)"
          f" (rate(podfleet_delivery_duration_seconds_bucket{_POD}[1h])))", ("pod",)),
    Panel("abandoned", "Deliveries", "Given up within a day", "count", "number",
          f"sum by (pod) (increase(podfleet_abandoned_sends_total{_POD}[1d]))", ("pod",)),
    Panel("skipped", "Deliveries", "Skipped within a day: peer offline for 14 days", "count",
          "number", f"sum by (pod) (increase(podfleet_skipped_sends_total{_POD}[1d]))", ("pod",)),
    Panel("received", "Deliveries", "Received within a day, by outcome", "count", "table",
          f"sum by (outcome) (increase(podfleet_received_total{_POD}[1d]))", ("outcome",)),
    Panel("received_history", "Deliveries", "Received, each half hour", "count", "stack",
          f"sum by (outcome) (increase(podfleet_received_total{_POD}[30m]))", ("outcome",),
          hours=24, step=1800),
)  # fmt: skip

UPGRADES = (
    Panel("upgrade_predicted", "Upgrades", "Predicted to be closed", "seconds", "table",
          f"max by (pod) (podfleet_upgrade_predicted_seconds{_POD})", ("pod",),
          hours=720, step=3600, needs="an upgrade"),
    Panel("upgrade_closed", "Upgrades", "Was closed", "seconds", "table",
          f"max by (pod) (podfleet_upgrade_closed_seconds{_POD})", ("pod",),
          hours=720, step=3600, needs="an upgrade"),
    Panel("upgrade_at", "Upgrades", "When the upgrade ended", "time", "table",
          f"max by (pod) (podfleet_upgrade_timestamp_seconds{_POD})", ("pod",),
          hours=720, step=3600, needs="an upgrade"),
    Panel("newest", "Upgrades", "The newest release that a peer runs", "count", "number",
          "max(podfleet_probe_newest_version_number)", ()),
    Panel("version", "Upgrades", "Releases as numbers", "count", "table",
          f"max by (pod) (podfleet_pod_version_number{_POD})", ("pod",)),
    Panel("export_at", "Upgrades", "Newest export", "time", "table",
          f"max by (pod) (podfleet_export_timestamp_seconds{_POD})", ("pod",), needs="an export"),
    Panel("export_bytes", "Upgrades", "Its size", "bytes", "table",
          f"max by (pod) (podfleet_export_bytes{_POD})", ("pod",), needs="an export"),
    Panel("safety_copies", "Upgrades", "Databases kept for a way back", "count", "table",
          f"max by (pod) (podfleet_safety_copies{_POD})", ("pod",)),
)  # fmt: skip

_PLAIN: tuple[tuple[str, str, Unit, str], ...] = (
    ("processes", "Background processes", "count", "sidekiq_processes"),
    ("busy", "Background jobs being done", "count", "sidekiq_busy"),
    ("retries", "Jobs to be tried again", "count", "retry_jobs"),
    ("dead_jobs", "Jobs given up", "count", "dead_jobs"),
    ("posts", "Posts written here", "count", "posts"),
    ("comments", "Comments written here", "count", "comments"),
    ("database_up", "PostgreSQL answers", "state", "database_up"),
    ("database_bytes", "Database", "bytes", "database_bytes"),
    ("redis_up", "Redis answers", "state", "redis_up"),
    ("redis_bytes", "Memory of Redis", "bytes", "redis_memory_bytes"),
    ("redis_writes", "Redis writes to its disk", "state", "redis_persistence_ok"),
    ("disk_free", "Free disk", "bytes", "disk_free_bytes"),
    ("disk_size", "Disk", "bytes", "disk_size_bytes"),
    ("nodeinfo_valid", "NodeInfo is valid", "state", "outside_nodeinfo_valid"),
    ("receive_ok", "Receives without a redirect", "state", "outside_receive_ok"),
)
PODS = (
    Panel("unit_active", "Pods", "Processes that run", "state", "table",
          f"max by (pod, unit) (podfleet_unit_active{_POD})", ("pod", "unit")),
    Panel("unit_restarts", "Pods", "Restarts within a day", "count", "table",
          f"max by (pod, unit) (increase(podfleet_unit_restarts_total{_POD}[1d]))",
          ("pod", "unit")),
    Panel("unit_memory", "Pods", "Memory", "bytes", "table",
          f"max by (pod, unit) (podfleet_unit_memory_bytes{_POD})", ("pod", "unit")),
    Panel("queue_jobs", "Pods", "Jobs that wait", "count", "table",
          f"max by (pod, queue) (podfleet_queue_jobs{_POD})", ("pod", "queue")),
    Panel("queue_latency_now", "Pods", "The oldest job waits for", "seconds", "table",
          f"max by (pod, queue) (podfleet_queue_latency_seconds{_POD})", ("pod", "queue")),
    Panel("peers_by_status", "Pods", "The pod's own view of its peers", "count", "table",
          f"max by (pod, status, reason) (podfleet_peers{_POD})", ("pod", "status", "reason")),
    Panel("users", "Pods", "Open accounts", "count", "table",
          f"max by (pod, active) (podfleet_users{_POD})", ("pod", "active")),
    *(
        Panel(name, "Pods", title, unit, "number", f"max by (pod) (podfleet_{metric}{_POD})",
              ("pod",))
        for name, title, unit, metric in _PLAIN
    ),
    Panel("families", "Pods", "Reachable by family of addresses", "state", "table",
          f"max by (pod, family) (podfleet_outside_reachable{_POD})", ("pod", "family")),
)  # fmt: skip

MONITORING = (
    Panel("sources", "Monitoring", "Sources last read", "time", "table",
          "max by (host, source, pod) (podfleet_source_timestamp_seconds"
          " or last_over_time(podfleet_source_timestamp_seconds[6h]))", ("host", "source", "pod")),
    Panel("sources_up", "Monitoring", "Sources that can be read", "state", "table",
          "min by (host, source, pod) (podfleet_source_up)", ("host", "source", "pod")),
    Panel("hosts", "Monitoring", "Hosts that answer Prometheus", "state", "table",
          'min by (host) (up{job="monitor"})', ("host",)),
    Panel("cycle", "Monitoring", "The prober's last cycle", "seconds", "number",
          "max by (host) (podfleet_probe_cycle_duration_seconds)", ("host",)),
    Panel("cycle_lag", "Monitoring", "The prober's lag", "seconds", "number",
          "max by (host) (podfleet_probe_cycle_lag_seconds)", ("host",)),
)  # fmt: skip

PANELS: tuple[Panel, ...] = (
    *OVERVIEW, *CANARY, *PEERS, *DELIVERIES, *PODS, *UPGRADES, *MONITORING,
)  # fmt: skip
BY_NAME = {panel.name: panel for panel in PANELS}


def expressions(needs: bool = True) -> dict[str, str]:
    """Each panel's PromQL for all pods, by its name; without those that need a fault at will."""
    return {one.name: one.expression() for one in PANELS if needs or not one.needs}
