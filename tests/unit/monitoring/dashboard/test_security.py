"""What holds for every answer: it only reads, runs nothing, keeps nothing, and asks nobody else."""

from __future__ import annotations

import re

import pytest

from tests.unit.monitoring.dashboard.conftest import Standing
from tests.unit.monitoring.dashboard.reading_pages import EVERY_PATH, get

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", [*EVERY_PATH, "/style.css", "/icon.svg", "/peers/", "/pods/beta/"])
def test_headers(path: str, well: Standing) -> None:
    headers = get(well.pages + path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in headers
    assert "Server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_it_takes_nothing(method: str, well: Standing) -> None:
    answer = get(f"{well.pages}/", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_head_is_a_get_without_its_body(well: Standing) -> None:
    answer = get(f"{well.pages}/", "HEAD")
    assert (answer.status, answer.body) == (200, "")


@pytest.mark.parametrize("path", EVERY_PATH)
def test_nothing_from_elsewhere_and_no_script(path: str, well: Standing) -> None:
    body = get(well.pages + path).body
    assert "<script" not in body
    assert not re.search(r"<[^>]*\s(?:on\w+|style)\s*=", body)
    loaded = re.findall(r'<(?:link|img|iframe|use)\b[^>]*(?:href|src)="([^"]*)"', body)
    assert all(link.startswith("/") and not link.startswith("//") for link in loaded)


def test_no_file_but_ours(well: Standing) -> None:
    for path in (
        "/base.html",
        "/../app.py",
        "/%2e%2e/app.py",
        "/templates/base.html",
        "/style.css/x",
    ):
        assert get(well.pages + path).status == 404, path


def test_an_odd_host_header_is_of_no_matter(well: Standing) -> None:
    page = get(f"{well.pages}/", host='evil.example"><b>')
    assert page.status in (200, 400)
    assert "evil.example" not in page.body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/peers", "/pods/beta", "/alerts"])
def test_a_strangers_name_that_was_made_to_lead_here_is_told_nothing(
    host: str, path: str, well: Standing
) -> None:
    page = get(well.pages + path, host=host)
    assert page.status == 400
    assert "podfleet observe prints" in page.text and "beta" not in page.body
    assert page.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("host", ["localhost:9", "127.0.0.1", "[::1]:80", "[::1]", "dashboard"])
def test_the_names_of_the_tunnels_end_are_its_own(host: str, well: Standing) -> None:
    assert get(f"{well.pages}/", host=host).status == 200
