"""A pod that goes down is told to the test's receiver, its lesser troubles are not, and it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.monitoring.watching import Watching

AMTOOL = "--alertmanager.url=http://127.0.0.1:9093"
STOP = "systemctl stop 'pod-gamma-web@*.socket' 'pod-gamma-web@*.service'"


@pytest.fixture(scope="module")
def gamma_is_down(watching: Watching) -> Iterator[Watching]:
    """Its web is stopped, as by hand."""
    watching.shell("two", STOP)
    yield watching
    watching.fleet.podfleet("up", "--pod", "gamma", "--yes")


def test_the_alert_arrives_with_what_it_means_and_what_to_do(gamma_is_down: Watching) -> None:
    alert = gamma_is_down.receiver.wait_for(120, "PodDown", "firing", pod="gamma")
    assert alert["labels"]["severity"] == "page"
    assert alert["labels"]["fleet"] == gamma_is_down.fleet.directory.name
    assert "gamma" in alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"].endswith("#poddown")


def test_what_follows_from_it_is_not_told(watching: Watching) -> None:
    """Of a pod that the fleet does not have; the reason why a pod is down is told, though."""
    for name in ("PodDown", "ReceiveRedirects", "CertificateEnding"):
        argv = [name, "pod=elsewhere", "severity=page", "--annotation=summary=by hand"]
        watching.fleet.on("one", "amtool", AMTOOL, "alert", "add", *argv)
    for name in ("PodDown", "CertificateEnding"):
        watching.receiver.wait_for(60, name, "firing", pod="elsewhere")
    assert watching.receiver.arrived("ReceiveRedirects", "firing", pod="elsewhere") == []


def test_its_end_arrives(gamma_is_down: Watching) -> None:
    gamma_is_down.fleet.podfleet("up", "--pod", "gamma", "--yes")
    alert = gamma_is_down.receiver.wait_for(240, "PodDown", "resolved", pod="gamma")
    assert alert["endsAt"] > alert["startsAt"]


def test_nobody_was_told_of_another_pod(gamma_is_down: Watching) -> None:
    arrived = {
        alert["labels"].get("pod")
        for alert in gamma_is_down.receiver.alerts
        if alert["labels"]["alertname"] == "PodDown" and alert["labels"].get("fleet")
    }
    assert arrived == {"gamma"}
