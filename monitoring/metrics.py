"""Every metric that podfleet exports, once: name, type, unit, labels, help.

The reference page is generated from this table, and the rules, the dashboard and the Grafana
dashboard name only what stands in it. Times are `_timestamp_seconds`, never ages: a reader's clock
tells the age. A state is one series with the value 1 for what holds, and 0 for what else it can be
where the set is small; a reason is the one series that holds. What is not known is absent, not 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]
PREFIX = "podfleet_"


@dataclass(frozen=True)
class Metric:
    """One family; `labels` in the order in which a sample gives their values."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Kind = "gauge"
    # Upper bounds of a histogram's buckets, in the metric's unit, without +Inf.
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        return PREFIX + self.name


# A post's way to another pod: half a second where all is well, a minute until it counts as lost.
ARRIVAL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# Each part of the process and each collector tells of itself.
SOURCE_UP = Metric("source_up", "Whether what this source reads could be read.", ("source", "pod"))
SOURCE_TIMESTAMP = Metric(
    "source_timestamp_seconds", "When this source was last read to its end.", ("source", "pod")
)
SOURCE_SECONDS = Metric(
    "source_duration_seconds", "How long the last reading of this source took.", ("source", "pod")
)
MONITOR_INFO = Metric("monitor_info", "The version of podfleet's monitor.", ("version",))

# What a pod is, and how its processes are.
POD_INFO = Metric("pod_info", "A pod, its domain and its release.", ("pod", "domain", "release"))
POD_VERSION = Metric(
    "pod_version_number",
    "The release as a number: 0.9.1.0 is 9001000 (three digits a part).",
    ("pod",),
)
POD_CLOSED = Metric("pod_closed", "Whether the maintenance page is shown.", ("pod",))
UNIT_ACTIVE = Metric("unit_active", "Whether a pod's process runs.", ("pod", "unit"))
UNIT_RESTARTS = Metric(
    "unit_restarts_total", "Restarts by systemd since the unit was started.", ("pod", "unit"),
    "counter",
)  # fmt: skip
UNIT_MEMORY = Metric("unit_memory_bytes", "Memory of a pod's process.", ("pod", "unit"))
CERTIFICATE_EXPIRY = Metric(
    "certificate_expiry_timestamp_seconds", "When the certificate on the host ends.", ("pod",)
)
DATABASE_UP = Metric("database_up", "Whether PostgreSQL answers for the pod's database.", ("pod",))
DATABASE_BYTES = Metric("database_bytes", "Size of the pod's database.", ("pod",))
DATABASE_SESSIONS = Metric("database_sessions", "Open sessions in the pod's database.", ("pod",))
REDIS_UP = Metric("redis_up", "Whether the pod's Redis answers.", ("pod",))
REDIS_MEMORY = Metric("redis_memory_bytes", "Memory that the pod's Redis holds.", ("pod",))
REDIS_WRITES_OK = Metric(
    "redis_persistence_ok", "Whether Redis' last writes to its disk went well.", ("pod",)
)
DISK_FREE = Metric("disk_free_bytes", "Free bytes where the pod's files are.", ("pod",))
DISK_SIZE = Metric("disk_size_bytes", "All bytes of the disk where the pod's files are.", ("pod",))

# Who uses it.
USERS = Metric("users", "Open accounts; `active` within `month` or `half_year`.", ("pod", "active"))
POSTS = Metric("posts", "Posts written on this pod.", ("pod",))
COMMENTS = Metric("comments", "Comments written on this pod.", ("pod",))

# Background jobs.
QUEUE_JOBS = Metric("queue_jobs", "Jobs that wait in a queue.", ("pod", "queue"))
QUEUE_LATENCY = Metric(
    "queue_latency_seconds", "How long the oldest job of a queue has waited.", ("pod", "queue")
)
SIDEKIQ_PROCESSES = Metric("sidekiq_processes", "Processes that take jobs.", ("pod",))
SIDEKIQ_BUSY = Metric("sidekiq_busy", "Jobs that are being done.", ("pod",))
SIDEKIQ_THREADS = Metric("sidekiq_threads", "Jobs that can be done at once.", ("pod",))
JOBS_PROCESSED = Metric("jobs_processed_total", "Jobs done, well or not.", ("pod",), "counter")
JOBS_FAILED = Metric("jobs_failed_total", "Jobs that failed.", ("pod",), "counter")
RETRY_JOBS = Metric("retry_jobs", "Jobs that sidekiq will try again.", ("pod",))
DEAD_JOBS = Metric("dead_jobs", "Jobs that were given up.", ("pod",))
SCHEDULED_JOBS = Metric("scheduled_jobs", "Jobs for later.", ("pod", "class"))
SCHEDULED_SENDS = Metric(
    "scheduled_sends", "Deliveries that failed and wait for their next attempt, by age.",
    ("pod", "age"),
)  # fmt: skip
# Not `job`: that label is Prometheus' own.
CRON_TIMESTAMP = Metric(
    "cron_timestamp_seconds", "When a job of the pod's timetable was last put into its queue.",
    ("pod", "cron"),
)  # fmt: skip

# Deliveries, from the pod's log: nothing else tells how long one takes.
DELIVERIES = Metric(
    "deliveries_total", "Attempts to deliver, by outcome: `delivered` or why not.",
    ("pod", "outcome"), "counter",
)  # fmt: skip
DELIVERY_SECONDS = Metric(
    "delivery_duration_seconds", "How long an attempt to deliver took.", ("pod",), "histogram",
    REQUEST_BUCKETS,
)  # fmt: skip
ABANDONED = Metric("abandoned_sends_total", "Deliveries given up for good.", ("pod",), "counter")
SKIPPED = Metric(
    "skipped_sends_total", "Deliveries not tried: the peer was offline for 14 days.", ("pod",),
    "counter",
)  # fmt: skip
RECEIVED = Metric(
    "received_total", "Messages from other pods, by outcome: `accepted` or why not.",
    ("pod", "outcome"), "counter",
)  # fmt: skip

# The pod's own view of its peers: its table of pods, and the deliveries that wait for them.
PEERS = Metric("peers", "Peers in the pod's table, by status and reason.",
               ("pod", "status", "reason"))  # fmt: skip
PEER_CONTACTS = Metric("peer_contacts", "Contacts that this pod's users have there.",
                       ("pod", "peer"))  # fmt: skip
PEER_OFFLINE_SINCE = Metric(
    "peer_offline_since_timestamp_seconds", "Since when the pod holds a peer to be offline.",
    ("pod", "peer"),
)  # fmt: skip
PEER_LOST_AT = Metric(
    "peer_lost_at_timestamp_seconds", "When the first waiting delivery to a peer is given up.",
    ("pod", "peer"),
)  # fmt: skip
PEER_CUT_OFF_AT = Metric(
    "peer_cut_off_at_timestamp_seconds", "When the pod stops delivering to a peer at all.",
    ("pod", "peer"),
)  # fmt: skip
PEER_SENDS = Metric("peer_scheduled_sends", "Deliveries to a peer that wait.", ("pod", "peer"))

# What a probe from the pod's host sees of a peer; `peer` is its authority, or `other`.
PROBE_SUCCESS = Metric("probe_success", "Whether a peer's NodeInfo could be read.", ("peer",))
PROBE_REASON = Metric("probe_reason", "Why not: the reason that holds.", ("peer", "reason"))
PROBE_REACHABLE = Metric(
    "probe_reachable", "Whether a peer takes connections by this family of addresses.",
    ("peer", "family"),
)  # fmt: skip
PROBE_TIMESTAMP = Metric("probe_timestamp_seconds", "When a peer was last probed.", ("peer",))
PROBE_SECONDS = Metric("probe_duration_seconds", "How long the last probe took.", ("peer",))
PROBE_CERTIFICATE = Metric(
    "probe_certificate_expiry_timestamp_seconds", "When a peer's certificate ends.", ("peer",)
)
PROBE_VALID = Metric("probe_nodeinfo_valid", "Whether NodeInfo keeps its own rules.", ("peer",))
PROBE_SOFTWARE = Metric("probe_software", "Peers by software.", ("software",))
PROBE_NEWEST = Metric(
    "probe_newest_version_number", "The newest release of diaspora* that a peer runs, as a number."
)
PROBE_STAGE = Metric(
    "probe_stage_duration_seconds", "How long each stage of probes takes.", ("stage",),
    "histogram", REQUEST_BUCKETS,
)  # fmt: skip
PROBE_CYCLE_SECONDS = Metric("probe_cycle_duration_seconds", "How long the last cycle took.")
PROBE_CYCLE_LAG = Metric("probe_cycle_lag_seconds", "How much later than due the cycle began.")
PROBE_PEERS = Metric("probe_peers", "Peers that are probed.")

# The fleet's own pods, seen from outside by their public names.
OUTSIDE_SUCCESS = Metric("outside_success", "Whether a pod of the fleet can be used.", ("pod",))
OUTSIDE_REASON = Metric("outside_reason", "Why not: the reason that holds.", ("pod", "reason"))
OUTSIDE_REACHABLE = Metric(
    "outside_reachable", "Whether it takes connections by this family of addresses.",
    ("pod", "family"),
)  # fmt: skip
OUTSIDE_TIMESTAMP = Metric("outside_timestamp_seconds", "When it was last looked at.", ("pod",))
OUTSIDE_SECONDS = Metric("outside_duration_seconds", "How long the last look took.", ("pod",))
OUTSIDE_CERTIFICATE = Metric(
    "outside_certificate_expiry_timestamp_seconds", "When the certificate ends that is shown.",
    ("pod", "family"),
)  # fmt: skip
OUTSIDE_VALID = Metric("outside_nodeinfo_valid", "Whether its NodeInfo is valid.", ("pod",))
OUTSIDE_RECEIVE = Metric(
    "outside_receive_ok", "Whether what it receives by is not a redirect.", ("pod",)
)

# The canary.
CANARY_STATE = Metric(
    "canary_state", "How the last flight ended: ok, late, lost or unknown.",
    ("sender", "receiver", "state"),
)  # fmt: skip
CANARY_REASON = Metric(
    "canary_reason", "Why it did not end well: the reason that holds.",
    ("sender", "receiver", "reason"),
)  # fmt: skip
CANARY_FLIGHTS = Metric(
    "canary_flights_total", "Flights by how they ended.", ("sender", "receiver", "state"),
    "counter",
)  # fmt: skip
CANARY_ARRIVAL = Metric(
    "canary_arrival_seconds", "How long the last post took to arrive.", ("sender", "receiver")
)
CANARY_RETRACTION = Metric(
    "canary_retraction_seconds", "How long its retraction took.", ("sender", "receiver")
)
CANARY_ARRIVALS = Metric(
    "canary_arrival_duration_seconds", "How long posts took to arrive.", ("sender", "receiver"),
    "histogram", ARRIVAL_BUCKETS,
)  # fmt: skip
CANARY_STAGE = Metric(
    "canary_stage_seconds", "The last post's way by stage: post, delivery, receipt.",
    ("sender", "receiver", "stage"),
)  # fmt: skip
CANARY_STUCK = Metric(
    "canary_retraction_stuck", "Whether the copy stayed though the post was taken back.",
    ("sender", "receiver"),
)  # fmt: skip
CANARY_TIMESTAMP = Metric(
    "canary_timestamp_seconds", "When a pair's last flight began.", ("sender", "receiver")
)

# What operators did and keep.
OPERATION_TIMESTAMP = Metric(
    "operation_timestamp_seconds", "When the last operation of a verb ended.", ("pod", "verb")
)
OPERATION_OK = Metric("operation_ok", "Whether that operation ended well.", ("pod", "verb"))
OPERATION_BEGUN = Metric(
    "operation_begun_timestamp_seconds", "When the operation began that is not at its end.",
    ("pod", "verb"),
)  # fmt: skip
EXPORT_TIMESTAMP = Metric("export_timestamp_seconds", "When the newest export was made.", ("pod",))
EXPORT_BYTES = Metric("export_bytes", "Size of the newest export.", ("pod",))
SAFETY_COPIES = Metric("safety_copies", "Databases kept for a way back.", ("pod",))
UPGRADE_PREDICTED = Metric(
    "upgrade_predicted_seconds", "How long the last upgrade was to close the pod.", ("pod",)
)
UPGRADE_CLOSED = Metric(
    "upgrade_closed_seconds", "How long the last upgrade closed the pod.", ("pod",)
)
UPGRADE_TIMESTAMP = Metric("upgrade_timestamp_seconds", "When the last upgrade ended.", ("pod",))

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
BY_NAME = {metric.full_name: metric for metric in METRICS}
