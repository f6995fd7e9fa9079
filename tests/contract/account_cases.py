"""What an account may ask of its pod by REST, and what diaspora* 0.9.1.0 answered.

The facts hold: token (openid public:read public:modify), username, handle, guid (of the person),
and the application's client_id, client_secret and refresh_token.
"""

from __future__ import annotations

from tests.contract.answers import ANYTHING, COUNT, GUID, TEXT, TIME, AtLeast, Each, Kind, Maybe
from tests.contract.case import HSTS, HTML, JSON, Answer, Case
from tests.contract.public_cases import EMPTY_ENGINE, EMPTY_PAGE, ENGINE, HTML_PAGE, PAGE, SESSION
from tests.contract.web import Response

_API = {
    "Authorization": "Bearer $token",
    "Content-Type": "application/json",
    "Accept": "application/json",
}
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_AUTHOR = {"guid": "$guid", "diaspora_id": "$handle", "name": "$handle"}
_POST = {
    "guid": GUID,
    "body": "the contract's post",
    "title": "the contract's post",
    "post_type": "StatusMessage",
    "public": True,
    "created_at": TIME,
    "nsfw": False,
    "author": _AUTHOR,
    "interaction_counters": {"comments": 0, "likes": 0, "reshares": 0},
    "mentioned_people": [],
    "photos": [],
    "own_interaction_state": {
        "liked": False,
        "reshared": False,
        "subscribed": False,
        "reported": False,
    },
}
_WEBFINGER = {
    "subject": "acct:$handle",
    "aliases": ["https://$host/people/$guid"],
    "links": [
        {
            "rel": "http://microformats.org/profile/hcard",
            "type": "text/html",
            "href": "https://$host/hcard/users/$guid",
        },
        {
            "rel": "http://joindiaspora.com/seed_location",
            "type": "text/html",
            "href": "https://$host/",
        },
        {
            "rel": "http://webfinger.net/rel/profile-page",
            "type": "text/html",
            "href": "https://$host/u/$username",
        },
        {
            "rel": "http://schemas.google.com/g/2010#updates-from",
            "type": "application/atom+xml",
            "href": "https://$host/public/$username.atom",
        },
        {"rel": "salmon", "href": "https://$host/receive/users/$guid"},
        {
            "rel": "http://ostatus.org/schema/1.0/subscribe",
            "template": "https://$host/people?q={uri}",
        },
        # Real pods name http here, behind their reverse proxy.
        {
            "rel": "http://openid.net/specs/connect/1.0/issuer",
            "href": Kind("the issuer", lambda value: str(value).startswith("http")),
        },
    ],
}
_REGISTERED = {
    "id": COUNT,
    "user_id": None,
    "client_id": TEXT,
    "client_secret": TEXT,
    "client_name": "contract",
    "redirect_uris": ["https://$host/"],
    "response_types": None,
    "grant_types": None,
    "application_type": "web",
    "contacts": None,
    "logo_uri": None,
    "client_uri": None,
    "policy_uri": None,
    "tos_uri": None,
    "sector_identifier_uri": None,
    "token_endpoint_auth_method": "client_secret_post",
    "jwks": None,
    "jwks_uri": None,
    "ppid": False,
    "created_at": TIME,
    "updated_at": TIME,
    "client_secret_expires_at": 0,
}
_GONE = {"code": 404, "message": "Post with provided guid could not be found"}
_FAILED = {"code": 422, "message": "Failed to create the post"}


def _post_guid(response: Response) -> dict[str, str]:
    body = response.json()
    assert isinstance(body, dict)
    return {"post": str(body["guid"])}


def _api(name: str, method: str, path: str, answer: Answer, body: str | None = None) -> Case:
    return Case(name, method, path, answer, headers=_API, body=body)


def _refresh(name: str) -> Case:
    token = {
        "access_token": TEXT,
        "token_type": "bearer",
        "expires_in": Kind("about a day", lambda value: value in range(86300, 86401)),
        "scope": Maybe(ANYTHING),
    }
    headers = {
        "strict-transport-security": HSTS,
        "cache-control": "no-store",
        "set-cookie": SESSION,
    }
    return Case(
        name,
        "POST",
        "/api/openid_connect/access_tokens",
        Answer(200, "application/json", headers=headers, json=token),
        headers=_FORM,
        body="grant_type=refresh_token&refresh_token=$refresh_token"
        "&client_id=$client_id&client_secret=$client_secret",
    )


ACCOUNT_CASES: tuple[Case, ...] = (
    Case(
        "webfinger",
        "GET",
        "/.well-known/webfinger?resource=acct:$handle",
        Answer(
            200,
            "application/jrd+json; charset=utf-8",
            headers={
                **{name: value for name, value in ENGINE.items() if name != "x-diaspora-version"},
                "access-control-allow-origin": "*",
            },
            json=_WEBFINGER,
        ),
    ),
    Case(
        "hcard",
        "GET",
        "/hcard/users/$guid",
        Answer(
            200,
            HTML,
            headers=ENGINE,
            text=('class="uid">$guid<', 'class="nickname">$username<', "BEGIN PUBLIC KEY"),
        ),
    ),
    Case(
        "a profile by name",
        "GET",
        "/u/$username",
        Answer(200, "*/*; charset=utf-8", headers=HTML_PAGE, text=("$handle",)),
        headers={"Accept": "*/*"},
    ),
    Case(
        "a profile by guid",
        "GET",
        "/people/$guid",
        Answer(200, "*/*; charset=utf-8", headers=HTML_PAGE, text=("$handle",)),
        headers={"Accept": "*/*"},
    ),
    Case(
        "a post",
        "POST",
        "/api/v1/posts",
        Answer(200, JSON, headers=PAGE, json=_POST),
        headers=_API,
        body='{"body": "the contract\'s post", "public": true}',
        keep=_post_guid,
    ),
    _api(
        "the post again",
        "GET",
        "/api/v1/posts/$post",
        Answer(200, JSON, headers=PAGE, json=_POST),
    ),
    Case(
        "the post, signed, on its owner's pod",
        "GET",
        "/fetch/post/$post",
        Answer(
            200,
            "application/magic-envelope+xml; charset=utf-8",
            headers=ENGINE,
            text=('<me:env xmlns:me="http://salmon-protocol.org/ns/magic-env">', "RSA-SHA256"),
        ),
    ),
    Case(
        "the post as a page",
        "GET",
        "/posts/$post",
        Answer(200, HTML, headers=HTML_PAGE, text=("the contract",)),
        headers={"Accept": "text/html"},
    ),
    Case(
        "the post as JSON",
        "GET",
        "/posts/$post",
        Answer(
            200,
            JSON,
            headers=PAGE,
            json=AtLeast(
                {
                    "id": COUNT,
                    "public": True,
                    "guid": "$post",
                    "created_at": TIME,
                    "provider_display_name": None,
                    "interacted_at": TIME,
                    "text": "the contract's post",
                    "post_type": "StatusMessage",
                    "nsfw": False,
                    "author": AtLeast(
                        {"guid": "$guid", "diaspora_id": "$handle", "avatar": ANYTHING}
                    ),
                }
            ),
        ),
        headers={"Accept": "application/json"},
    ),
    _api(
        "the user's stream",
        "GET",
        "/api/v1/streams/main",
        Answer(200, JSON, headers=PAGE, json=Each(AtLeast({"guid": GUID, "author": ANYTHING}))),
    ),
    _api("deletion", "DELETE", "/api/v1/posts/$post", Answer(204, headers=EMPTY_PAGE, empty=True)),
    Case(
        "the post is gone",
        "GET",
        "/fetch/post/$post",
        Answer(404, "text/html", headers=EMPTY_ENGINE, empty=True),
    ),
    _api(
        "deletion again",
        "DELETE",
        "/api/v1/posts/$post",
        Answer(404, JSON, headers=EMPTY_PAGE, json=_GONE),
    ),
    _api(
        "a private post without its scope",
        "POST",
        "/api/v1/posts",
        Answer(422, JSON, headers=EMPTY_PAGE, json=_FAILED),
        '{"body": "x", "public": false, "aspects": []}',
    ),
    _api(
        "broken JSON",
        "POST",
        "/api/v1/posts",
        Answer(422, JSON, headers=EMPTY_PAGE, json=_FAILED),
        '{"body":',
    ),
    _api(
        "a scope that the token lacks",
        "GET",
        "/api/v1/user",
        Answer(403, JSON, headers=EMPTY_PAGE, json={"code": 403, "message": "insufficient_scope"}),
    ),
    Case(
        "an application registers itself",
        "POST",
        "/api/openid_connect/clients",
        Answer(200, JSON, headers=PAGE, json=_REGISTERED),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body='{"client_name": "contract", "redirect_uris": ["https://$host/"]}',
    ),
    _refresh("a token for the refresh token"),
    _refresh("the same refresh token again"),
    Case(
        "no token for a wrong secret",
        "POST",
        "/api/openid_connect/access_tokens",
        Answer(401),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        body="grant_type=refresh_token&refresh_token=$refresh_token"
        "&client_id=$client_id&client_secret=wrong",
    ),
)

# Those that need no more than a token.
TOKEN_CASES = tuple(
    case
    for case in ACCOUNT_CASES
    if "client_id" not in str(case.body) and "/clients" not in case.path
)
