"""Writes messages as other pods sign them, from diaspora*'s federation protocol.

Written apart from the rehearsal pod's Ruby: two readings of the protocol have to agree.
"""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape, quoteattr

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_TYPE, _ENCODING, _ALGORITHM = "application/xml", "base64url", "RSA-SHA256"
_NAMESPACE = "http://salmon-protocol.org/ns/magic-env"


def new_key() -> rsa.RSAPrivateKey:
    """A key as pods make them, only shorter: this one lives for a minute."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()


def status_message(author: str, guid: str, text: str) -> str:
    return _entity(
        "status_message",
        author=author,
        guid=guid,
        created_at="2026-01-01T00:00:00Z",
        public="true",
        text=text,
    )


def retraction(author: str, guid: str) -> str:
    return _entity("retraction", author=author, target_guid=guid, target_type="Post")


def envelope(payload: str, sender: str, key: rsa.RSAPrivateKey, claimed: str | None = None) -> str:
    """A magic envelope over `payload`; `claimed` puts other contents under the same signature."""
    signed = ".".join([_encoded(payload), *map(_encoded, (_TYPE, _ENCODING, _ALGORITHM))])
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    data = _encoded(payload if claimed is None else claimed)
    key_id = quoteattr(_encoded(sender))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<me:env xmlns:me="{_NAMESPACE}">'
        f'<me:data type="{_TYPE}">{data}</me:data><me:encoding>{_ENCODING}</me:encoding>'
        f"<me:alg>{_ALGORITHM}</me:alg>"
        f"<me:sig key_id={key_id}>{base64.urlsafe_b64encode(signature).decode()}</me:sig></me:env>"
    )


def _entity(root: str, **fields: str) -> str:
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<{root}>{inside}</{root}>"


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()
