"""Each bad fleet file beside the lines it gets: a new rule is one file and its lines.

`bad/<name>.toml` is the file, `bad/<name>.txt` every line that loading it says, less the file's
own name (FILE within a line).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import Exit, Refusals
from provision.fleet.loading import load_file

BAD = sorted((Path(__file__).parent / "bad").glob("*.toml"))


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_every_error_is_named_with_its_line(file: Path) -> None:
    with pytest.raises(Refusals) as caught:
        load_file(file)
    said = str(caught.value).replace(f"{file}:", "").replace(str(file), "FILE")
    assert said.splitlines() == file.with_suffix(".txt").read_text().splitlines()
    assert caught.value.exit_code == Exit.REFUSED


def test_no_expectation_is_without_its_file() -> None:
    expected = {file.stem for file in (Path(__file__).parent / "bad").glob("*.txt")}
    assert expected == {file.stem for file in BAD}


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_no_error_shows_a_secret(file: Path) -> None:
    with pytest.raises(Refusals) as caught:
        load_file(file)
    assert "hunter2" not in str(caught.value)
