"""A fleet file is changed as its owner would: one place, all comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Refusal
from provision.fleet import toml_edit
from provision.fleet.loading import load_fleet
from provision.fleet.toml_edit import add_settings, set_release

TEXT = """\
# My pod.
[hosts.vps]
address = "203.0.113.10"
memory = "2 GiB"   # rented

[pods.main]
domain = "pod.example.org"
host = "vps"
release = "0.9.0.0"   # the newest
admin = { username = "alice", email = "alice@example.org" }

# What people see.
[pods.main.diaspora.settings]
pod_name = "Mine"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.toml"
    file.write_text(TEXT)
    file.chmod(0o640)
    return file


def test_only_the_release_changes(file: Path) -> None:
    set_release(file, "main", "0.9.1.0")
    assert file.read_text() == TEXT.replace("0.9.0.0", "0.9.1.0")
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_fleet(str(file)).pods["main"].release == "0.9.1.0"


def test_an_unknown_pod_is_refused(file: Path) -> None:
    with pytest.raises(Refusal, match="there is no pod 'mian'"):
        set_release(file, "mian", "0.9.1.0")
    assert file.read_text() == TEXT


def test_settings_are_added_and_none_is_replaced(file: Path) -> None:
    more = {
        "settings": {"pod_name": "Other", "terms": {"enable": True}},
        "mail": {"sender_address": 'quo"ted\nübel'},
    }
    add_settings(file, "main", more)
    diaspora = load_fleet(str(file)).pods["main"].diaspora
    assert diaspora["settings"] == {"pod_name": "Mine", "terms": {"enable": True}}
    assert diaspora["mail"] == {"sender_address": 'quo"ted\nübel'}
    for line in TEXT.splitlines():
        assert line in file.read_text()


def test_a_file_from_windows_keeps_the_ends_of_its_lines(file: Path) -> None:
    before = TEXT.replace("\n", "\r\n").encode()
    file.write_bytes(before)
    set_release(file, "main", "0.9.1.0")
    assert file.read_bytes() == before.replace(b"0.9.0.0", b"0.9.1.0")


DOTTED = """\
pods.main.domain = "pod.example.org"
pods.main.host = "vps"
pods.main.release = "0.9.0.0" # the newest
pods.main.admin.username = "alice"
pods.main.admin.email = "alice@example.org"
[hosts.vps]
address = "203.0.113.10"
memory = "2 GiB"
"""
INLINE = """\
[hosts]
vps = { address = "203.0.113.10", memory = "2 GiB" }
[pods]
main = { domain = "pod.example.org", host = "vps", release = "0.9.0.0", admin = { username = "a", \
email = "a@example.org" } }
"""


@pytest.mark.parametrize("text", [DOTTED, INLINE])
def test_a_release_is_named_however_the_pod_is_written(file: Path, text: str) -> None:
    file.write_text(text)
    set_release(file, "main", "0.9.1.0")
    assert file.read_text() == text.replace("0.9.0.0", "0.9.1.0")


def test_settings_are_added_within_a_line(file: Path) -> None:
    file.write_text(INLINE)
    add_settings(file, "main", {"settings": {"terms": {"enable": True}}})
    diaspora = load_fleet(str(file)).pods["main"].diaspora
    assert diaspora == {"settings": {"terms": {"enable": True}}}


def test_what_cannot_be_added_leaves_the_file_and_says_so(file: Path) -> None:
    file.write_text(DOTTED)
    with pytest.raises(Refusal, match=r"Write it below a header \[pods.main\]"):
        add_settings(file, "main", {"settings": {"terms": {"enable": True}}})
    assert file.read_text() == DOTTED


def test_a_file_that_may_not_be_written_is_a_refusal(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, mode: int) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(toml_edit, "write_atomically", refuse)
    with pytest.raises(Refusal, match=r"fleet\.toml: cannot be written: Read-only file system"):
        set_release(file, "main", "0.9.1.0")
    assert file.read_text() == TEXT
