"""Every pod on its host: units, sandbox, keys, and walls between it and its neighbours."""

from __future__ import annotations

import re

import pytest
from testinfra.backend.base import CommandResult

from provision.contract import MONITOR_USER
from provision.verify.ahead import Ahead
from provision.verify.collecting import Saw
from provision.verify.subjects import PodSubject, Subjects

WORST_EXPOSURE = 1.5
# What the monitor may do of a neighbour's trespasses: it must.
_WATCHED = ("read its log", "read its database", "reach its Redis")
_EXPOSURE = re.compile(r"exposure level for .*?: (\d+\.\d+)")


def test_launched(any_pod: PodSubject, saw: Saw) -> None:
    record, facts = any_pod.record, any_pod.facts
    assert record is not None and facts is not None, "not launched: run podfleet up"
    assert any_pod.canary is not None, "the vault has no canary token of it: run podfleet up"
    saw(f"{facts.state}, release {record['release_id']} since {record['applied_at']}")
    drift = "; ".join(str(each) for each in facts.drift)
    assert not drift, f"{drift}: run podfleet up"
    assert facts.state == "serving", f"it is {facts.state}"


def test_units(pod: PodSubject, saw: Saw) -> None:
    release, places = pod.release_id, pod.places
    units = (
        places.target,
        places.web_socket_unit(release),
        places.web_unit(release),
        places.sidekiq_unit(release),
        places.redis_unit,
    )
    services = {unit: pod.on.machine.service(unit) for unit in units}
    stopped = [unit for unit, service in services.items() if not service.is_running]
    disabled = [unit for unit, service in services.items() if not service.is_enabled]
    assert not stopped, f"not running: {', '.join(stopped)}"
    assert not disabled, f"would not start at boot: {', '.join(disabled)}"
    saw(f"running and enabled: {', '.join(units)}")


def test_sandbox(pod: PodSubject, saw: Saw) -> None:
    for unit in (pod.places.web_unit(pod.release_id), pod.places.sidekiq_unit(pod.release_id)):
        said = pod.on.machine.check_output("systemd-analyze security --no-pager %s", unit)
        found = _EXPOSURE.search(said)
        assert found is not None, f"systemd says nothing of {unit}: {said[-200:]}"
        saw(f"{unit} {found[1]}")
        assert float(found[1]) <= WORST_EXPOSURE, f"{unit}: {found[1]} > {WORST_EXPOSURE}"


def test_secrets(pod: PodSubject, saw: Saw) -> None:
    user, keys, config = pod.places.user, pod.places.keys, pod.configuration
    wanted = {
        pod.places.home: ("directory", user, user, 0o550),
        keys: ("directory", "root", user, 0o750),
        config / "diaspora.toml": ("file", "root", user, 0o640),
        config / "database.yml": ("file", "root", user, 0o640),
        keys / "secret_token.rb": ("file", "root", user, 0o640),
        keys / "oidc_key.pem": ("file", "root", user, 0o640),
        pod.places.web_socket(pod.release_id): ("socket", user, "www-data", 0o660),
    }
    for path, (kind, owner, group, mode) in wanted.items():
        found = pod.on.machine.file(str(path))
        assert found.exists, f"{path} is missing"
        asked, seen = (owner, group, mode), (found.user, found.group, found.mode)
        assert getattr(found, f"is_{kind}"), f"{path} is no {kind}"
        assert seen == asked, f"{path}: {_owned(*seen)} instead of {_owned(*asked)}"
        saw(f"{path.name} {_owned(*seen)}")


def test_isolation(pod: PodSubject, subjects: Subjects, saw: Saw) -> None:
    """What a pod may do to itself works; nobody else on its host may do it to the pod, but what
    watches it may look at three things."""
    others = [neighbour.places.user for neighbour in subjects.neighbours(pod)] + ["nobody"]
    trespasses = _trespasses(pod)
    for what, command in trespasses.items():
        own = _run_as(pod, pod.places.user, command)
        assert own.rc == 0, f"{pod.name} itself cannot {what}: {own.stderr.strip()}"
        for user in others:
            assert _run_as(pod, user, command).rc != 0, f"{user} could {what}"
    _refuse_watching_wrongly(pod, trespasses)
    saw(f"{', '.join(others)} could not {', '.join(trespasses)}")


def _refuse_watching_wrongly(pod: PodSubject, trespasses: dict[str, tuple[str, ...]]) -> None:
    """A platform of before has no such user: it is told of elsewhere."""
    if not pod.on.machine.user(MONITOR_USER).exists:
        return
    for what, command in trespasses.items():
        may, found = what in _WATCHED, _run_as(pod, MONITOR_USER, command)
        can = "cannot" if may else "could"
        assert may == (found.rc == 0), f"{MONITOR_USER} {can} {what}: {found.stderr.strip()}"


def test_background_job(pod: PodSubject, ahead: Ahead, saw: Saw) -> None:
    found = ahead.jobs[pod.name].result()
    assert found["error"] is None, f"{found['job']}: {found['error']}"
    taken, done = found["taken_seconds"], found["done_seconds"]
    saw(f"{found['job']} taken after {taken:.2f} s, known to be done after {done:.1f} s")


def test_mail(pod: PodSubject, ahead: Ahead, saw: Saw) -> None:
    if pod.name not in ahead.mails:
        pytest.skip("mail.enable is not true in the fleet file: the pod sends no mail at all")
    found = ahead.mails[pod.name].result()
    assert found["sent"], f"the mail was not taken: {found['answer']}"
    saw(f"mail to {pod.pod.admin.email}: {found['answer']}")


def _trespasses(pod: PodSubject) -> dict[str, tuple[str, ...]]:
    """What a neighbour would try, as commands."""
    places = pod.places
    upload = places.uploads / ".podfleet-verify"
    # One byte proves it; secrets do not travel.
    peek = ("head", "-c", "1")
    query = ("-XAtqw", "-d", pod.database, "-c", "SELECT 1")
    secret = (*query[:-1], "SELECT count(encrypted_password) FROM users")
    web = ("--unix-socket", str(places.web_socket(pod.release_id)), "http://pod/")
    return {
        "list its files": ("ls", str(places.home)),
        "read its log": ("ls", str(places.log)),
        "read its settings": (*peek, str(pod.configuration / "diaspora.toml")),
        "read its keys": (*peek, str(places.keys / "oidc_key.pem")),
        "write to its uploads": ("sh", "-c", 'touch "$0" && rm "$0"', str(upload)),
        "read its database": ("psql", *query),
        "read its users' passwords": ("psql", *secret),
        "take its database role": ("psql", "-U", places.user, *query),
        "reach its Redis": ("redis-cli", "-e", "-s", str(places.redis_socket), "PING"),
        "reach its web process": ("curl", "-sS", "-o", "/dev/null", *web),
    }


def _run_as(pod: PodSubject, user: str, command: tuple[str, ...]) -> CommandResult:
    """The command on the pod's host as that user, from a directory that everybody may enter."""
    words = ("runuser", "-u", user, "--", *command)
    return pod.on.machine.run("cd / && " + " ".join(["%s"] * len(words)), *words)


def _owned(owner: str, group: str, mode: int) -> str:
    return f"{mode:04o} {owner}:{group}"
