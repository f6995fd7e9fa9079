"""How each secret that podfleet makes by itself is made; nothing here is written anywhere."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from provision.fleet.authority import new_authority

SECRET_KEY_BASE = re.compile(r"secret_(?:key_base|token)\s*=\s*(['\"])(?P<value>[^'\"]+)\1")


def secret_key_base() -> str:
    """As `rake generate:secret_token` makes it: 80 hex digits."""
    return secrets.token_hex(40)


def oidc_key() -> str:
    """As diaspora* makes it when it is missing: RSA, 4096 bits, PEM."""
    key = generate_private_key(public_exponent=65537, key_size=4096)
    form = PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode("ascii")


def password() -> str:
    """144 random bits; no character that a shell, a form or an eye could mistake."""
    return secrets.token_urlsafe(18)


def signing_key() -> str:
    """The private key that signs releases, in OpenSSH's own format."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode("ascii")


def public_half(private: str) -> str:
    """The public line (`ssh-ed25519 AAAA…`) of a signing key."""
    key = load_ssh_private_key(private.encode("ascii"), password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


# What a fleet, and each pod, has of its own from the first; the paths are those in the vault.
OF_FLEET: Mapping[str, Callable[[], str]] = {
    "signing_key": signing_key,
    "authority": new_authority,
}
# What a pod's data and its users' sessions hang on: with others it would be another pod.
IDENTITY = ("secret_key_base", "oidc_key")
OF_POD: Mapping[str, Callable[[], str]] = {
    "secret_key_base": secret_key_base,
    "oidc_key": oidc_key,
    "admin_password": password,
    "canary_password": password,
}


def secret_token_rb(value: str) -> str:
    """config/initializers/secret_token.rb, as Rails 6.1 and 7.2 both read it."""
    return (
        "# Made by podfleet. Whoever loses it logs every user out.\n"
        f"Rails.application.config.secret_key_base = '{value}'\n"
    )


def read_secret_token_rb(text: str) -> str | None:
    """The secret of a secret_token.rb that some pod already has."""
    found = SECRET_KEY_BASE.search(text)
    return found["value"] if found else None
