"""The README's commands on a fleet that stands: looking, moving a pod, adopting one.

The tests run in their order. A pod keeps its keys, its users and its name
wherever it goes, and federates afterwards.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.lab.standing import Standing

MARKER = "before.the.move@gamma.lab.test"
WRITE = f'User.find_by(username: "carol").update!(email: "{MARKER}")'
READ = 'user = User.find_by(username: "carol"); puts user.email, user.serialized_private_key'
KEYS = ("secret_token.rb", "oidc_key.pem")


@pytest.fixture
def fleet(standing: Standing) -> Standing:
    return standing


def keys_on(fleet: Standing, host: str) -> list[str]:
    files = [f"/srv/pods/gamma/shared/keys/{name}" for name in KEYS]
    return [line.split()[0] for line in fleet.on(host, "sha256sum", *files).splitlines()]


def carol_of(fleet: Standing) -> str:
    """What the pod knows of its administrator: her address and her private key."""
    return fleet.podfleet("exec", "gamma", "--", "bin/rails", "runner", READ).stdout


def federates(fleet: Standing) -> bool:
    ran = fleet.podfleet("canary", "--pod", "alpha", "--pod", "gamma", "--json", check=False)
    return ran.code == 0 and {pair["state"] for pair in ran.json["pairs"]} == {"ok"}


def test_lab_info_leads_to_the_pods(fleet: Standing) -> None:
    info = fleet.podfleet("lab info", "--json").json
    assert Path(info["ca"]).is_file()
    assert set(info["pods"]) == {"alpha", "beta", "gamma"}
    for pod in info["pods"].values():
        assert pod["address"] == info["hosts"][pod["host"]]["address"]
    assert "gamma  https://gamma.lab.test" in fleet.podfleet("lab info").stdout


def test_logs_show_web_background_and_operations(fleet: Standing) -> None:
    said = fleet.podfleet("logs", "gamma", "--lines", "2000").stdout
    for word in ("pod-gamma", "podfleet"):
        assert word in said
    assert "alpha.lab.test" not in fleet.podfleet("logs", "beta", "--lines", "0").stdout


def test_exec_runs_as_the_pod_in_its_environment(fleet: Standing) -> None:
    assert fleet.podfleet("exec", "gamma", "--", "id", "-un").stdout == "pod-gamma\n"
    ran = fleet.podfleet("exec", "gamma", "--", "bin/rails", "runner", "puts User.count")
    assert int(ran.stdout) >= 2
    rake = fleet.podfleet("exec", "gamma", "--", "bin/rake", "--tasks").stdout
    assert "db:migrate" in rake
    failed = fleet.podfleet("exec", "gamma", "--", "sh", "-c", "exit 7", check=False)
    assert failed.code == 7
    secret = ["cat", "/srv/pods/beta/shared/keys/oidc_key.pem"]
    assert fleet.podfleet("exec", "gamma", "--", *secret, check=False).code != 0


def test_follow_says_how_the_last_operation_ended(fleet: Standing) -> None:
    found = fleet.podfleet("follow", "--json").json
    assert {each["pod"]: each["exit"] for each in found} == {"alpha": 0, "beta": 0, "gamma": 0}


def test_a_dry_run_does_nothing(fleet: Standing) -> None:
    for verb in ("export", "retire"):
        fleet.podfleet(verb, "--pod", "gamma", "--dry-run")
    status = fleet.podfleet("status", "--pod", "gamma", "--json").json
    assert (status["pods"][0]["state"], status["pods"][0]["exports"]) == ("serving", [])


def test_what_cannot_be_asked_names_the_option(fleet: Standing) -> None:
    final = fleet.podfleet("export", "--pod", "gamma", "--final", check=False)
    assert final.code == 2 and "Give --yes." in final.stderr
    retire = fleet.podfleet("retire", "--pod", "gamma", check=False)
    assert retire.code == 2 and "Give --domain." in retire.stderr
    wrong = fleet.podfleet("retire", "--pod", "gamma", "--domain", "x.test", check=False)
    assert wrong.code == 1 and "gamma.lab.test" in wrong.stderr
    assert federates(fleet)


def test_a_final_export_closes_and_configure_reopens(fleet: Standing, tmp_path: Path) -> None:
    fleet.podfleet("export", "--pod", "gamma", "--final", "--yes", "--to", str(tmp_path))
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]
    assert state(fleet) == "maintenance"
    closed = fleet.podfleet("configure", "--pod", "gamma", "--deep", check=False)
    assert closed.code == 1 and "configure --reopen" in closed.stderr
    fleet.podfleet("configure", "--pod", "gamma", "--reopen")
    assert state(fleet) == "serving"


def state(fleet: Standing) -> str:
    pods = fleet.podfleet("status", "--pod", "gamma", "--json").json["pods"]
    return str(pods[0]["state"])


def test_a_pod_moves_with_its_keys_and_federates(fleet: Standing, tmp_path: Path) -> None:
    fleet.podfleet("exec", "gamma", "--", "bin/rails", "runner", WRITE)
    before, carol = keys_on(fleet, "two"), carol_of(fleet)
    assert carol.startswith(f"{MARKER}\n-----BEGIN RSA PRIVATE KEY-----")
    fleet.podfleet("export", "--pod", "gamma", "--final", "--yes", "--to", str(tmp_path))
    (archive,) = tmp_path.iterdir()
    move(fleet, "two", "one")
    fleet.podfleet("launch", "--pod", "gamma", "--from", str(archive))
    assert (keys_on(fleet, "one"), carol_of(fleet)) == (before, carol)
    assert federates(fleet)
    again = fleet.podfleet("launch", "--pod", "gamma", "--from", str(archive), check=False)
    assert again.code == 1 and "launched on host one already" in again.stderr


def test_what_stayed_behind_is_retired_by_naming_its_host(fleet: Standing) -> None:
    fleet.podfleet("retire", "--pod", "gamma", "--host", "two", "--domain", "gamma.lab.test")
    assert fleet.on("two", "ls", "/srv/pods") == ""
    assert fleet.on("two", "runuser", "-u", "postgres", "--", "psql", "-Atc", DATABASES) == ""
    assert fleet.on("two", "ls", "/var/lib/podfleet/retired-exports") != ""
    assert federates(fleet)


DATABASES = "select datname from pg_database where datname like 'pod%'"


def move(fleet: Standing, old: str, new: str) -> None:
    domain = 'domain = "gamma.lab.test"\nhost = '
    fleet.edit(f'{domain}"{old}"', f'{domain}"{new}"')


def fetch(fleet: Standing, command: list[str], file: Path) -> None:
    """A command's output on host one, byte for byte."""
    script = '"$@" | base64 --wrap=0'
    text = fleet.on("one", "sh", "-c", script, "sh", *command)
    file.write_bytes(base64.b64decode(text))


@pytest.fixture
def remains(fleet: Standing, tmp_path: Path) -> Path:
    """What a podmin would collect of a pod that podfleet did not make."""
    dump = ["runuser", "-u", "postgres", "--", "pg_dump", "-Fc", "pod_gamma_1"]
    fetch(fleet, dump, tmp_path / "database.dump")
    for name in KEYS:
        fetch(fleet, ["cat", f"/srv/pods/gamma/shared/keys/{name}"], tmp_path / name)
    uploads = ["tar", "-C", "/srv/pods/gamma/shared", "-cz", "uploads"]
    fetch(fleet, uploads, tmp_path / "uploads.tar.gz")
    settings = {
        "environment": {"url": "https://gamma.lab.test/"},
        "settings": {"pod_name": "An adopted pod"},
        "mail": {"smtp": {"password": "hunter2 from before"}},
    }
    # YAML reads JSON.
    (tmp_path / "diaspora.yml").write_text(json.dumps({"configuration": settings}))
    return tmp_path


def test_a_foreign_pod_is_adopted(fleet: Standing, remains: Path) -> None:
    before, carol = keys_on(fleet, "one"), carol_of(fleet)
    fleet.podfleet("retire", "--pod", "gamma", "--domain", "gamma.lab.test")
    move(fleet, "one", "two")
    fleet.podfleet("launch", "--pod", "gamma", "--from", str(remains))
    assert (keys_on(fleet, "two"), carol_of(fleet)) == (before, carol)
    assert federates(fleet)
    secret = fleet.podfleet("secrets show", "pods.gamma.settings.mail.smtp.password")
    assert secret.stdout == "hunter2 from before\n"
    assert "hunter2" not in fleet.file.read_text()


def test_remains_that_lack_a_key_are_refused(fleet: Standing, tmp_path: Path) -> None:
    (tmp_path / "database.dump").write_bytes(b"PGDMP")
    ran = fleet.podfleet("launch", "--pod", "gamma", "--from", str(tmp_path), check=False)
    assert ran.code == 1
    assert "has no uploads or" in ran.stderr and "no oidc_key.pem" in ran.stderr
    assert federates(fleet)
