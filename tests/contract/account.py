"""The account that the contract's cases act as: made on the pod's host, used over REST."""

from __future__ import annotations

from tests.contract.host import OnHost

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
