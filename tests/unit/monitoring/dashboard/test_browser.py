"""The pages in Chromium: seen, heard, by keyboard, on a phone, light and dark.

PODFLEET_SCREENSHOTS=1 writes the README's pictures to docs/screenshots.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest

from tests.unit.monitoring.dashboard.chromium import Tab
from tests.unit.monitoring.dashboard.conftest import Standing
from tests.unit.monitoring.dashboard.reading_pages import EVERY_PATH
from tests.unit.monitoring.dashboard.running import CHECKOUT

SHOTS = {"overview": ("/", 720), "peers": ("/peers", 720), "canary": ("/canary", 760)}
MOST_BYTES = 150_000
# WCAG's levels AA: text, and text that is large.
_CONTRAST = """
(() => {
  const channel = part => { part /= 255; return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4; };
  const parse = text => { const found = text.match(/[\\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 22, 27, 1] : [255, 255, 255, 1];
  };
  const bad = [];
  for (const one of document.querySelectorAll('body *')) {
    const said = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!said || one.tagName === 'TITLE' || one.tagName === 'OPTION' || !one.getClientRects().length) continue;
    const style = getComputedStyle(one);
    const text = parse(one.closest('svg') ? style.fill : style.color);
    const [high, low] = [light(text), light(ground(one))].sort((a, b) => b - a);
    const contrast = (high + .05) / (low + .05);
    const isLarge = parseFloat(style.fontSize) >= 24;
    if (contrast < (isLarge ? 3 : 4.5)) bad.push(`${one.tagName}.${one.className} ${contrast.toFixed(2)}: ${one.textContent.trim().slice(0, 40)}`);
  }
  return [...new Set(bad)].slice(0, 10);
})()
"""  # noqa: E501
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Roles of what has to have a name, so that it can be heard.
_NAMED = {"table", "link", "button", "image", "img", "combobox", "searchbox", "textbox", "region",
          "navigation", "form"}  # fmt: skip


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_text_stands_out(path: str, is_dark: bool, red: Standing, browser: Tab) -> None:
    browser.look(is_dark=is_dark)
    browser.go(red.pages + path)
    assert browser.evaluate(_CONTRAST) == []


@pytest.mark.parametrize("path", EVERY_PATH)
def test_the_browser_has_nothing_to_complain_of_and_asks_nobody_else(
    path: str, red: Standing, browser: Tab
) -> None:
    browser.go(red.pages + path)
    refused = [words for words in browser.complaints() if "404" not in words]
    assert refused == []
    assert all(url.startswith(f"{red.pages}/") for url in browser.requests())


@pytest.mark.parametrize("width", [360, 820, 1024])
@pytest.mark.parametrize("path", EVERY_PATH)
def test_phones_and_tablets_show_it_without_scrolling_sideways(
    path: str, width: int, red: Standing, browser: Tab
) -> None:
    browser.look(width=width, height=740)
    browser.go(red.pages + path)
    assert browser.evaluate(_TOO_WIDE) == 0
    browser.look()


@pytest.mark.parametrize("width", [360, 820, 1280])
@pytest.mark.parametrize("path", ["/", "/pods/beta"])
def test_a_name_as_long_as_names_may_be_makes_no_page_wider(
    path: str, width: int, red: Standing, browser: Tab
) -> None:
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 49, "example.org"])
    browser.look(width=width, height=740)
    browser.go(red.pages + path)
    put = browser.evaluate(
        "(() => { const found = [...document.querySelectorAll('main small, main p')]"
        ".filter(one => one.textContent === 'beta.example.org');"
        f" for (const one of found) one.textContent = '{name}'; return found.length; }})()"
    )
    assert put == 1
    assert browser.evaluate(_TOO_WIDE) == 0
    browser.look()


@pytest.mark.parametrize("path", ["/", "/canary", "/deliveries", "/pods/beta", "/peers?q=pod00"])
def test_it_can_be_heard(path: str, red: Standing, browser: Tab) -> None:
    """Landmarks, one first heading, and a name for all that needs one."""
    browser.go(red.pages + path)
    nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"]
             if not node.get("ignored")]  # fmt: skip
    roles = [node["role"]["value"] for node in nodes]
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert landmark in roles, landmark
    headings = [node for node in nodes if node["role"]["value"] == "heading"]
    levels = [one["value"]["value"] for node in headings for one in node["properties"]
              if one["name"] == "level"]  # fmt: skip
    assert levels.count(1) == 1
    nameless = [node["role"]["value"] for node in nodes if node["role"]["value"] in _NAMED
                and not node.get("name", {}).get("value")]  # fmt: skip
    assert nameless == []


def test_a_phone_s_cards_are_still_a_table_to_those_who_hear_it(
    red: Standing, browser: Tab
) -> None:
    browser.look(width=360, height=740)
    browser.go(f"{red.pages}/")
    roles = [node["role"]["value"] for node in browser.call("Accessibility.getFullAXTree")["nodes"]]
    browser.look()
    assert roles.count("columnheader") == 9
    assert roles.count("rowheader") == 3


def test_a_card_has_its_values_and_their_notes_at_one_edge(red: Standing, browser: Tab) -> None:
    browser.look(width=390, height=740)
    browser.go(f"{red.pages}/")
    edges = browser.evaluate(
        "[...document.querySelectorAll('.cards td')].map(cell => Math.round("
        "cell.lastElementChild.getBoundingClientRect().right))"
    )
    browser.look()
    assert len(edges) == 24
    # A value without a tone has no padding of its own.
    assert max(edges) - min(edges) <= 6


@pytest.mark.parametrize("width", [1280, 390])
def test_what_stands_in_a_chart_can_be_read(width: int, red: Standing, browser: Tab) -> None:
    """It is as large as the page makes the picture."""
    browser.look(width=width)
    browser.go(f"{red.pages}/deliveries")
    least = browser.evaluate(
        "Math.min(...[...document.querySelectorAll('svg.chart text')].map(text => "
        "text.getBoundingClientRect().height))"
    )
    browser.look()
    assert least >= 10


def test_a_phone_breaks_no_number(red: Standing, browser: Tab) -> None:
    browser.look(width=390, height=740)
    browser.go(f"{red.pages}/deliveries")
    broken = browser.evaluate(
        "[...document.querySelectorAll('.columns td, .legend td')].filter(cell => {"
        " const range = document.createRange(); range.selectNodeContents(cell);"
        " return /^[\\d,.]+$/.test(cell.textContent) && range.getClientRects().length > 1;"
        "}).map(cell => cell.textContent)"
    )
    browser.look()
    assert broken == []


def test_by_keyboard_the_first_stop_leads_past_the_navigation(red: Standing, browser: Tab) -> None:
    browser.go(f"{red.pages}/")
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.closest('header') !== null")
    outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", SHOTS)
def test_screenshots(name: str, is_dark: bool, red: Standing, browser: Tab, tmp_path: Path) -> None:
    path, height = SHOTS[name]
    browser.look(1280, height, is_dark)
    browser.go(red.pages + path)
    picture = _directory(tmp_path) / f"{name}-{'dark' if is_dark else 'light'}.png"
    browser.screenshot(picture)
    browser.look()
    assert picture.stat().st_size <= MOST_BYTES
    brightness = _corner(picture.read_bytes())
    assert brightness < 60 if is_dark else brightness > 200
    assert browser.first_paint_seconds() < 20


def _directory(otherwise: Path) -> Path:
    if not os.environ.get("PODFLEET_SCREENSHOTS"):
        return otherwise
    kept = CHECKOUT / "docs/screenshots"
    kept.mkdir(exist_ok=True)
    return kept


def _corner(png: bytes) -> int:
    """How bright the first pixel of the picture is, 0 to 255."""
    assert png.startswith(b"\x89PNG")
    data, place = b"", 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += 12 + length
    first = zlib.decompressobj().decompress(data, 4)
    return first[1]
