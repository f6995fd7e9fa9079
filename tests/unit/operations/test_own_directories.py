"""What root does below a pod's directories reaches nothing that the pod has put a link to."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from provision.contract import PodPlaces
from provision.deploys.present import directories
from provision.operations.importing import _hand_over
from provision.operations.release_tree import _give

NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def test_a_pod_cannot_rename_what_root_changes_below_its_shared_directory() -> None:
    """The sticky bit keeps an entry for its owner: none of these is the pod's."""
    places = PodPlaces("main")
    found = {path: (owner, group, mode) for path, owner, group, mode in directories(places)}
    assert found[str(places.shared)] == ("root", places.user, "1775")
    below = {path: what for path, what in found.items() if Path(path).parent == Path(places.shared)}
    assert {Path(path).name for path in below} == {"keys", "uploads", "log"}
    assert {owner for owner, _, _ in below.values()} == {"root"}
    # It still writes into these two.
    assert all(int(below[str(path)][2], 8) & 0o020 for path in (places.uploads, places.log))


@needs_root
@pytest.mark.parametrize("kind", ["link", "dangling", "file", "nothing", "directory"])
def test_a_link_in_a_release_that_ran_is_not_followed(tmp_path: Path, kind: str) -> None:
    victim, own = tmp_path / "victim", tmp_path / "pids"
    victim.mkdir(mode=0o700)
    match kind:
        case "link":
            own.symlink_to(victim)
        case "dangling":
            own.symlink_to(tmp_path / "nowhere")
        case "file":
            own.write_text("")
        case "directory":
            own.mkdir(mode=0o700)
    _give(own, NOBODY)
    seen = own.lstat()
    assert stat.S_ISDIR(seen.st_mode) and stat.S_IMODE(seen.st_mode) == 0o755
    assert (seen.st_uid, seen.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert victim.stat().st_uid == 0 and stat.S_IMODE(victim.stat().st_mode) == 0o700


@needs_root
def test_taken_over_uploads_are_the_pods_but_for_their_top(tmp_path: Path) -> None:
    top = tmp_path / "uploads"
    (top / "images").mkdir(parents=True)
    (top / "images" / "a.webp").write_text("picture")
    _hand_over(top, "daemon")
    daemon = pwd.getpwnam("daemon")
    assert (top.stat().st_uid, top.stat().st_gid) == (0, daemon.pw_gid)
    assert stat.S_IMODE(top.stat().st_mode) == 0o775
    assert (top / "images" / "a.webp").stat().st_uid == daemon.pw_uid
