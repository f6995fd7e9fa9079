"""Compiles a release: runs in the builder, as root, on the tree that was laid out for it.

Every command of the release's own runs as an unprivileged user. By the standard library alone.
What comes out lies in `out`: release.tar.zst, facts.json, and the log of it all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from provision.releases.contents import drop_unneeded, forbidden, leads_out

USER = "podfleet-build"
YARN = "yarn@1.22.22"
CERTIFICATE_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# The Ruby that will run the release is the one that compiles it.
RUBY_ABI = ["ruby", "-e", 'print RbConfig::CONFIG["ruby_version"]']
COMPRESS = ["zstd", "--quiet", "-12", "-T0"]


class BuildFailed(Exception):
    """A step ended with an error; the log's last lines say which."""


@dataclass(frozen=True)
class Builder:
    """The places of one build."""

    tree: Path
    out: Path
    home: Path

    def environment(self) -> dict[str, str]:
        """What upstream's installation exports, with settings enough to load the configuration."""
        return {
            "PATH": f"{self.home}/yarn/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "RAILS_ENV": "production",
            "ENVIRONMENT_URL": "https://pod.example.org/",
            "ENVIRONMENT_CERTIFICATE_AUTHORITIES": CERTIFICATE_AUTHORITIES,
            "NODE_EXTRA_CA_CERTS": CERTIFICATE_AUTHORITIES,
            "SSL_CERT_FILE": CERTIFICATE_AUTHORITIES,
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        }

    def run(self, name: str, argv: Sequence[str], log: IO[str], cwd: Path | None = None) -> None:
        say(f"== {name}: {' '.join(argv)}", log)
        done = subprocess.run(
            argv, cwd=cwd or self.tree, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, user=USER, group=USER, extra_groups=(), check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise BuildFailed(f"{name} ended with {done.returncode}")


def say(words: str, log: IO[str]) -> None:
    """Tells the log, and whoever listens, which step begins."""
    for stream in (log, sys.stdout):
        print(words, file=stream, flush=True)


# How the builder reaches package registries, and the date that stands for every file's.
PASSED_ON = (
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "npm_config_registry", "BUNDLE_MIRROR__ALL", "SOURCE_DATE_EPOCH",
)  # fmt: skip


def build(builder: Builder, log: IO[str]) -> None:
    """Every step of upstream's installation that needs no database."""
    make_user(builder)
    configure_from_examples(builder.tree)
    hand_over(builder)
    if (builder.tree / "yarn.lock").exists():
        builder.run(
            "yarn", ["npm", "install", "--global", "--prefix=yarn", YARN], log, builder.home
        )
    builder.run("bundler", ["script/configure_bundler"], log)
    builder.run("gems", ["bin/bundle", "install"], log)
    builder.run("assets", ["bin/rake", "assets:precompile"], log)
    drop_unneeded(builder.tree)
    refuse_secrets(builder.tree)
    (builder.out / "facts.json").write_text(json.dumps(facts(builder)))
    pack(builder.tree, builder.out / "release.tar.zst")


def make_user(builder: Builder) -> None:
    argv = ["useradd", "--system", "--user-group", f"--home-dir={builder.home}", USER]
    subprocess.run(argv, check=True)
    builder.home.mkdir(mode=0o700)


def hand_over(builder: Builder) -> None:
    user = pwd.getpwnam(USER)
    for path in (builder.home, builder.tree, *builder.tree.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def configure_from_examples(tree: Path) -> None:
    """Settings that the build loads and the release never sees: the packing drops them."""
    for example in (
        *tree.glob("config/database.yml.example"),
        *tree.glob("config/diaspora.*.example"),
    ):
        shutil.copy(example, example.with_suffix(""))


def facts(builder: Builder) -> dict[str, object]:
    """What the manifest says of the tree, as the builder sees it."""
    abi = subprocess.run(RUBY_ABI, capture_output=True, text=True, check=True)
    return {
        "ruby_abi": abi.stdout,
        "architecture": platform.machine(),
        "unpacked_bytes": sum(path.stat().st_size for path in plain_files(builder.tree)),
        "migrations": [
            {"name": path.stem, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            for path in sorted((builder.tree / "db/migrate").glob("*.rb"))
        ],
    }


def refuse_secrets(tree: Path) -> None:
    files = ((p.relative_to(tree).as_posix(), p.read_bytes()) for p in plain_files(tree))
    if found := list(forbidden(files)):
        raise BuildFailed("; ".join(found))


def plain_files(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())


def pack(tree: Path, target: Path) -> None:
    """The same tree gives the same tar: sorted, owned by root, plain modes, one date."""
    date = int(os.environ["SOURCE_DATE_EPOCH"])
    with (
        target.open("wb") as packed,
        subprocess.Popen(COMPRESS, stdin=subprocess.PIPE, stdout=packed) as zstd,
    ):
        assert zstd.stdin is not None
        with tarfile.open(fileobj=zstd.stdin, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(tree.rglob("*")):
                add(tar, path, path.relative_to(tree).as_posix(), date)
        zstd.stdin.close()
    if zstd.returncode != 0:
        raise BuildFailed(f"zstd ended with {zstd.returncode}")


def add(tar: tarfile.TarFile, path: Path, name: str, date: int) -> None:
    member = tar.gettarinfo(path, arcname=name)
    if member.issym() and leads_out(name, member.linkname):
        raise BuildFailed(f"{name} is a link to {member.linkname}, which no host has")
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = date
    member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
    if path.is_file() and not path.is_symlink():
        # Files with several names are packed as several files.
        member.type, member.size = tarfile.REGTYPE, path.stat().st_size
        with path.open("rb") as content:
            tar.addfile(member, content)
    elif member.isdir() or member.issym():
        tar.addfile(member)
    else:
        raise BuildFailed(f"{name} is neither a file, a directory nor a link")


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    parser = argparse.ArgumentParser()
    for name in ("tree", "out", "home"):
        parser.add_argument(name, type=Path)
    stated = parser.parse_args(arguments)
    os.nice(10)
    with (stated.out / "log").open("w") as log:
        try:
            build(Builder(stated.tree, stated.out, stated.home), log)
        except BuildFailed as error:
            say(f"== failed: {error}", log)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
