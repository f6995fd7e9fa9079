"""What is mounted where: nothing is removed while something is still mounted in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from provision.lab.commands import call

_OCTAL = re.compile(r"\\([0-7]{3})")


def mount_points() -> list[Path]:
    """Every mount point of this machine, in the order of mounting."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [Path(_OCTAL.sub(lambda m: chr(int(m[1], 8)), line.split()[4])) for line in lines]


def overlay(lower: Sequence[Path], upper: Path, work: Path) -> str:
    """The options of an overlay mount."""
    return f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"


def is_image_in_use(image: Path) -> bool:
    """Whether a loop device still has the image open: a dead namespace may, for a moment."""
    backing = Path("/sys/block").glob("loop*/loop/backing_file")
    return any(_read(file) == str(image.resolve()) for file in backing)


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""  # the device was let go of meanwhile


def unmount_below(directory: Path) -> None:
    """Unmounts all that is mounted at or below a directory, innermost first."""
    inside = [p for p in mount_points() if p.is_relative_to(directory.resolve())]
    for point in reversed(inside):
        call(["umount", str(point)], do="See who uses it (fuser -m), end that, then try again.")


def remove_tree(directory: Path) -> None:
    """Removes a directory, never what is mounted in it."""
    if directory.exists():
        unmount_below(directory)
        shutil.rmtree(directory)
