"""Signing in as a person does: the form, its token, the session, and the limit on guesses."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from urllib.parse import urlencode

from tests.contract.account import USERNAME
from tests.contract.host import OnHost
from tests.contract.web import Response, Web

LIMIT = 20
TOO_MANY = 429
_FORM_TYPE = "application/x-www-form-urlencoded"
_TOKEN = re.compile(r'name="authenticity_token"[^>]*value="([^"]+)"')

_SET_PASSWORD = """
user = User.find_by!(username: "{username}")
user.password = user.password_confirmation = "{password}"
user.save!
"""


def signing_in(web: Web, host: OnHost) -> Iterator[tuple[str, list[str]]]:
    """Each case's name, and what departed. The limit comes last: it shuts this address out."""
    password = secrets.token_hex(12)
    host.ruby(_SET_PASSWORD.format(username=USERNAME, password=password) + "true")
    cookie, token = _form(web)
    answer = _sign_in(web, cookie, token, password)
    if answer.status == TOO_MANY:
        yield "signing in", ["an earlier run used up this address's tries: wait five minutes"]
        return
    yield "signing in leads to the stream", _leads_to_stream(web, answer)
    refused = _sign_in(web, cookie, token, "wrong")
    signed_in = refused.headers.get("location") == f"{web.url.rstrip('/')}/stream"
    yield "a wrong password does not", ["it signed in"] if signed_in else []
    unasked = _sign_in(web, cookie, "forged", password).status
    yield "nor does a form without its token", [] if unasked in (302, 422) else [f"{unasked}"]
    statuses = [_sign_in(web, cookie, token, "wrong").status for _ in range(LIMIT + 1)]
    limited = TOO_MANY in statuses
    yield f"no more than {LIMIT} tries in 5 minutes", [] if limited else [f"{statuses}"]


def _form(web: Web) -> tuple[str, str]:
    answer = web.ask("GET", "/users/sign_in", {"Accept": "text/html"})
    token = _TOKEN.search(answer.text)
    if not token:
        raise AssertionError("the sign-in form has no authenticity_token")
    return _cookie(answer), token[1]


def _cookie(answer: Response) -> str:
    pairs = (cookie.split(";")[0] for cookie in answer.cookies)
    return next(pair for pair in pairs if pair.startswith("_diaspora_session="))


def _sign_in(web: Web, cookie: str, token: str, password: str) -> Response:
    fields = {
        "authenticity_token": token,
        "user[username]": USERNAME,
        "user[password]": password,
    }
    headers = {"Content-Type": _FORM_TYPE, "Cookie": cookie, "Accept": "text/html"}
    return web.ask("POST", "/users/sign_in", headers, urlencode(fields).encode())


def _leads_to_stream(web: Web, answer: Response) -> list[str]:
    if answer.status not in (302, 303):
        return [f"status: {answer.status}, no redirect"]
    page = web.ask("GET", "/stream", {"Accept": "text/html", "Cookie": _cookie(answer)})
    return [] if page.status == 200 else [f"/stream answers {page.status}"]
