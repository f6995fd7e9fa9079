"""The sandbox of everything that runs as a pod: web, sidekiq, and each rake or rails at hand.

The settings are those that a real pod ran under (exposure 1.1 by `systemd-analyze security`).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from provision.contract import PodPlaces

# Without SystemCallErrorNumber the first photo upload kills puma with SIGSYS; with
# MemoryDenyWriteExecute it does not boot (ffi): so the one is here, and the other is not.
SANDBOX: tuple[tuple[str, str], ...] = (
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectProc", "invisible"),
    ("ProcSubset", "pid"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("PrivateUsers", "yes"),
    ("RemoveIPC", "yes"),
    ("CapabilityBoundingSet", ""),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0022"),
)

JEMALLOC = "libjemalloc.so.2"


def writable(places: PodPlaces, release_id: str) -> tuple[PurePosixPath, ...]:
    """All that a pod's processes may write to; sidekiq makes shared/schedule.yml when it boots."""
    return (places.shared, places.release(release_id) / "tmp")


def environment(places: PodPlaces, release_id: str) -> dict[str, str]:
    """The environment of a pod's processes. `release_id` may be `%i`, systemd's word for it."""
    release = places.release(release_id)
    return {
        "RAILS_ENV": "production",
        # Upstream needs no JavaScript runtime to run, only ExecJS to be told so.
        "EXECJS_RUNTIME": "Disabled",
        "LD_PRELOAD": JEMALLOC,
        "MALLOC_CONF": "narenas:2",
        "HOME": str(release / "tmp"),
        "BUNDLE_GEMFILE": str(release / "Gemfile"),
        # puma takes the socket that systemd made only if its own address says exactly the same.
        "SERVER_LISTEN": f"unix://{places.web_socket(release_id)}",
        "LANG": "C.UTF-8",
    }
