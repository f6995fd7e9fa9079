"""A pod moves from one host to the other by export and launch; one made by hand is adopted.

Keys and name stay; accounts, posts, uploads and queued deliveries come along.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from provision.contract import PodPlaces
from provision.errors import PodfleetError, Refusal
from provision.operations import adopting, exports
from provision.operations.adopting import ForeignPod
from tests.lab.operations.conftest import MakePodLab
from tests.lab.operations.pod_lab import PodLab

POD = "alpha"
PLACES = PodPlaces(POD)
DATABASE = PLACES.database(1)


@pytest.fixture(scope="module")
def lab(make_pod_lab: MakePodLab) -> PodLab:
    lab = make_pod_lab("move", {POD: "one"}, "one", "two")
    lab.run(POD, "launch")
    fill(lab)
    return lab


def fill(lab: PodLab) -> None:
    """What a pod has that must come along: an upload, and a delivery that is to be tried again."""
    lab.shell(
        "one",
        f"mkdir -p {PLACES.uploads}/images; printf picture >{PLACES.uploads}/images/a.webp; "
        f"chown -R {PLACES.user}: {PLACES.uploads}/images",
    )
    redis = ["redis-cli", "-s", str(PLACES.redis_socket)]
    lab.on("one", *redis, "ZADD", "schedule", "4102444800", '{"class":"Workers::SendPublic"}')


def identity(lab: PodLab, host: str) -> str:
    """Digest of everything that makes the pod the pod that others know."""
    sql = "SELECT username, serialized_private_key FROM users ORDER BY id"
    argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", DATABASE, "-c", sql]
    accounts = lab.on(host, "env", "-C", "/", *argv)
    keys = [line.split()[0] for line in lab.shell(host, f"sha256sum {PLACES.keys}/*").splitlines()]
    return hashlib.sha256((accounts + " ".join(keys)).encode()).hexdigest()


def came_along(lab: PodLab, host: str) -> None:
    assert lab.on(host, "cat", f"{PLACES.uploads}/images/a.webp") == "picture"
    owner = lab.on(host, "stat", "-c", "%U:%G %a", f"{PLACES.uploads}/images/a.webp").strip()
    assert owner == f"{PLACES.user}:{PLACES.user} 644"
    redis = ["redis-cli", "-s", str(PLACES.redis_socket)]
    assert "SendPublic" in lab.on(host, *redis, "ZRANGE", "schedule", "0", "-1")
    assert lab.get(POD) == 200
    assert lab.facts(POD).state == "serving"
    assert lab.facts(POD).drift == ()


def take(lab: PodLab, host: str, archive: Path) -> None:
    """The controller's part of a launch from an export."""
    adopting.take_identity(lab.fleet, lab.vault, lab.pod(POD), archive)
    adopting.send_export(lab.connection(host), POD, archive)


def go_to(lab: PodLab, host: str) -> None:
    """The fleet file names the other host, and the lab's name servers follow."""
    lab.pods[POD] = host
    lab.boot()


def test_an_export_while_the_old_pod_answers_launches_nothing(lab: PodLab, tmp_path: Path) -> None:
    outcome = lab.run(POD, "export")
    archive = tmp_path / "export"
    path = PurePosixPath(outcome.evidence["keep"]["path"])
    adopting.fetch_export(lab.connection("one"), path, archive)
    go_to(lab, "two")
    take(lab, "two", archive)
    error = lab.fails(POD, "launch", from_export=True)
    assert "the old pod still answers" in str(error)
    assert "podfleet export --final" in str(error)
    assert lab.shell("two", "ls /srv/pods 2>/dev/null || true").split() == []
    go_to(lab, "one")
    assert lab.get(POD) == 200


def test_it_moves_and_keeps_its_keys(lab: PodLab, tmp_path: Path) -> None:
    before = identity(lab, "one")
    outcome = lab.run(POD, "export", final=True)
    assert lab.get(POD) == 503, "a closed pod says so"
    assert lab.facts(POD).state == "maintenance"
    path = outcome.evidence["keep"]["path"]
    assert lab.on("one", "stat", "-c", "%U %a", path).split() == ["root", "600"]
    archive = tmp_path / "export"
    adopting.fetch_export(lab.connection("one"), PurePosixPath(path), archive)
    go_to(lab, "two")
    take(lab, "two", archive)
    lab.run(POD, "launch", from_export=True)
    came_along(lab, "two")
    assert identity(lab, "two") == before
    left = lab.shell("two", f"ls -A {PLACES.home} {PLACES.state}")
    assert "import" not in left, "a copy of the keys stayed behind"


DAMAGE = [
    (lambda content: content[: len(content) // 2], "no whole export"),
    (lambda content: content[:-1] + b"\0", "no whole export"),
    (lambda content: b"", "no whole export"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGE)
def test_a_damaged_export_is_refused(
    lab: PodLab, tmp_path: Path, damage: object, words: str
) -> None:
    outcome = lab.run(POD, "export")
    archive = tmp_path / "export"
    path = PurePosixPath(outcome.evidence["keep"]["path"])
    adopting.fetch_export(lab.connection("two"), path, archive)
    assert callable(damage)
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(Refusal, match=words):
        exports.read_back(archive)


def test_a_pod_made_by_hand_is_adopted(lab: PodLab, tmp_path: Path) -> None:
    """A plain SQL dump of another owner, a tar of the uploads, the secret files as they were."""
    before = identity(lab, "two")
    foreign = bring(lab, "two", tmp_path)
    lab.run(POD, "retire", domain=lab.domain(POD))
    archive = adopting.pack(foreign, lab.pod(POD), [], tmp_path / "archive")
    take(lab, "two", archive)
    lab.run(POD, "launch", from_export=True)
    came_along(lab, "two")
    assert identity(lab, "two") == before


def bring(lab: PodLab, host: str, where: Path) -> ForeignPod:
    """What a podmin of a pod without podfleet has: written by the usual commands."""
    dump = f"runuser -u postgres -- pg_dump {DATABASE}"
    # As from a server where the tables belong to somebody else.
    sql = lab.shell(host, f"cd /; {dump}").replace(f'OWNER TO "{PLACES.user}"', "OWNER TO diaspora")
    (where / "diaspora.sql").write_text(sql)
    lab.shell(host, f"tar -C {PLACES.shared} -cf /tmp/uploads.tar uploads")
    lab.connection(host).fetch_file(PurePosixPath("/tmp/uploads.tar"), where / "uploads.tar")
    secret = lab.shell(host, f"cat {PLACES.keys}/secret_token.rb").replace(
        "Rails.application", "Diaspora::Application"
    )
    (where / "secret_token.rb").write_text(secret)
    (where / "oidc_key.pem").write_text(lab.shell(host, f"cat {PLACES.keys}/oidc_key.pem"))
    lab.shell(host, f"redis-cli -s {PLACES.redis_socket} --rdb /tmp/dump.rdb")
    lab.connection(host).fetch_file(PurePosixPath("/tmp/dump.rdb"), where / "dump.rdb")
    return ForeignPod(
        where / "diaspora.sql",
        where / "uploads.tar",
        where / "secret_token.rb",
        where / "oidc_key.pem",
        where / "dump.rdb",
    )


def test_retiring_asks_for_the_domain_and_leaves_nothing_but_the_export(lab: PodLab) -> None:
    with pytest.raises(PodfleetError, match=r"its domain is alpha\.lab\.test"):
        lab.run(POD, "retire", domain="other.lab.test")
    assert lab.get(POD) == 200
    outcome = lab.run(POD, "retire", domain=lab.domain(POD))
    export = outcome.evidence["keep"]["path"]
    listed = lab.shell(
        "two",
        "ls /srv/pods /etc/nginx/sites-enabled /etc/redis /etc/letsencrypt/live; "
        "ls /etc/systemd/system /etc/logrotate.d; getent passwd || true; "
        "runuser -u postgres -- psql -XlAt; runuser -u postgres -- psql -XAtc '\\du'",
    )
    assert POD not in listed
    assert lab.on("two", "stat", "-c", "%a", export).strip() == "600"
    local = lab.directory / "retired"
    adopting.fetch_export(lab.connection("two"), PurePosixPath(export), local)
    said = subprocess.run(["tar", "-tf", str(local)], capture_output=True, text=True, check=True)
    assert exports.SECRET_TOKEN in said.stdout
    assert lab.facts(POD).state == "absent"
