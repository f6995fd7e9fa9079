"""The fleet file's table [monitoring]: which host watches the fleet, and whom it tells."""

from __future__ import annotations

from provision.fleet.fields import Duration, Email, HostPort, HttpsUrl, Name, Webhook
from provision.fleet.table import Table, said

# Resident at rest, in MiB: on every host that is watched, and besides on the one that watches.
WATCHED_MB = 80
WATCHING_MB = 140


class Mail(Table):
    """By which mail server alerts leave, and to whom; its password is kept in the vault."""

    to: Email = said("Who gets the alerts.")
    sender: Email = said("Whom they come from.")
    smarthost: HostPort = said("The mail server that takes them, as `mail.example.org:587`.")
    username: str | None = said(
        "User to sign in there as; the password is given with `secrets set fleet "
        "alert_mail_password`.",
        None,
    )


class Monitoring(Table):
    """Watching the fleet: metrics, probes, canaries, alerts, a dashboard."""

    host: Name = said("The host that watches; it may have pods, too.")
    contact: Email | None = said(
        "Whom other servers' admins may write to about our probes; the certificates' contact "
        "unless stated.",
        None,
    )
    mail: Mail | None = said("Alerts by mail.", None)
    webhook: Webhook | None = said(
        "URL that alerts are posted to, as Alertmanager does. One that is a secret itself is given "
        "with `secrets set fleet alert_webhook`, and `vault` stands here.",
        None,
    )
    retention_days: int = said("How long measurements are kept.", 30, strict=True, ge=1, le=3650)
    remote_write: tuple[HttpsUrl, ...] = said(
        "Where measurements are sent as well: VictoriaMetrics, Thanos, Mimir.", ()
    )
    runbooks: HttpsUrl | None = said(
        "Where alerts lead to for what to do; docs/runbook.md unless stated.", None
    )
    peers: tuple[HttpsUrl, ...] = said("Servers to probe besides those that the pods know.", ())
    allow_private: bool = said(
        "Whether probes may reach private addresses, where a name of a stranger leads there.",
        False,
        strict=True,
    )
    own_interval: Duration = said("How often the fleet's own pods are looked at.", 30, ge=5)
    peer_interval: Duration = said("How often the servers that they know are.", 300, ge=10)
    canary_interval: Duration = said(
        "How often a post proves that pods reach one another.", 300, ge=10
    )
