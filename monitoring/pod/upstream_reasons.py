"""diaspora*'s own words for why a peer was not reached, as a member of a closed set.

Its table of pods holds the text of an exception, its log the name of a curl error: both may quote
a stranger, so that neither ever gets into a label.
"""

from __future__ import annotations

import re

from monitoring.reasons import Reason

# What is in the text, the first that fits: deliveries leave curl's names, diaspora*'s own test of a
# peer curl's sentences, which have changed over the years. Redirects come first, as their text
# ends with a stranger's URL.
_WORDS: tuple[tuple[str, Reason], ...] = (
    (r"redirected to other hostname", Reason.REDIRECTED_ELSEWHERE),
    (
        r"too[_ ]many[_ ]redirects|redirect ?limit|number of redirects hit",
        Reason.REDIRECTED_TOO_OFTEN,
    ),
    (
        r"couldnt_resolve_host|could(n't| not) resolve|DNSFailure|getaddrinfo|name or service",
        Reason.NAME_UNRESOLVED,
    ),
    (r"certificate has expired|certificate is not yet valid", Reason.TLS_EXPIRED),
    (r"hostname .*does not match|no alternative certificate", Reason.TLS_WRONG_NAME),
    (
        r"peer_failed_verification|ssl_cacert|certificate verify failed|SSL peer certificate|"
        r"peer certificate cannot be",
        Reason.TLS_UNTRUSTED,
    ),
    (
        r"ssl_|SSL (connect error|cipher|CA cert|level)|SSLFailure|SSL_connect|OpenSSL",
        Reason.TLS_FAILED,
    ),
    (r"no route to host|network is unreachable", Reason.UNREACHABLE),
    (r"couldn'?t[_ ]connect|could not connect|connection refused|ECONNREFUSED", Reason.REFUSED),
    (r"open_?timeout|connect timed out|connection timed out", Reason.CONNECT_TIMED_OUT),
    (r"operation_timedout|time(d[ _]?)?out|execution expired", Reason.ANSWER_TIMED_OUT),
    (
        r"got_nothing|recv_error|send_error|partial[_ ]file|end of file|reset by peer|"
        r"returned nothing|receiving data from|sending data to|HTTP/?2 framing",
        Reason.CUT_SHORT,
    ),
    (r"weird[_ ]server[_ ]reply|unsupported[_ ]protocol", Reason.NOT_HTTP),
    (r"url_malformat|bad_url|invalid uri|bad/illegal format", Reason.BAD_URL),
    # JSON, but not as the schema of NodeInfo has it.
    (r"JSON::Schema", Reason.NO_KNOWN_NODEINFO),
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
