"""The export's archive: what goes in comes out, and what is damaged in any way is refused."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from provision.errors import Refusal
from provision.operations import exports
from provision.operations.importing import without_owners

ABOUT = {"domain": "pod.example.org", "release": "1.0.0.0", "is_final": True}


def written(where: Path) -> Path:
    (where / "uploads" / "images").mkdir(parents=True)
    (where / "uploads" / "images" / "ü.webp").write_bytes(b"picture")
    (where / "uploads" / "link").symlink_to("/etc/passwd")
    (where / "dump").write_bytes(b"PGDMP" + b"x" * 3_000_000)
    archive = where / "export"
    with exports.writing(archive) as writer:
        writer.add_file(exports.CUSTOM_DUMP, where / "dump")
        writer.add_bytes(exports.SECRET_TOKEN, b"secret")
        writer.add_tree(exports.UPLOADS, where / "uploads")
        writer.finish(ABOUT)
    return archive


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    archive = written(tmp_path)
    assert archive.stat().st_mode & 0o777 == 0o600
    out = tmp_path / "out"
    out.mkdir()
    index = exports.unpack(archive, out)
    assert index["format"] == 1
    assert {key: index[key] for key in ABOUT} == ABOUT
    assert (out / exports.CUSTOM_DUMP).read_bytes() == (tmp_path / "dump").read_bytes()
    assert (out / "uploads/images/ü.webp").read_bytes() == b"picture"
    assert not (out / "uploads/link").exists(), "a link could lead to another pod's files"
    assert (out / exports.SECRET_TOKEN).stat().st_mode & 0o777 == 0o600


def test_nothing_that_a_pod_puts_among_its_files_leads_elsewhere_or_holds_the_export_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root packs what the pod may change meanwhile: also just before a file is opened."""
    uploads, secret = tmp_path / "uploads", tmp_path / "secret"
    (uploads / "images").mkdir(parents=True)
    secret.mkdir()
    (secret / "shadow").write_bytes(b"root's")
    (uploads / "images" / "shadow").write_bytes(b"picture")
    os.mkfifo(uploads / "pipe")
    (uploads / "away").symlink_to(secret)
    (uploads / "images" / "z").write_bytes(b"z")
    fopen = os.open
    swapped: list[Path] = []

    def swap(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if path == "shadow" and not swapped:
            swapped.append((uploads / "images").rename(uploads / "images.old"))
            (uploads / "images").symlink_to(secret)
        if path == "z":
            (uploads / "images.old" / "z").unlink()
            (uploads / "images.old" / "z").symlink_to(secret / "shadow")
        return fopen(path, flags, *rest, dir_fd=dir_fd)

    archive, out = tmp_path / "export", tmp_path / "out"
    with exports.writing(archive) as writer:
        monkeypatch.setattr("provision.operations.exports.os.open", swap)
        assert writer.add_tree(exports.UPLOADS, uploads) == 1
        assert not writer.add_plain_file("settings/schedule.yml", uploads / "pipe")
        assert not writer.add_plain_file("settings/schedule.yml", uploads / "away" / "none")
        monkeypatch.undo()
        writer.finish(ABOUT)
    out.mkdir()
    exports.unpack(archive, out)
    assert (out / "uploads" / "images" / "shadow").read_bytes() == b"picture"
    assert swapped and not (out / "uploads" / "pipe").exists()


def test_a_reader_need_not_read_to_the_end(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look(name: str, file: IO[bytes]) -> None:
        seen.append(file.read(5))

    exports.read_back(written(tmp_path), look)
    assert seen[0] == b"PGDMP"


def repacked(archive: Path, change: Callable[[list[tuple[str, bytes]]], None]) -> None:
    """The archive with its members changed, and well packed again."""
    plain = subprocess.run(["zstd", "-dcq", str(archive)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar]  # type: ignore[union-attr]
    change(members)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    packed = subprocess.run(
        ["zstd", "-q"], input=buffer.getvalue(), capture_output=True, check=True
    )
    archive.write_bytes(packed.stdout)


def alter(members: list[tuple[str, bytes]]) -> None:
    members[1] = (members[1][0], b"another secret")


def drop(members: list[tuple[str, bytes]]) -> None:
    del members[1]


def add(members: list[tuple[str, bytes]]) -> None:
    members.insert(0, ("more", b""))


def lead_out(members: list[tuple[str, bytes]]) -> None:
    members.insert(0, ("../outside", b"x"))


def lead_to_root(members: list[tuple[str, bytes]]) -> None:
    members.insert(0, ("/etc/outside", b"x"))


def drop_index(members: list[tuple[str, bytes]]) -> None:
    del members[-1]


def another_format(members: list[tuple[str, bytes]]) -> None:
    members[-1] = (members[-1][0], members[-1][1].replace(b'"format": 1', b'"format": 2'))


CHANGES = [
    (alter, "identity/secret_token.rb is not what its index says"),
    (drop, "identity/secret_token.rb is not what"),
    (add, "more is not what"),
    (lead_out, "no plain file inside of it"),
    (lead_to_root, "no plain file inside of it"),
    (drop_index, "ends before export.json"),
    (another_format, "its format is 2"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_an_archive_that_was_changed_is_refused(
    tmp_path: Path, change: Callable[[list[tuple[str, bytes]]], None], words: str
) -> None:
    archive = written(tmp_path)
    repacked(archive, change)
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(Refusal, match=words):
        exports.unpack(archive, into)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("keep", [0, 1, 100, 2000])
def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    archive = written(tmp_path)
    content = archive.read_bytes()
    archive.write_bytes(content[: min(keep, len(content) - 1)])
    with pytest.raises(Refusal, match="no whole export"):
        exports.read_back(archive)


def test_an_archive_whose_last_byte_is_wrong_is_refused(tmp_path: Path) -> None:
    archive = written(tmp_path)
    content = archive.read_bytes()
    archive.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Refusal, match="no whole export"):
        exports.read_back(archive)


def test_a_full_disk_is_told_by_its_name(tmp_path: Path) -> None:
    with (
        pytest.raises(Refusal, match="No space left"),
        exports.writing(Path("/dev/full")) as writer,
    ):
        for number in range(64):
            writer.add_bytes(f"{number}", bytes(1_000_000 + number))
        writer.finish(ABOUT)


PLAIN = """CREATE TABLE public.posts (id integer, text text);
ALTER TABLE public.posts OWNER TO diaspora;
COPY public.posts (id, text) FROM stdin;
1\tALTER TABLE public.posts OWNER TO diaspora;
2\tGRANT ALL ON me TO you;
\\.
ALTER TABLE ONLY public.posts ADD CONSTRAINT posts_pkey PRIMARY KEY (id);
GRANT ALL ON TABLE public.posts TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE diaspora IN SCHEMA public GRANT SELECT ON TABLES TO reader;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
"""


def test_owners_and_rights_go_but_never_a_row() -> None:
    kept = b"".join(without_owners(io.BytesIO(PLAIN.encode()))).decode().splitlines()
    lines = PLAIN.splitlines()
    assert kept == [lines[0], *lines[2:7]]
