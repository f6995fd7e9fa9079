"""Launches that fail, each in one way: what serves then, that a rerun finishes, what is said.

The host has one pod that serves all along; the pod that is launched and fails is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from provision.contract import ARTIFACTS, PodPlaces
from provision.errors import Exit, Refusal
from provision.operations import dispatch
from provision.releases.store import Artifact
from tests.lab.operations import freezer
from tests.lab.operations.altered import (
    Alter,
    altered,
    failing_migration,
    pages_that_fail,
    web_that_does_not_boot,
)
from tests.lab.operations.full_disk import EMPTY, FILL
from tests.lab.operations.pod_lab import PodLab, until

HOST, SERVING, POD = "one", "alpha", "beta"
HOME = PodPlaces(POD).home
AGAIN = re.compile(r"run (the|your|it|that)?\s*(same )?command again|again", re.IGNORECASE)


@pytest.fixture
def lab(serving: PodLab) -> Iterator[PodLab]:
    """The lab, with a pod that serves and one that is not there; so it is again afterwards."""
    good = serving.release
    yield serving
    serving.release = good
    if serving.is_launched(POD):
        serving.run(POD, "retire", domain=serving.domain(POD))


def is_gone(lab: PodLab) -> None:
    """nginx forgets a name by a reload, which nobody can wait for."""
    until(lambda: lab.get(POD) == 0, 20, "nginx still answers for the pod")


def refused_safely(lab: PodLab, *words: str) -> str:
    """The launch is refused with these words and what to do; the pod beside it serves, and of
    the one that failed nothing is served, nothing runs, and no database stays."""
    error = lab.fails(POD, "launch")
    assert error.exit_code == Exit.REFUSED
    for word in words:
        assert word in str(error)
    assert AGAIN.search(str(error)), f"no next command in: {error}"
    assert lab.get(SERVING) == 200
    is_gone(lab)
    assert lab.facts(POD).state == "absent"
    assert "pod_beta_1" not in lab.on(HOST, "runuser", "-u", "postgres", "--", "psql", "-lAt")
    running = lab.on(HOST, "systemctl", "list-units", "--no-legend", "pod-beta-*")
    assert running.strip() == ""
    return str(error)


def a_rerun_finishes(lab: PodLab) -> None:
    lab.run(POD, "launch")
    assert lab.get(POD) == 200
    assert lab.facts(POD).state == "serving"


BROKEN: list[tuple[Alter, str]] = [
    (failing_migration, "this migration breaks half way"),
    (web_that_does_not_boot, "puma shall not boot"),
    (pages_that_fail, "/public"),
]


@pytest.mark.parametrize(("alter", "words"), BROKEN)
def test_a_release_that_is_broken(lab: PodLab, tmp_path: Path, alter: Alter, words: str) -> None:
    good = lab.artifact(POD)
    lab.release = altered(good, lab.vault, tmp_path, alter)
    refused_safely(lab, words)
    assert lab.shell(HOST, f"ls {HOME}/releases").split() == []
    lab.release = good
    a_rerun_finishes(lab)


def spoil(lab: PodLab, artifact: Artifact, suffix: str, script: str) -> None:
    """Alters one of the artifact's files on the host, after it was shipped."""
    lab.shell(HOST, f"f={ARTIFACTS}/{artifact.release_id}{suffix}; {script}")


SPOILED = [
    (".tar.zst", 'printf x >>"$f"', "was altered"),
    (".json.sig", 'rm "$f"', "not signed"),
    (".json", 'sed -i s/x86_64/riscv64/ "$f"', "signature is not one that this host trusts"),
]


@pytest.mark.parametrize(("suffix", "script", "words"), SPOILED)
def test_an_artifact_that_is_not_what_was_signed(
    lab: PodLab, suffix: str, script: str, words: str
) -> None:
    artifact = lab.artifact(POD)
    spoil(lab, artifact, suffix, script)
    with lab.staged(POD, artifact.release_id) as staged:
        connection = lab.connection(HOST)
        started = dispatch.start(connection, lab.fleet, lab.pod(POD), "launch", staged, {})
        with pytest.raises(Exception, match=words):
            lab.follow(POD, started)
    assert lab.get(SERVING) == 200
    a_rerun_finishes(lab)


def test_an_acme_server_that_cannot_reach_the_host(lab: PodLab) -> None:
    block = "inet filter_test"
    lab.shell(
        HOST,
        f"nft add table {block}; nft 'add chain {block} in "
        "{ type filter hook input priority -10; }'; "
        f"nft 'add rule {block} in iifname != \"lo\" tcp dport 80 drop'",
    )
    refused_safely(lab, "certificate of beta.lab.test", "connection", "port 80 is reached")
    asked = lab.shell(HOST, "ls /var/log/letsencrypt/letsencrypt.log* | wc -l")
    assert (
        lab.shell(HOST, "systemctl is-active podfleet-operation@beta || true").strip() == "failed"
    )
    assert lab.shell(HOST, "ls /var/log/letsencrypt/letsencrypt.log* | wc -l") == asked
    lab.shell(HOST, f"nft delete table {block}")
    a_rerun_finishes(lab)


FILL_BUT = "fallocate -l $(( $(df --output=avail -B1 /srv | tail -1) - %d )) /srv/filler"


def test_a_disk_that_is_full_is_seen_before_anything_is_touched(lab: PodLab) -> None:
    lab.artifact(POD)
    lab.shell(HOST, FILL_BUT % (50 << 20))
    refused_safely(lab, "MB are free", "Make room")
    lab.shell(HOST, EMPTY)
    a_rerun_finishes(lab)


def test_a_disk_that_becomes_full_while_unpacking(lab: PodLab) -> None:
    """The launch is frozen as it begins to unpack, until something else has filled the disk."""
    lab.connection(HOST).send_file(Path(freezer.__file__), PurePosixPath("/run/freezer.py"))
    watcher = "systemd-run --quiet --unit=freezer python3 -I /run/freezer.py"
    lab.shell(HOST, f"{watcher} {POD} launch unpack")
    started = lab.start(POD, "launch")
    lab.await_event(POD, started, "start", "unpack")
    frozen = freezer.freeze_file(POD)
    until(lambda: lab.on(HOST, "cat", str(frozen)).strip() == "1", 10, "it is not frozen")
    lab.shell(HOST, FILL)
    lab.shell(HOST, f"systemctl stop freezer; echo 0 >'{frozen}'")
    with pytest.raises(Refusal, match="the disk is full") as error:
        lab.follow(POD, started)
    assert "Make room" in str(error.value)
    assert AGAIN.search(str(error.value))
    assert lab.shell(HOST, f"ls -A {HOME}/releases").split() == [], "half a release stayed"
    lab.shell(HOST, EMPTY)
    assert lab.get(SERVING) == 200
    is_gone(lab)
    a_rerun_finishes(lab)


def test_a_key_of_another_pod_on_the_host_is_never_overwritten(lab: PodLab) -> None:
    a_rerun_finishes(lab)
    lab.run(POD, "retire", domain=lab.domain(POD))
    keys = PodPlaces(POD).keys
    lab.shell(HOST, f"mkdir -p {keys}; echo another >{keys}/oidc_key.pem")
    refused_safely(lab, "never overwritten", str(keys))
    assert lab.on(HOST, "cat", f"{keys}/oidc_key.pem") == "another\n"
    lab.shell(HOST, f"rm {keys}/oidc_key.pem")
    a_rerun_finishes(lab)


def test_a_launched_pod_is_not_launched_over(lab: PodLab) -> None:
    error = lab.fails(SERVING, "launch")
    assert "is launched on this host already" in str(error)
    assert "podfleet configure" in str(error)
    assert lab.get(SERVING) == 200
    assert lab.facts(SERVING).state == "serving"
