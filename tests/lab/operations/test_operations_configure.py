"""configure on a real pod: what was altered by hand is mended, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from provision.contract import PodPlaces
from provision.errors import Exit
from tests.lab.operations.pod_lab import PodLab, until

HOST, POD = "one", "alpha"
PLACES = PodPlaces(POD)


@pytest.fixture
def lab(serving: PodLab) -> PodLab:
    return serving


def release(lab: PodLab) -> str:
    record = lab.facts(POD).record
    assert record is not None
    return str(record["release_id"])


def processes(lab: PodLab) -> dict[str, str]:
    """The main process of everything that serves the pod."""
    units = {
        "web": PLACES.web_unit(release(lab)),
        "sidekiq": PLACES.sidekiq_unit(release(lab)),
        "redis": PLACES.redis_unit,
        "nginx": "nginx.service",
        "postgresql": "postgresql@17-main.service",
    }
    said = lab.on(HOST, "systemctl", "show", "--value", "--property=MainPID", *units.values())
    return dict(zip(units, said.split(), strict=True))


def restarted(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def effects(outcome: Any) -> list[tuple[str, str]]:
    return [(one["action"], one["unit"]) for one in outcome.evidence["keep"]["effects"]]


BY_HAND: list[tuple[str, str, str, set[str]]] = [
    # what a hand does, what is named, what is done, what is restarted
    (f"echo '# mine' >>{PLACES.vhost}", "was edited by hand", "reload", set()),
    (
        f"chmod 644 {PLACES.home}/releases/*/config/diaspora.toml",
        "has mode 0644 instead of 0640",
        "mend",
        set(),
    ),
    (
        f"chown {PLACES.user} {PLACES.home}/releases/*/config/diaspora.toml",
        f"belongs to {PLACES.user}:{PLACES.user} instead of root:{PLACES.user}",
        "mend",
        set(),
    ),
    ("systemctl stop 'pod-alpha-sidekiq@*'", "is inactive", "start", {"sidekiq"}),
    ("systemctl disable --quiet pod-alpha.target", "is not enabled", "enable", set()),
    (f"rm /etc/logrotate.d/{PLACES.user}", "is missing", "", set()),
    (
        f"for f in {PLACES.home}/releases/*/config/diaspora.toml; do echo '# mine' >>$f; done",
        "was edited by hand",
        "restart",
        {"web", "sidekiq"},
    ),
    ("echo 'maxclients 100' >>/etc/redis/redis-pod-alpha.conf", "was edited", "restart", {"redis"}),
]


@pytest.mark.parametrize(("hand", "named", "action", "touched"), BY_HAND)
def test_what_was_altered_by_hand_is_named_and_mended(
    lab: PodLab, hand: str, named: str, action: str, touched: set[str]
) -> None:
    before = processes(lab)
    lab.shell(HOST, hand)
    drift = lab.facts(POD).drift
    assert len(drift) == 1
    assert named in str(drift[0])
    outcome = lab.run(POD, "configure")
    assert {one for one, _ in effects(outcome)} == ({action} if action else set())
    assert lab.facts(POD).drift == ()
    assert restarted(before, processes(lab)) == touched
    assert lab.get(POD) == 200


def test_a_changed_setting_restarts_web_and_sidekiq_alone(lab: PodLab) -> None:
    before = processes(lab)
    lab.titles[POD] = "A \\\"title\\\" with $(id), {{ 7 * 7 }}, ünd 'quotes'"
    lab.write_file()
    outcome = lab.run(POD, "configure")
    assert [action for action, _ in effects(outcome)] == ["restart", "restart"]
    assert restarted(before, processes(lab)) == {"web", "sidekiq"}
    told = lab.on(HOST, "cat", str(PLACES.release(release(lab)) / "config" / "diaspora.toml"))
    assert r"""pod_name = "A \"title\" with $(id), {{ 7 * 7 }}, ünd 'quotes'" """.strip() in told
    assert lab.get(POD) == 200


def test_nothing_to_do_touches_nothing(lab: PodLab) -> None:
    before = processes(lab)
    outcome = lab.run(POD, "configure")
    assert effects(outcome) == []
    assert outcome.evidence["files"]["changed"] == []
    assert restarted(before, processes(lab)) == set()


def test_a_red_gate_puts_the_previous_files_back(lab: PodLab) -> None:
    """An include that nginx refuses: the vhost goes back, and the pod serves all along."""
    vhost = lab.on(HOST, "cat", str(PLACES.vhost))
    text = (lab.directory / "fleet.toml").read_text()
    (lab.directory / "include.conf").write_text("no_such_directive on;\n")
    (lab.directory / "fleet.toml").write_text(
        text.replace('source = "rehearsal"', 'source = "rehearsal"\nnginx_include = "include.conf"')
    )
    error = lab.fails(POD, "configure")
    assert error.exit_code == Exit.REFUSED
    assert "no_such_directive" in str(error)
    assert lab.on(HOST, "cat", str(PLACES.vhost)) == vhost
    lab.on(HOST, "nginx", "-t")
    assert lab.get(POD) == 200
    assert lab.facts(POD).drift == ()
    lab.write_file()
    lab.run(POD, "configure")
    assert lab.get(POD) == 200


def test_a_web_that_cannot_boot_answers_503_and_configure_mends_it(lab: PodLab) -> None:
    """Behind a live socket, clients would hang: they see the maintenance page instead."""
    web = PLACES.web_unit(release(lab))
    puma = PLACES.release(release(lab)) / "config" / "puma.rb"
    lab.shell(HOST, f"sed -i '1iraise %(not today)' {puma}; systemctl kill -s KILL {web}")
    until(lambda: lab.get(POD) == 503, 60, "clients do not see the maintenance page")
    error = lab.fails(POD, "configure")
    assert "not today" in str(error)
    assert "journalctl" in str(error)
    lab.shell(HOST, f"sed -i 1d {puma}")
    lab.run(POD, "configure")
    assert lab.get(POD) == 200
    assert lab.facts(POD).state == "serving"
