"""The messages that the contract's tests sign and forge."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.contract.envelope import envelope, new_key, public_pem, status_message
from tests.contract.sending import LOG_LINE

KEY = new_key()
NAME = "{http://salmon-protocol.org/ns/magic-env}"
# As a real pod wrote it (diaspora* 0.9.1.0), with the name of the pod that the contract uses.
SEEN = (
    "[2026-11-22T08:52:09] WARN  PID-1545 TID-50960 DiasporaFederation::Federation::Sender::"
    "HydraWrapper: success=false sender=2 obj=StatusMessage:db69ed80c87f013f17393282d972dfa4 "
    "url=https://nowhere.contract.invalid/receive/public message=couldnt_resolve_host code=0 "
    "time=7.6e-05"
)


def _verify(message: str) -> str:
    """The payload, once its signature was verified as the protocol says."""
    root = ElementTree.fromstring(message)
    data = str(root.findtext(f"{NAME}data"))
    parts = [data, *(_encoded(part) for part in ("application/xml", "base64url", "RSA-SHA256"))]
    signature = base64.urlsafe_b64decode(str(root.findtext(f"{NAME}sig")))
    subject = ".".join(parts).encode()
    KEY.public_key().verify(signature, subject, padding.PKCS1v15(), hashes.SHA256())
    return base64.urlsafe_b64decode(data).decode()


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def test_an_honest_message_verifies() -> None:
    payload = status_message("a@example.org", "0" * 32, "<&> ümlaut")
    assert _verify(envelope(payload, "a@example.org", KEY)) == payload
    assert ElementTree.fromstring(payload).findtext("text") == "<&> ümlaut"


def test_forged_and_altered_messages_do_not() -> None:
    with pytest.raises(InvalidSignature):
        _verify(envelope("<a/>", "a@example.org", new_key()))
    with pytest.raises(InvalidSignature):
        _verify(envelope("<a/>", "a@example.org", KEY, claimed="<b/>"))


def test_keys_are_given_as_pods_give_them() -> None:
    assert public_pem(KEY).startswith("-----BEGIN PUBLIC KEY-----\n")


def test_the_log_line_is_the_one_that_real_pods_write() -> None:
    wanted = LOG_LINE.replace("$guid", "db69ed80c87f013f17393282d972dfa4")
    assert re.fullmatch(wanted, SEEN)
    assert not re.fullmatch(wanted, SEEN.replace("code=0", "code=502"))
