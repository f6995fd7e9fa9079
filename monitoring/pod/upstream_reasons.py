"""diaspora*'s own words for why a peer was not reached, as a member of a closed set.

Its table of pods holds the text of an exception, its log the name of a curl error: both may quote
a stranger, so that neither ever gets into a label.
"""

from __future__ import annotations

import re

from monitoring.reasons import Reason

# What is in the text, the first that fits; curl's names are those of deliveries.
_WORDS: tuple[tuple[str, Reason], ...] = (
    (r"couldnt_resolve_host|DNSFailure|getaddrinfo|name or service", Reason.NAME_UNRESOLVED),
    (r"certificate has expired|certificate is not yet valid", Reason.TLS_EXPIRED),
    (r"hostname .*does not match|no alternative certificate", Reason.TLS_WRONG_NAME),
    (r"peer_failed_verification|ssl_cacert|certificate verify failed", Reason.TLS_UNTRUSTED),
    (r"ssl_|SSLFailure|SSL_connect|OpenSSL", Reason.TLS_FAILED),
    (r"no route to host|network is unreachable", Reason.UNREACHABLE),
    (r"couldnt_connect|connection refused|ECONNREFUSED", Reason.REFUSED),
    (r"open_?timeout|connect timed out|connection timed out", Reason.CONNECT_TIMED_OUT),
    (r"operation_timedout|time(d[ _]?)?out|execution expired", Reason.ANSWER_TIMED_OUT),
    (r"too_many_redirects|redirect limit", Reason.REDIRECTED_TOO_OFTEN),
    (r"redirected to other hostname", Reason.REDIRECTED_ELSEWHERE),
    (r"got_nothing|recv_error|send_error|partial_file|end of file|reset by peer", Reason.CUT_SHORT),
    (r"weird_server_reply|unsupported_protocol", Reason.NOT_HTTP),
    (r"url_malformat|bad_url|invalid uri", Reason.BAD_URL),
    (r"json|unexpected token", Reason.NOT_JSON),
    (r"nodeinfo|no supported rel|NoMatchingRel", Reason.NO_KNOWN_NODEINFO),
)
_RULES = tuple((re.compile(words, re.IGNORECASE), reason) for words, reason in _WORDS)
_STATUS = re.compile(r"(?:HTTP status code was:?|unsuccessful response code:?|status) *(\d{3})\b")
# Only the beginning is looked at: the rest may be as long as a stranger likes.
_LONGEST = 300


def reason_of(text: str) -> Reason | None:
    """The reason that a text tells of; None where it tells of none that we know."""
    text = text[:_LONGEST]
    if status := _STATUS.search(text):
        return reason_of_status(int(status[1]))
    return next((reason for words, reason in _RULES if words.search(text)), None)


def reason_of_status(status: int) -> Reason:
    """Why an HTTP status that is not 2xx is no success."""
    if 400 <= status < 500:
        return Reason.CLIENT_ERROR
    return Reason.SERVER_ERROR if 500 <= status < 600 else Reason.UNEXPECTED_STATUS
