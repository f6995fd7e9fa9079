"""Strangers' words on our terminals and in our JSON: one short line that does nothing there."""

from __future__ import annotations

MOST_CHARACTERS = 128


def shown(text: str, most: int = MOST_CHARACTERS) -> str:
    """Without what could colour a terminal, break a line, or is no character at all."""
    return "".join(character for character in text if character.isprintable()).strip()[:most]
