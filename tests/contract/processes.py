"""How a pod's processes run under systemd: notify, titles, the inherited socket."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.contract.host import OnHost

PUMA_TITLE = re.compile(r"puma \d+(\.\d+)+ \((unix://\S+|tcp://\S+)\) \[\S+\]\s*")
PUMA_STATUS = re.compile(
    r"Puma \d+(\.\d+)+: worker: \{ \d+/\d+ threads, \d+ available, \d+ backlog \}"
)
SIDEKIQ_TITLE = re.compile(r"sidekiq \d+(\.\d+)+ \S+ \[\d+ of \d+ busy\]\s*")


def process_cases(host: OnHost) -> Iterator[tuple[str, list[str]]]:
    """Each case's name, and what departed; only for a pod that systemd runs."""
    if host.pod is None:
        return
    web, sidekiq = (_unit(host, kind) for kind in ("web", "sidekiq"))
    yield "puma speaks sd_notify", _notifies(web)
    yield "puma's status text", _matches(PUMA_STATUS, web.get("StatusText", ""))
    yield "puma's title", _matches(PUMA_TITLE, _title(host, web))
    yield "sidekiq speaks sd_notify", _notifies(sidekiq)
    yield "sidekiq's title", _matches(SIDEKIQ_TITLE, _title(host, sidekiq))


def _unit(host: OnHost, kind: str) -> dict[str, str]:
    """Properties of the pod's running unit of that kind."""
    pattern = f"pod-{host.pod}-{kind}*.service"
    listing = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", pattern]
    names = [line.split()[0] for line in host.as_root(listing).splitlines() if line.strip()]
    if not names:
        return {}
    shown = host.as_root(
        ["systemctl", "show", names[0], "-p", "Type", "-p", "MainPID", "-p", "StatusText"]
    )
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _title(host: OnHost, unit: dict[str, str]) -> str:
    if not unit:
        return ""
    return host.as_root(["ps", "-o", "args=", "-p", unit["MainPID"]]).strip()


def _notifies(unit: dict[str, str]) -> list[str]:
    if not unit:
        return ["no active unit"]
    return [] if unit.get("Type") == "notify" else [f"Type={unit.get('Type')}"]


def _matches(pattern: re.Pattern[str], text: str) -> list[str]:
    return [] if pattern.fullmatch(text) else [f"{text!r} is not {pattern.pattern}"]
