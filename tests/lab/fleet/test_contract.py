"""The contract holds for the rehearsal pod on a real host, and for none that departs from it.

The last file of the standing fleet: it alters a release by hand and leaves it so.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from provision.places import CHECKOUT
from tests.lab.standing import Standing

RELEASE = "/srv/pods/alpha/current"


@dataclass(frozen=True)
class Alteration:
    """One departure: a file of the release, what is replaced in it, and the case that must see."""

    file: str
    old: str
    new: str
    case: str


_APP = "app/federation/diaspora_federation"
ALTERATIONS = (
    Alteration(
        "app/models/node_info.rb",
        "repository: REPOSITORY, homepage: HOMEPAGE",
        "repository: REPOSITORY",
        "NodeInfo 2.1",
    ),
    Alteration(
        "app/controllers/api/v1/posts_controller.rb",
        "head :no_content",
        "head :ok",
        "deletion",
    ),
    Alteration(
        "app/models/api/openid_connect/authorization.rb",
        "def create_access_token = o_auth",
        "def create_access_token = update!(refresh_token: SecureRandom.hex(32)) && o_auth",
        "the same refresh token again",
    ),
    Alteration(
        "lib/configuration/providers.rb",
        '[Environment.new, Tree.new(tables, environment), Tree.new(tables, "configuration"),',
        '[Tree.new(tables, environment), Tree.new(tables, "configuration"), Environment.new,',
        "an environment variable wins",
    ),
    Alteration(
        "config/load_config.rb",
        "unless File.file?(authorities)",
        "if authorities.empty?",
        "no certificate authorities, no boot",
    ),
    Alteration(
        f"{_APP}/salmon/magic_envelope.rb",
        "unless valid",
        "if valid.nil?",
        "a forged signature does not arrive",
    ),
    Alteration(
        f"{_APP}/federation/receiver.rb",
        "return if entity.author.to_s.downcase == sender.to_s.downcase",
        "return",
        "a post signed by somebody else does not arrive",
    ),
    Alteration(
        "app/jobs/workers/send_base.rb",
        "((attempt + 3)**4)",
        "((attempt + 3)**2)",
        "the delivery waits in the schedule",
    ),
    Alteration(
        "app/models/pod.rb",
        "couldnt_resolve_host:          :dns_failed",
        "couldnt_resolve_host:          :net_failed",
        "the pods table says that the name is unknown",
    ),
)


@pytest.fixture(scope="module")
def info(standing: Standing) -> Any:
    return standing.podfleet("lab info", "--json").json


def _contract(info: Any, *parts: str) -> tuple[int, dict[str, str]]:
    """The exit code, and of each case whether the pod keeps it or departs."""
    pod = info["pods"]["alpha"]
    argv = [sys.executable, "-m", "tests.contract", "--url", pod["url"] + "/"]
    argv += ["--address", pod["address"], "--ca", info["ca"], "--pod", "alpha"]
    argv += ["--ssh", shlex.join(info["hosts"]["one"]["ssh"]), *parts]
    done = subprocess.run(
        argv, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=580
    )
    print(done.stdout, done.stderr)
    lines = (line.split(maxsplit=1) for line in done.stdout.splitlines())
    return done.returncode, {w[1]: w[0] for w in lines if w and w[0] in ("keeps", "departs")}


def test_the_rehearsal_pod_keeps_the_contract(info: Any) -> None:
    code, cases = _contract(info)
    assert [name for name, outcome in cases.items() if outcome == "departs"] == []
    assert code == 0
    assert {alteration.case for alteration in ALTERATIONS} <= set(cases)


@pytest.fixture(scope="module")
def altered(info: Any) -> tuple[int, dict[str, str]]:
    """The contract's verdict on a pod that departs from it in each of the alterations."""
    ssh = info["hosts"]["one"]["ssh"]
    for alteration in ALTERATIONS:
        path = f"{RELEASE}/{alteration.file}"
        text = subprocess.run(
            [*ssh, f"cat {path}"], capture_output=True, text=True, check=True
        ).stdout
        assert text.count(alteration.old) == 1, alteration
        text = text.replace(alteration.old, alteration.new)
        subprocess.run([*ssh, f"cat >{path}"], input=text, text=True, check=True)
    restart = "systemctl restart 'pod-alpha-web@*.service' 'pod-alpha-sidekiq@*.service'"
    subprocess.run([*ssh, restart], check=True, timeout=120)
    return _contract(info, "--parts", "public", "account", "host", "receiving", "sending")


@pytest.mark.parametrize("alteration", ALTERATIONS, ids=lambda alteration: alteration.case)
def test_a_pod_altered_in_one_point_departs_there(
    altered: tuple[int, dict[str, str]], alteration: Alteration
) -> None:
    code, cases = altered
    assert cases[alteration.case] == "departs"
    assert code == 1


def test_the_points_that_were_not_altered_are_kept(altered: tuple[int, dict[str, str]]) -> None:
    _, cases = altered
    departs = {name for name, outcome in cases.items() if outcome == "departs"}
    # Believing any signature is also believing an altered message.
    implied = {
        "an altered message does not arrive",
        "a retraction by somebody else is not believed",
        "a comma makes a list",
        "words of truth",
        "mail settings",
        "mail leaves only where it is enabled",
        "REDIS_URL wins",
    }
    assert departs - {alteration.case for alteration in ALTERATIONS} <= implied
