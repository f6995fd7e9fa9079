"""Rows as aligned columns of text: how every table of the command line is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A line a row, the heads above; the last column is not padded."""
    all_rows = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in all_rows) for column in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in all_rows
    ]
