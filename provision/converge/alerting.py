"""Whom alerts are told and in which words, and which of them say nothing new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.errors import Refusal
from provision.fleet.fields import IN_VAULT, is_url
from provision.fleet.model import Fleet
from provision.fleet.monitoring import Mail, Monitoring
from provision.fleet.reading import call_fleet

# Alerts of monitoring/rules/.
HOST_SILENT = "ExporterDown"
POD_DOWN = "PodDown"
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_TLS_FROM_THE_START = 465

# Alertmanager's own template language; jinja never sees it as one.
SUBJECT = (
    "{{ $told := .Alerts.Firing }}"
    '{{ if eq .Status "firing" }}{{ .CommonLabels.severity | toUpper }}'
    "{{ else }}{{ $told = .Alerts.Resolved }}over{{ end }}: "
    "{{ .GroupLabels.pod }}{{ if .GroupLabels.pod }}: {{ end }}"
    "{{ range $i, $a := $told }}{{ if lt $i 3 }}{{ if $i }}, {{ end }}"
    "{{ if and $a.Labels.pod (not $.GroupLabels.pod) }}{{ $a.Labels.pod }} {{ end }}"
    "{{ $a.Labels.alertname }}{{ end }}{{ end }}"
    "{{ if gt (len $told) 3 }} and more ({{ len $told }}){{ end }}"
)
TEXT = """{{ range .Alerts -}}
{{ if eq .Status "firing" }}SINCE {{ .StartsAt.UTC.Format "2006-01-02 15:04 UTC" }}\
{{ else }}OVER SINCE {{ .EndsAt.UTC.Format "2006-01-02 15:04 UTC" }}{{ end }}
{{ .Annotations.summary }}
{{ with .Annotations.description }}{{ . }}
{{ end }}{{ with .Annotations.runbook_url }}What to do: {{ . }}
{{ end }}{{ range .Labels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}

{{ end -}}
Look at it: podfleet observe
"""


@dataclass(frozen=True)
class Inhibition:
    """While an alert of `source` fires, those of `target` with the same `equal` are not told."""

    why: str
    source: list[str]
    target: list[str]
    equal: list[str]


def alerting_variables(
    fleet: Fleet, monitoring: Monitoring, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What alertmanager.yml is told; refuses what is in the vault, and is not there."""
    mail = monitoring.mail
    # A fleet that is only planned may have no secrets at all yet.
    if mail and mail.username and secrets["scrape_key"] and not secrets["mail_password"]:
        raise Refusal(
            f"{fleet.file}: monitoring.mail.username",
            "the vault has no password for it",
            f"Run podfleet secrets set fleet alert_mail_password --fleet {call_fleet(fleet.file)}.",
        )
    return {
        "mail": _mail(mail) if mail else None,
        "webhook": _webhook(fleet, monitoring, secrets),
        "subject": SUBJECT,
        "text": TEXT,
        "neighbours": neighbours(fleet),
        "inhibitions": list(inhibitions(fleet)),
    }


def _webhook(fleet: Fleet, monitoring: Monitoring, secrets: Mapping[str, str]) -> str | None:
    if monitoring.webhook != IN_VAULT:
        return monitoring.webhook
    if secrets["scrape_key"] and not is_url(secrets["webhook"], "https?"):
        raise Refusal(
            f"{fleet.file}: monitoring.webhook",
            "the vault has no URL for it",
            f"Run podfleet secrets set fleet alert_webhook --fleet {call_fleet(fleet.file)}.",
        )
    return secrets["webhook"]


def _mail(mail: Mail) -> dict[str, Any]:
    host, _, port = mail.smarthost.rpartition(":")
    hello = mail.sender.rpartition("@")[2].encode("idna").decode("ascii")
    # A mail server on the host itself has no certificate for that name; on port 465 Alertmanager
    # begins with TLS by itself, and what is required besides (STARTTLS) nobody offers there.
    needs_starttls = host not in _LOOPBACK and int(port) != _TLS_FROM_THE_START
    return {**mail.model_dump(), "hello": hello, "needs_starttls": needs_starttls}


def neighbours(fleet: Fleet) -> dict[str, str]:
    """By host, a matcher of its pods, where there are several: what breaks a host breaks them all.

    PodDown is seen from outside and has no host of its own: the fleet file knows.
    """
    return {host: _any_of(fleet, host) for host in fleet.hosts if len(fleet.pods_on(host)) > 1}


def _any_of(fleet: Fleet, host: str) -> str:
    return f'pod=~"{"|".join(pod.name for pod in fleet.pods_on(host))}"'


def inhibitions(fleet: Fleet) -> Iterator[Inhibition]:
    """A pod that is down is told of whatever else is; a series about a pod may come from a host
    that is not its own, so the fleet file says whose tickets a silent host explains."""
    yield Inhibition(
        "What a pod that is down cannot do is known; its certificate may be the reason.",
        [f'alertname="{POD_DOWN}"'],
        [f'alertname!~"{POD_DOWN}|Certificate.*"', 'pod!=""'],
        ["pod"],
    )
    silent, tickets = f'alertname="{HOST_SILENT}"', 'severity="ticket"'
    yield Inhibition(
        "Of a host that tells nothing, nothing more is known.",
        [silent],
        [f'alertname!="{HOST_SILENT}"', tickets],
        ["host"],
    )
    for host in fleet.hosts:
        if fleet.pods_on(host):
            target = [tickets, _any_of(fleet, host)]
            yield Inhibition(f"Nor of the pods on {host}.", [silent, f'host="{host}"'], target, [])
