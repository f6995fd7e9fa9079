"""What anybody may ask a pod, and what diaspora* 0.9.1.0 answered."""

from __future__ import annotations

from tests.contract.answers import ANYTHING, COUNT, TEXT, TRUTH, VERSION, AtLeast, Maybe, matching
from tests.contract.case import ABSENT, HSTS, HTML, JSON, Answer, Case

SESSION = matching(
    "session cookie", r"(?i)_diaspora_session=[^;]+; path=/; secure; httponly; samesite=lax"
)
POLICY = matching("content security policy", r".*default-src.*script-src.*")
FRESH = "max-age=0, private, must-revalidate"
PRELOAD = matching(
    "preload of an asset", r".*</assets/[^>]+-[0-9a-f]{64}\.(css|js)>.*rel=preload.*"
)

# The application's own pages, and those of its federation engine, carry different headers.
PAGE = {
    "strict-transport-security": HSTS,
    "x-diaspora-version": VERSION,
    "set-cookie": SESSION,
    "cache-control": FRESH,
}
HTML_PAGE = {**PAGE, "link": PRELOAD}
EMPTY_PAGE = {**PAGE, "cache-control": "no-cache"}
ENGINE = {
    "strict-transport-security": HSTS,
    "x-frame-options": "sameorigin",
    "content-security-policy": POLICY,
    "x-diaspora-version": ABSENT,
    "set-cookie": ABSENT,
    "cache-control": FRESH,
}
EMPTY_ENGINE = {**ENGINE, "cache-control": "no-cache"}

SCHEMA = "http://nodeinfo.diaspora.software/ns/schema"
PROTOCOLS_1 = {"inbound": ["diaspora"], "outbound": ["diaspora"]}
SOFTWARE = {"name": "diaspora", "version": VERSION}
SOFTWARE_21 = {
    **SOFTWARE,
    "repository": "https://github.com/diaspora/diaspora",
    "homepage": "https://diasporafoundation.org/",
}
SERVICES: dict[str, object] = {"inbound": [], "outbound": []}
# Counts are off by default: then they are absent, not 0.
USERS = {"total": Maybe(COUNT), "activeHalfyear": Maybe(COUNT), "activeMonth": Maybe(COUNT)}
USAGE = {"users": USERS, "localPosts": Maybe(COUNT), "localComments": Maybe(COUNT)}
CAMO = {"markdown": TRUTH, "opengraph": TRUTH, "remotePods": TRUTH}
METADATA = {"nodeName": TEXT, "camo": CAMO, "adminAccount": Maybe(TEXT)}


def _node_info(version: str, software: object, protocols: object) -> Case:
    document = {
        "version": version,
        "software": software,
        "protocols": protocols,
        "services": SERVICES,
        "openRegistrations": TRUTH,
        "usage": USAGE,
        "metadata": METADATA,
    }
    profile = f"application/json; profile={SCHEMA}/{version}#; charset=utf-8"
    answer = Answer(200, profile, headers=PAGE, json=document)
    return Case(f"NodeInfo {version}", "GET", f"/nodeinfo/{version}", answer)


def _page(name: str, path: str) -> Case:
    headers = {"Accept": "text/html"}
    return Case(name, "GET", path, Answer(200, HTML, headers=HTML_PAGE), headers=headers)


_NODEINFO_LINKS = [
    {"rel": f"{SCHEMA}/{version}", "href": f"https://$host/nodeinfo/{version}"}
    for version in ("1.0", "2.0", "2.1")
]
_OPENID = "https://$host/api/openid_connect"
_OPENID_CONFIGURATION = {
    "issuer": "https://$host/",
    "authorization_endpoint": f"{_OPENID}/authorizations/new",
    "jwks_uri": f"{_OPENID}/jwks.json",
    "token_endpoint": f"{_OPENID}/access_tokens",
    "userinfo_endpoint": f"{_OPENID}/user_info",
    "registration_endpoint": f"{_OPENID}/clients",
    "scopes_supported": ANYTHING,
    "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ],
}
_HOST_META = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n</XRD>'
)

PUBLIC_CASES: tuple[Case, ...] = (
    Case(
        "NodeInfo's directory",
        "GET",
        "/.well-known/nodeinfo",
        Answer(200, JSON, headers=PAGE, json={"links": _NODEINFO_LINKS}),
    ),
    _node_info("1.0", SOFTWARE, PROTOCOLS_1),
    _node_info("2.0", SOFTWARE, ["diaspora"]),
    _node_info("2.1", SOFTWARE_21, ["diaspora"]),
    Case(
        "a NodeInfo that does not exist",
        "GET",
        "/nodeinfo/9.9",
        Answer(404, "text/html", headers=EMPTY_PAGE, empty=True),
    ),
    Case(
        "webfinger of nobody",
        "GET",
        "/.well-known/webfinger?resource=acct:nobody-here@$host",
        Answer(404, "text/html", headers=EMPTY_ENGINE, empty=True),
    ),
    Case("webfinger of nothing", "GET", "/.well-known/webfinger", Answer(400, empty=True)),
    Case(
        "host-meta",
        "GET",
        "/.well-known/host-meta",
        Answer(200, "application/xml; charset=utf-8", headers=PAGE, text=(_HOST_META,)),
    ),
    Case(
        "openid-configuration",
        "GET",
        "/.well-known/openid-configuration",
        Answer(200, JSON, headers=PAGE, json=AtLeast(_OPENID_CONFIGURATION)),
    ),
    _page("podmin", "/podmin"),
    _page("public stream", "/public"),
    _page("sign-in form", "/users/sign_in"),
    _page("statistics", "/statistics"),
    Case(
        "statistics are no JSON",
        "GET",
        "/statistics",
        Answer(406, headers={"x-diaspora-version": VERSION}),
        headers={"Accept": "application/json"},
    ),
    Case(
        "the stream wants a sign-in",
        "GET",
        "/stream",
        Answer(
            302,
            HTML,
            headers={
                "location": "https://$host/users/sign_in",
                "cache-control": "no-cache",
                "set-cookie": SESSION,
            },
        ),
        headers={"Accept": "text/html"},
    ),
    Case(
        "an unknown address",
        "GET",
        "/nothing-here",
        Answer(
            404,
            "text/html; charset=UTF-8",
            headers={"x-frame-options": "sameorigin", "content-security-policy": POLICY},
            text=("<html",),
        ),
    ),
    Case(
        "robots.txt is a file",
        "GET",
        "/robots.txt",
        Answer(200, "text/plain", text=("User-agent",)),
    ),
    Case("an unknown asset", "GET", "/assets/nothing-here.css", Answer(404)),
    Case(
        "an unknown post",
        "GET",
        "/fetch/post/0123456789abcdef0123",
        Answer(404, "text/html", headers=EMPTY_ENGINE, empty=True),
    ),
    Case(
        "a public message is always accepted",
        "POST",
        "/receive/public",
        Answer(202, "text/html", headers=EMPTY_ENGINE, empty=True),
        headers={"Content-Type": "application/magic-envelope+xml"},
        body="<x/>",
    ),
    Case(
        "a private message for nobody",
        "POST",
        "/receive/users/0123456789abcdef",
        Answer(404, "text/html", headers=EMPTY_ENGINE, empty=True),
        headers={"Content-Type": "application/json"},
        body="{}",
    ),
    Case(
        "posting wants a token",
        "POST",
        "/api/v1/posts",
        Answer(
            403,
            JSON,
            headers=EMPTY_PAGE,
            json={"code": 403, "message": "Unauthorized user"},
        ),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body='{"body": "x", "public": true}',
    ),
)
