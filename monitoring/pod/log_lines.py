"""What a line of diaspora*'s log says of federation, in the monitor's own words.

A line is `[time] LEVEL PID-n TID-n Some::Class: message`, and only how a message begins counts:
whatever users write into a log (parameters, names) stands further back, on one line. No text of a
line ever becomes a label: an outcome is of a closed set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DELIVERED, REDIRECT, HTTP_4XX, HTTP_5XX, OTHER = (
    "delivered", "redirect", "http_4xx", "http_5xx", "other",
)  # fmt: skip
# libcurl's words, as Typhoeus writes them; older and newer names of the same thing.
CURL_WORDS = {
    "couldnt_connect": "couldnt_connect",
    "operation_timedout": "operation_timedout",
    "couldnt_resolve_host": "couldnt_resolve_host",
    "couldnt_resolve_proxy": "couldnt_resolve_host",
    "peer_failed_verification": "peer_failed_verification",
    "ssl_cacert": "peer_failed_verification",
    "ssl_peer_certificate": "peer_failed_verification",
    "ssl_issuer_error": "peer_failed_verification",
    "ssl_connect_error": "ssl_connect_error",
    "ssl_cipher": "ssl_connect_error",
    "ssl_certproblem": "ssl_connect_error",
    "use_ssl_failed": "ssl_connect_error",
    "got_nothing": "cut_short",
    "recv_error": "cut_short",
    "send_error": "cut_short",
    "partial_file": "cut_short",
    "http2": "cut_short",
    "http2_stream": "cut_short",
    "bad_content_encoding": "cut_short",
    "too_many_redirects": REDIRECT,
}
OUTCOMES = (DELIVERED, *dict.fromkeys(CURL_WORDS.values()), HTTP_4XX, HTTP_5XX, OTHER)

ACCEPTED = "accepted"
# What came in and was thrown away: by the last word of the error's class.
REJECTIONS = {
    "SignatureVerificationFailed": "signature",
    "InvalidSignature": "signature",
    "SenderKeyNotFound": "unknown_key",
    "PublicKeyNotFound": "unknown_key",
    "InvalidSender": "sender",
    "InvalidAuthor": "sender",
    "AuthorIgnored": "ignored",
    "NotPublic": "not_public",
    "ParentNotLocal": "no_parent",
    "RelatedEntityNotFound": "no_parent",
    "ValidationError": "invalid",
    "InvalidRootNode": "invalid",
    "InvalidEntityName": "invalid",
    "UnknownEntity": "invalid",
    "InvalidEnvelope": "invalid",
    "InvalidDataType": "invalid",
    "InvalidAlgorithm": "invalid",
    "InvalidEncoding": "invalid",
}
RECEPTIONS = (ACCEPTED, *dict.fromkeys(REJECTIONS.values()), OTHER)

_MESSAGE = re.compile(
    rb"^\[[^\]\n]{1,64}\] +[A-Z]+ +(?:[A-Z]+-\S+ +)*[A-Za-z_][\w:]*: "
    rb"(?P<kind>success=|status=abandon|ignoring inactive pods: |don't retry for error: |"
    rb"successfully received )(?P<rest>[^\n]*)",
    re.MULTILINE,
)
_ATTEMPT = re.compile(
    rb"(?P<ok>true|false) .*message=(?P<word>\S+) code=(?P<code>\d{1,3}) "
    rb"time=(?P<time>[0-9][0-9.e+-]*)\s*$"
)
_FAILED_URLS = re.compile(rb"failed_urls='\[(?P<urls>[^\]]*)\]'")
_CLASS = re.compile(rb"\w+(?:::\w+)*")


@dataclass(frozen=True)
class Attempt:
    """One delivery that was tried."""

    outcome: str
    # None where the log says nothing that makes sense.
    seconds: float | None


@dataclass(frozen=True)
class Abandoned:
    """Deliveries that were given up for good."""

    count: int


@dataclass(frozen=True)
class Skipped:
    """Deliveries that were not tried: the peer has been away for too long."""

    count: int


@dataclass(frozen=True)
class Received:
    """One message of another pod."""

    outcome: str


Event = Attempt | Abandoned | Skipped | Received


def events(lines: bytes) -> Iterator[Event]:
    """What whole lines say of federation; all others say nothing of it."""
    for found in _MESSAGE.finditer(lines):
        kind, rest = found["kind"], found["rest"]
        if kind == b"success=":
            if (attempt := _attempt(rest)) is not None:
                yield attempt
        elif kind == b"status=abandon":
            yield _abandoned(rest)
        elif kind.startswith(b"ignoring"):
            yield Skipped(_listed(rest))
        elif kind.startswith(b"successfully"):
            yield Received(ACCEPTED)
        else:
            yield Received(_rejection(rest))


def _attempt(rest: bytes) -> Attempt | None:
    found = _ATTEMPT.match(rest)
    if found is None:
        return None
    is_done = found["ok"] == b"true"
    # Two processes write into one log: of a torn line any bytes are left.
    word = found["word"].decode("ascii", "replace")
    outcome = DELIVERED if is_done else _failure(word, int(found["code"]))
    return Attempt(outcome, _seconds(found["time"]))


def _failure(word: str, code: int) -> str:
    if word in CURL_WORDS:
        return CURL_WORDS[word]
    if word != "ok":
        return OTHER
    return {3: REDIRECT, 4: HTTP_4XX, 5: HTTP_5XX}.get(code // 100, OTHER)


def _seconds(text: bytes) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86400 else None


def _abandoned(rest: bytes) -> Abandoned:
    found = _FAILED_URLS.search(rest)
    return Abandoned(_listed(found["urls"]) if found else 1)


def _listed(text: bytes) -> int:
    """How many a list names; a line that was written for none was written for one all the same."""
    return max(1, sum(1 for one in text.split(b", ") if one.strip()))


def _rejection(rest: bytes) -> str:
    found = _CLASS.match(rest)
    return REJECTIONS.get(found[0].decode().rpartition("::")[2], OTHER) if found else OTHER
