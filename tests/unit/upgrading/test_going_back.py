"""An older release over what the newer one added: what controller and host say to it together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provision import foreseeing, upgrading
from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations import database, memory
from provision.operations.paths import Asked, look_ahead

EXPAND, BREAKING = "20260201000000", "20260301000000"
MEMORY = 2 * 1024**3


def kinds_sent(running: str, to: str) -> dict[str, str]:
    """To the host, for a dry run and for the upgrade itself."""
    target: Any = SimpleNamespace(
        pod=SimpleNamespace(release=to),
        running_version=running,
        host=SimpleNamespace(memory=MEMORY),
    )
    manifest: Any = SimpleNamespace(migrations=(), unpacked_bytes=1)
    limits = SimpleNamespace(gate=0, keep_warm=0)
    wish = SimpleNamespace(maintenance=False, rehearse=False)
    run: Any = SimpleNamespace(fleet=SimpleNamespace(upgrade=limits), wish=wish)
    kinds: dict[str, str] = foreseeing._request(target, manifest)["kinds"]
    assert upgrading._parameters(run, target)["kinds"] == kinds
    return kinds


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of the release that runs; its database has seen them."""
    monkeypatch.setattr("provision.contract.PODS", tmp_path)
    monkeypatch.setattr("provision.contract.STATE", tmp_path)
    migrations = Path(PodPlaces("alpha").release("9.9.9.9-0123abcd")) / "db" / "migrate"
    migrations.mkdir(parents=True)
    seen = lambda _: {path.name.partition("_")[0] for path in migrations.iterdir()}  # noqa: E731
    monkeypatch.setattr(database, "schema_versions", seen)
    monkeypatch.setattr(database, "size", lambda _: 1)
    monkeypatch.setattr(memory, "unit_mb", lambda _: 1.0)
    return migrations


def ahead(running: str, to: str) -> str:
    record = {"database": "pod_alpha_1", "release_id": "9.9.9.9-0123abcd"}
    return look_ahead(
        PodPlaces("alpha"), record, Asked([], kinds_sent(running, to), 1, MEMORY >> 20)
    ).path


def test_over_an_expand_migration_an_older_release_is_an_upgrade_like_any_other(ran: Path) -> None:
    (ran / f"{EXPAND}_adds.rb").touch()
    assert ahead("1.2.0.0", "1.1.0.0") == "plain"


def test_over_any_other_it_is_refused(ran: Path) -> None:
    (ran / f"{EXPAND}_adds.rb").touch()
    (ran / f"{BREAKING}_drops.rb").touch()
    with pytest.raises(Refusal, match=rf"\({BREAKING}\).*safety copy.*podfleet rollback"):
        ahead("1.3.0.0", "1.2.0.0")
