"""Where a release's code comes from: a Git URL and a tag, fetched once into a bare repository.

Nothing of the fetched code is run here: the builder does that.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.places import cache_directory
from provision.releases.cache import locked, no_room
from provision.report import Report

# Remote helpers that run commands of the URL's choice are none of them.
PROTOCOLS = "file:git:http:https:ssh"


@dataclass(frozen=True)
class TaggedSource:
    """One tag of one source, its commit at hand in `repository`."""

    url: str
    tag: str
    commit: str
    # Seconds since 1970: the commit's own date.
    committed_at: int
    repository: Path

    def archive(self, into: Path) -> None:
        """Writes the tag's tree as a tar file."""
        argv = ["archive", "--format=tar", f"--output={into}", self.commit]
        done = _git(argv, self.repository)
        if "No space left on device" in done.stderr:
            raise no_room(into.parent)
        if done.returncode != 0:
            raise Refusal(self.url, f"{self.tag} cannot be read: {_words(done)}", "Fetch it again.")


def fetch_tag(url: str, tag: str, report: Report) -> TaggedSource:
    """The source at that tag; asks the remote what the tag is, and fetches only what is new.

    When the source cannot be reached, a tag fetched before serves, with a warning.
    """
    repository = cache_directory() / "sources" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    with locked(repository.with_suffix(".lock")):
        if not repository.exists():
            subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)
        known = _known_commit(repository, tag)
        try:
            commit = _remote_commit(url, tag)
        except _Unreachable as error:
            if known is None:
                raise error.refusal from error
            report.warn(f"{error.refusal.where}: {error.refusal.what}. Going on with the copy.")
            commit = known
        if commit != known:
            if known is not None:
                report.warn(f"{url}: the tag {tag} moved from {known[:12]} to {commit[:12]}")
            _fetch(url, tag, repository)
    return TaggedSource(url, tag, commit, _date(repository, commit), repository)


class _Unreachable(Exception):
    """The source did not answer; `refusal` says so to the user."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _remote_commit(url: str, tag: str) -> str:
    """The commit that the tag means at the source."""
    done = _git(["ls-remote", "--tags", "--", url])
    if done.returncode != 0:
        raise _Unreachable(
            Refusal(
                url,
                f"the source cannot be read: {_words(done)}",
                "See that the URL is right and that this machine may read it.",
            )
        )
    tags = {name: commit for commit, name in map(str.split, done.stdout.splitlines())}
    # An annotated tag is listed twice; the peeled entry names the commit.
    commit = tags.get(f"refs/tags/{tag}^{{}}") or tags.get(f"refs/tags/{tag}")
    if commit is None:
        raise _no_such_tag(url, tag, [name.removeprefix("refs/tags/") for name in tags])
    return commit


def _no_such_tag(url: str, tag: str, listed: list[str]) -> Refusal:
    tags = sorted({name.removesuffix("^{}") for name in listed})
    near = difflib.get_close_matches(tag, tags, n=3, cutoff=0.4) or tags[-3:]
    has = f"Near it are {', '.join(near)}" if near else "It has no tags at all"
    return Refusal(
        url, f"it has no tag {tag}", f"{has}; name one that exists as the pod's release or tag."
    )


def _known_commit(repository: Path, tag: str) -> str | None:
    done = _git(["rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}"], repository)
    return done.stdout.strip() if done.returncode == 0 else None


def _fetch(url: str, tag: str, repository: Path) -> None:
    wanted = f"+refs/tags/{tag}:refs/tags/{tag}"
    done = _git(["fetch", "--quiet", "--no-tags", "--depth=1", "--", url, wanted], repository)
    if done.returncode != 0:
        what = f"{tag} cannot be fetched: {_words(done)}"
        raise Refusal(url, what, "See that this machine reaches the source, then run it again.")


def _date(repository: Path, commit: str) -> int:
    done = _git(["show", "--no-patch", "--format=%ct", commit], repository)
    return int(done.stdout)


def _git(argv: list[str], repository: Path | None = None) -> subprocess.CompletedProcess[str]:
    at = [] if repository is None else [f"--git-dir={repository}"]
    quiet = {"GIT_ALLOW_PROTOCOL": PROTOCOLS, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return subprocess.run(
        ["git", *at, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **quiet},
    )


def _words(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines[-3:]
    return "; ".join(told) or f"git ended with {done.returncode}"
