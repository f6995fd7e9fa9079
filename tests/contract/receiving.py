"""What a pod believes of what it receives: the signature of the author, and nothing less.

On the pod's host somebody from elsewhere is made known, with a key that these cases hold; then they
send, over the pod's public address, what that person signed and what others forged.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.envelope import envelope, new_key, public_pem, retraction, status_message
from tests.contract.host import OnHost
from tests.contract.web import Web

ARRIVAL_SECONDS = 30.0
# Forged messages go first: when a later honest one has arrived, they had their time.
PEER = "peer.contract.invalid"

_INTRODUCE = """
pod = Pod.find_or_create_by(url: "https://{peer}/")
{people}.each do |handle, key|
  person = Person.new(diaspora_handle: handle, guid: SecureRandom.hex(16), pod: pod,
                      serialized_public_key: key)
  person.profile = Profile.new(first_name: "Contract")
  person.save!
end
"""
_FORGET = """
Person.where(diaspora_handle: {people}.keys).each do |person|
  Post.where(author_id: person.id).each(&:destroy)
  person.profile.delete
  person.delete
end
Pod.where(host: "{peer}").select {{|pod| Person.where(pod_id: pod.id).none? }}.each(&:delete)
true
"""


@dataclass(frozen=True)
class Stranger:
    """Somebody on another pod, known to this one by their key."""

    handle: str
    key: rsa.RSAPrivateKey

    def signed(self, payload: str) -> str:
        return envelope(payload, self.handle, self.key)


@contextmanager
def two_strangers(host: OnHost) -> Iterator[tuple[Stranger, Stranger]]:
    """Make two people known, and forget them again with all that they sent."""
    one, other = (Stranger(f"{secrets.token_hex(6)}@{PEER}", new_key()) for _ in range(2))
    # JSON, but for the colon, is how Ruby writes a hash of texts.
    people = json.dumps({someone.handle: public_pem(someone.key) for someone in (one, other)})
    people = people.replace('": "', '" => "')
    host.ruby(_INTRODUCE.format(peer=PEER, people=people))
    try:
        yield one, other
    finally:
        host.ruby(_FORGET.format(peer=PEER, people=people))


def receiving(web: Web, host: OnHost) -> Iterator[tuple[str, list[str]]]:
    """Each case's name, and what departed."""
    with two_strangers(host) as (author, other):
        honest, forged, altered, foreign = (secrets.token_hex(16) for _ in range(4))
        _deliver(web, envelope(_post(author, forged), author.handle, other.key))
        _deliver(
            web,
            envelope(_post(author, "0" * 32), author.handle, author.key, _post(author, altered)),
        )
        _deliver(web, other.signed(_post(author, foreign)))
        _deliver(web, author.signed(_post(author, honest)))
        yield "a signed post arrives", _arrives(web, honest)
        yield "a forged signature does not arrive", _absent(web, forged)
        yield "an altered message does not arrive", _absent(web, altered)
        yield "a post signed by somebody else does not arrive", _absent(web, foreign)
        yield "the copy points to its owner", _points_home(web, honest)
        _deliver(web, other.signed(retraction(other.handle, honest)))
        _deliver(web, author.signed(_post(author, later := secrets.token_hex(16))))
        wrong = _arrives(web, later) + _arrives(web, honest)
        yield "a retraction by somebody else is not believed", wrong
        _deliver(web, author.signed(retraction(author.handle, honest)))
        yield "a retraction by the author is", _leaves(web, honest)


def _post(author: Stranger, guid: str) -> str:
    return status_message(author.handle, guid, "a post by the contract's tests")


def _deliver(web: Web, message: str) -> None:
    headers = {"Content-Type": "application/magic-envelope+xml"}
    status = web.ask("POST", "/receive/public", headers, message.encode()).status
    if status != 202:
        raise AssertionError(f"/receive/public answered {status}, not 202")


def _status(web: Web, guid: str) -> int:
    return web.ask("GET", f"/fetch/post/{guid}").status


def _becomes(web: Web, guid: str, wanted: int) -> list[str]:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while (status := _status(web, guid)) != wanted:
        if time.monotonic() > deadline:
            return [f"/fetch/post/ answers {status}, not {wanted}, after {ARRIVAL_SECONDS:.0f} s"]
        time.sleep(0.2)
    return []


def _arrives(web: Web, guid: str) -> list[str]:
    return _becomes(web, guid, 302)


def _leaves(web: Web, guid: str) -> list[str]:
    return _becomes(web, guid, 404)


def _absent(web: Web, guid: str) -> list[str]:
    status = _status(web, guid)
    return [] if status == 404 else [f"/fetch/post/ answers {status}: it was believed"]


def _points_home(web: Web, guid: str) -> list[str]:
    answer = web.ask("GET", f"/fetch/post/{guid}")
    location = answer.headers.get("location")
    home = f"https://{PEER}/fetch/post/{guid}"
    return [] if location == home else [f"location: {location!r}, not {home!r}"]
