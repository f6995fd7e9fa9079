"""The account that the contract's cases act as: made on the pod's host, used over REST."""

from __future__ import annotations

import json

from tests.contract.host import HostFailed, OnHost
from tests.contract.web import Web

USERNAME = "contractcheck"
CLIENT = "podfleet contract"

_ENSURE = f"""
user = User.find_by(username: "{USERNAME}")
unless user
  secret = SecureRandom.hex(16)
  user = User.build(username: "{USERNAME}", email: "{USERNAME}@#{{AppConfig.pod_uri.host}}",
                    password: secret, password_confirmation: secret)
  user.save!
  user.seed_aspects
end
application = Api::OpenidConnect::OAuthApplication.find_by(client_name: "{CLIENT}") ||
              Api::OpenidConnect::OAuthApplication.create!(
                client_name: "{CLIENT}", redirect_uris: [AppConfig.pod_uri.to_s])
authorization = Api::OpenidConnect::Authorization.find_by(o_auth_application: application) ||
                Api::OpenidConnect::Authorization.create!(
                  user: user, o_auth_application: application,
                  redirect_uri: AppConfig.pod_uri.to_s,
                  scopes: %w[openid public:read public:modify])
{{
  "token" => authorization.create_access_token.access_token,
  "refresh_token" => authorization.refresh_token,
  "client_id" => application.client_id, "client_secret" => application.client_secret,
  "username" => user.username, "handle" => user.diaspora_handle, "guid" => user.person.guid
}}
"""


def ensure_account(host: OnHost) -> dict[str, str]:
    """Facts of an account with an application's token; the account stays for the next time."""
    answer = host.ruby(_ENSURE)
    assert isinstance(answer, dict)
    return {str(name): str(value) for name, value in answer.items()}


def facts_of_token(web: Web, token: str) -> dict[str, str]:
    """Who a token's user is, as a post of theirs tells; the post does not stay."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    post = json.dumps({"body": "who am I?", "public": True}).encode()
    answer = web.ask("POST", "/api/v1/posts", headers, post)
    if answer.status != 200:
        raise HostFailed(f"the token may not post: {answer.status} {answer.text[:80]}")
    body = answer.json()
    assert isinstance(body, dict)
    web.ask("DELETE", f"/api/v1/posts/{body['guid']}", headers)
    handle = str(body["author"]["diaspora_id"])
    return {
        "token": token,
        "guid": str(body["author"]["guid"]),
        "handle": handle,
        "username": handle.split("@")[0],
    }
