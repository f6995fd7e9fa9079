"""From a pod's source to its signed artifact: built once in a clean guest, then found again.

What an artifact is built from (source, commit, customisations, recipe, architecture) is its key
in the store; two builds of one key wait for one another.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provision import contract
from provision.errors import Refusal
from provision.fleet.learned import learn_settings
from provision.fleet.model import REHEARSAL, Pod
from provision.fleet.secrets import Vault
from provision.hosts.connection import Connection
from provision.lab.mounts import remove_tree
from provision.places import CHECKOUT, cache_directory, state_directory
from provision.releases import store
from provision.releases.cache import locked, room_below, sha256_of, whole_file
from provision.releases.clean import CleanGuest, builder_image
from provision.releases.defaults import read_settings
from provision.releases.manifest import Manifest, Migration
from provision.releases.on_host import PodHost
from provision.releases.signature import sign
from provision.releases.source import TaggedSource, fetch_tag
from provision.releases.store import Artifact
from provision.releases.tree import customisations_digest, lay_out
from provision.report import Report

# The modules that the builder runs with, by the standard library alone.
RECIPE = (
    "provision/__init__.py",
    "provision/releases/__init__.py",
    "provision/releases/contents.py",
    "provision/releases/recipe.py",
)
# A workplace is /build in the builder.
RUN_RECIPE = ("python3", "-P", "-m", "provision.releases.recipe")
ARGV = (*RUN_RECIPE, "/build/tree", "/build/out", "/build/home")
LAST_LINES = 15


@dataclass(frozen=True)
class Order:
    """One build: all that its result depends on."""

    pod: Pod
    source: TaggedSource
    customisations: str
    architecture: str

    @property
    def key(self) -> str:
        """The same key is the same artifact, for any pod of any fleet."""
        parts = [self.pod.release, self.pod.source.url, self.source.tag, self.source.commit]
        parts += [self.customisations, self.architecture, str(contract.PLATFORM_LEVEL)]
        parts += builder_image(self.pod.source.url).packages
        parts += [sha256_of(CHECKOUT / name) for name in RECIPE]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def ensure_artifact(
    pod: Pod,
    vault: Vault,
    report: Report,
    *,
    architecture: str | None = None,
    on: Connection | None = None,
    anew: bool = False,
) -> Artifact:
    """The pod's release for that `uname -m`, signed with the fleet's key; reused if it is there.

    Built in a clean guest of this machine, or `on` a pod host; `anew` even if it is there. Refuses
    what the builder cannot build for, a source without that tag, and a build that fails.
    """
    builder = _builder(on)
    order = _order(pod, report, architecture or builder.architecture())
    lock = store.store_directory() / "keys" / f"{order.key}.lock"
    with locked(lock, lambda: report.line(f"waiting for another build of {pod.release}")):
        found = None if anew else store.find(order.key)
        artifact = found or _build(order, builder, report)
    if artifact.manifest.settings:
        learn_settings(pod.release, artifact.manifest.settings)
    return _signed(artifact, vault)


def stored_artifact(
    pod: Pod,
    report: Report,
    *,
    architecture: str | None = None,
    on: Connection | None = None,
) -> Artifact | None:
    """What `ensure_artifact` would find in the store; nothing is built, nothing signed."""
    return store.find(_order(pod, report, architecture or _builder(on).architecture()).key)


def _builder(on: Connection | None) -> CleanGuest | PodHost:
    return CleanGuest() if on is None else PodHost(on)


def _order(pod: Pod, report: Report, architecture: str) -> Order:
    url = pod.source.url
    if url == REHEARSAL:
        from provision.lab.rehearsal_source import rehearsal_repository

        url = rehearsal_repository(state_directory())
    return Order(
        pod,
        fetch_tag(url, pod.tag, report),
        customisations_digest(pod.customisations),
        architecture,
    )


def _build(order: Order, builder: CleanGuest | PodHost, report: Report) -> Artifact:
    if order.architecture != (here := builder.architecture()):
        raise Refusal(
            f"pod {order.pod.name}",
            f"its host is {order.architecture}, and the builder is {here}",
            f"Build it there: podfleet build --on {order.pod.host}.",
        )
    label = f"build {order.pod.release}"
    with (
        room_below(cache_directory() / "builds"),
        _workplace(order) as place,
        report.step(label, f"pod {order.pod.name}"),
    ):
        environment = {
            "PYTHONPATH": "/build/recipe",
            "SOURCE_DATE_EPOCH": str(order.source.committed_at),
        }
        image, settings = builder_image(order.pod.source.url), read_settings(place / "tree")
        exit_code = builder.run(ARGV, image, place, environment, report)
        log = _keep_log(place / "out/log", order)
        if exit_code != 0:
            raise _failed(order, log, exit_code)
        return _take_in(order, place / "out", settings)


@contextmanager
def _workplace(order: Order) -> Iterator[Path]:
    """A directory with the tree to build and the recipe, gone afterwards."""
    # Its name is locked: what is there is left from a build that was killed.
    place = cache_directory() / "builds" / order.key
    remove_tree(place)
    try:
        for name in ("tree", "out"):
            (place / name).mkdir(parents=True)
        lay_out(order.source, order.pod.customisations, place / "tree")
        for name in RECIPE:
            (place / "recipe" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, place / "recipe" / name)
        yield place
    finally:
        remove_tree(place)


def _keep_log(log: Path, order: Order) -> Path:
    """A build's log outlives its workplace."""
    kept = state_directory() / "logs" / f"build-{order.pod.release}-{order.key[:8]}.log"
    with whole_file(kept) as partial:
        shutil.copyfile(log, partial) if log.exists() else partial.write_text("nothing was said\n")
    return kept


def _failed(order: Order, log: Path, exit_code: int) -> Refusal:
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    what = f"it failed with exit code {exit_code}; nothing was kept of it. Its last lines:"
    return Refusal(
        f"build of {order.pod.source.url} at {order.source.tag}",
        "\n  ".join([what, *lines]),
        f"The whole log is {log}; mend the cause, then run the command again.",
    )


def _take_in(order: Order, out: Path, settings: dict[str, str] | None) -> Artifact:
    facts: dict[str, Any] = json.loads((out / "facts.json").read_text())
    tarball = out / "release.tar.zst"
    manifest = Manifest(
        release=order.pod.release,
        source=order.pod.source.url,
        tag=order.source.tag,
        commit=order.source.commit,
        customisations=order.customisations,
        ruby_abi=facts["ruby_abi"],
        architecture=facts["architecture"],
        platform_level=contract.PLATFORM_LEVEL,
        tarball_sha256=sha256_of(tarball),
        tarball_bytes=tarball.stat().st_size,
        unpacked_bytes=facts["unpacked_bytes"],
        migrations=tuple(Migration(**migration) for migration in facts["migrations"]),
        built_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        settings=settings,
    )
    return store.keep(order.key, tarball, manifest)


def _signed(artifact: Artifact, vault: Vault) -> Artifact:
    """The artifact with this fleet's signature; an Ed25519 key signs the same way each time."""
    signature = sign(artifact.manifest_path.read_bytes(), vault)
    digest = hashlib.sha256(signature).hexdigest()[:16]
    kept = artifact.directory / "signatures" / f"{artifact.release_id}-{digest}.json.sig"
    with whole_file(kept, 0o600) as partial:
        partial.write_bytes(signature)
    return replace(artifact, signature=kept)
