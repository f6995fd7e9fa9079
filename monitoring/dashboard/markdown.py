"""Renders the runbook's Markdown: headings, paragraphs, lists, tables, emphasis, code and links.

All text is escaped; a link leads to the same page, to a page of ours, or to https.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|(?<!\w)\*(?P<slanted>[^*\s][^*]*)\*"
    r"|\[(?P<words>[^\]]+)\]\((?P<link>[^)\s]+)\)"
)
_HEADING = re.compile(r"(#{1,5}) +(.+)")
_ITEM = re.compile(r"(?:[-*]|(\d+)\.) +(.*)")


def rendered(text: str) -> Markup:
    return Markup("\n").join(_blocks(text.splitlines()))


def anchor(heading: str) -> str:
    """What a heading is linked by, as in monitoring/rules/rendering.py."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def _blocks(lines: Sequence[str]) -> Iterator[Markup]:
    """Runs of lines of one kind; fences are taken out first."""
    fenced: list[str] | None = None
    plain: list[str] = []
    for line in lines:
        if not line.startswith("```"):
            (plain if fenced is None else fenced).append(line)
        elif fenced is None:
            yield from _runs(plain)
            plain, fenced = [], []
        else:
            yield Markup("<pre tabindex=0><code>{}</code></pre>").format("\n".join(fenced))
            fenced = None
    yield from _runs(plain)


def _runs(lines: Sequence[str]) -> Iterator[Markup]:
    kind = "paragraph"
    kinds: list[tuple[str, str]] = []
    for line in lines:
        # An indented line goes on with the item that it stands under.
        kind = kind if kind == "list" and line.startswith("  ") else _kind(line)
        kinds.append((kind, line))
    for kind, run in groupby(kinds, key=lambda pair: pair[0]):
        yield from _run(kind, [line for _, line in run])


def _kind(line: str) -> str:
    if not line.strip() or line.startswith("<!--"):
        return "none"
    if _HEADING.fullmatch(line):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if _ITEM.fullmatch(line) else "paragraph"


def _run(kind: str, lines: list[str]) -> Iterator[Markup]:
    if kind == "heading":
        yield from map(_heading, lines)
    elif kind == "table":
        yield _table(lines)
    elif kind == "list":
        yield _list(lines)
    elif kind == "paragraph":
        yield Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _heading(line: str) -> Markup:
    found = _HEADING.fullmatch(line)
    assert found
    level, words = len(found[1]), found[2]
    plain = re.sub(r"[`*]", "", words)
    # The page's own title is the only first-level heading.
    tag = f"h{min(6, level + 1)}"
    opening = Markup('<{} id="{}">').format(Markup(tag), anchor(plain))
    return opening + _inline(words) + Markup(f"</{tag}>")


def _list(lines: Sequence[str]) -> Markup:
    items: list[str] = []
    is_numbered = False
    for line in lines:
        found = _ITEM.fullmatch(line)
        if found and not line.startswith(" "):
            is_numbered = is_numbered or bool(found[1])
            items.append(found[2])
        elif items:
            items[-1] += " " + line.strip()
    tag = Markup("ol" if is_numbered else "ul")
    inner = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items)
    return Markup("<{0}>{1}</{0}>").format(tag, inner)


def _table(lines: Sequence[str]) -> Markup:
    rows = [[part.strip() for part in line.strip().strip("|").split("|")] for line in lines]
    head, body = rows[0], [row for row in rows[1:] if set("".join(row)) - set("-: ")]
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(one)) for one in head)
    inner = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_inline(one)) for one in row)
        )
        for row in body
    )
    table = '<div class="scroll" tabindex="0"><table><thead><tr>{}</tr></thead><tbody>{}</tbody>'
    return Markup(table + "</table></div>").format(heads, inner)


def _inline(text: str) -> Markup:
    parts, place = [], 0
    for found in _INLINE.finditer(text):
        parts += [escape(text[place : found.start()]), _marked(found)]
        place = found.end()
    return Markup("").join([*parts, escape(text[place:])])


def _marked(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["bold"]:
        return Markup("<strong>{}</strong>").format(found["bold"])
    if found["slanted"]:
        return Markup("<em>{}</em>").format(found["slanted"])
    if found["link"].startswith(("#", "https://")):
        return Markup('<a href="{}">{}</a>').format(found["link"], found["words"])
    return escape(found["words"])
