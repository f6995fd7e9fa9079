"""Why a probe or a canary failed: a closed set, each with its words for people."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Fit for a metric's label: no text of a stranger ever gets in here."""

    BAD_URL = "bad_url"
    NAME_UNRESOLVED = "name_unresolved"
    NAME_TIMED_OUT = "name_timed_out"
    PRIVATE_ADDRESS = "private_address"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMED_OUT = "connect_timed_out"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_EXPIRED = "tls_expired"
    TLS_WRONG_NAME = "tls_wrong_name"
    TLS_FAILED = "tls_failed"
    TLS_TIMED_OUT = "tls_timed_out"
    ANSWER_TIMED_OUT = "answer_timed_out"
    CUT_SHORT = "cut_short"
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"
    REDIRECTED_ELSEWHERE = "redirected_elsewhere"
    REDIRECTED_TOO_OFTEN = "redirected_too_often"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"
    NOT_JSON = "not_json"
    NO_KNOWN_NODEINFO = "no_known_nodeinfo"
    NO_SOFTWARE = "no_software"
    NO_ASSET = "no_asset"
    EMPTY = "empty"
    # The canary's own.
    TOKEN_REJECTED = "token_rejected"
    POST_REJECTED = "post_rejected"
    LATE = "late"
    NOT_ARRIVED = "not_arrived"
    RETRACTION_REJECTED = "retraction_rejected"
    RETRACTION_STUCK = "retraction_stuck"
    # About ourselves, not about whom we looked at.
    NO_ROUTE = "no_route"
    PROBE_BROKE = "probe_broke"


WORDS: dict[Reason, str] = {
    Reason.BAD_URL: "this is no address of a pod",
    Reason.NAME_UNRESOLVED: "the name does not resolve",
    Reason.NAME_TIMED_OUT: "the name servers did not answer in time",
    Reason.PRIVATE_ADDRESS: "the name leads to a private or local address",
    Reason.REFUSED: "the connection was refused: nothing listens there",
    Reason.UNREACHABLE: "there is no way to that address",
    Reason.CONNECT_TIMED_OUT: "nothing answered to the connection in time",
    Reason.TLS_UNTRUSTED: "the certificate comes from nobody we trust",
    Reason.TLS_EXPIRED: "the certificate is expired or not yet valid",
    Reason.TLS_WRONG_NAME: "the certificate is for another name",
    Reason.TLS_FAILED: "no TLS connection could be agreed on",
    Reason.TLS_TIMED_OUT: "the TLS handshake did not end in time",
    Reason.ANSWER_TIMED_OUT: "the answer did not come, or not to its end, in time",
    Reason.CUT_SHORT: "the connection ended in the middle of the answer",
    Reason.NOT_HTTP: "what answered does not speak HTTP, or not as it should",
    Reason.TOO_LARGE: "the answer is larger than such an answer may be",
    Reason.REDIRECTED_ELSEWHERE: "it redirects or links to another host, port or scheme",
    Reason.REDIRECTED_TOO_OFTEN: "it redirects too often, perhaps in a circle",
    Reason.CLIENT_ERROR: "it answered with a 4xx status",
    Reason.SERVER_ERROR: "it answered with a 5xx status",
    Reason.UNEXPECTED_STATUS: "it answered with a status that makes no sense here",
    Reason.NOT_JSON: "the answer is not JSON",
    Reason.NO_KNOWN_NODEINFO: "it offers no NodeInfo of a version we know",
    Reason.NO_SOFTWARE: "its NodeInfo does not name its software",
    Reason.NO_ASSET: "the page names no style sheet and no script",
    Reason.EMPTY: "the answer is empty",
    Reason.TOKEN_REJECTED: "the pod does not accept the canary's token",
    Reason.POST_REJECTED: "the pod did not take the canary's post",
    Reason.LATE: "the post arrived, but late",
    Reason.NOT_ARRIVED: "the post did not arrive in time",
    Reason.RETRACTION_REJECTED: "the pod did not take the post back",
    Reason.RETRACTION_STUCK: "the post was taken back, but its copy stayed",
    Reason.NO_ROUTE: "the host that looks has itself no way to such addresses",
    Reason.PROBE_BROKE: "the probe itself broke: that is podfleet's fault, see the journal",
}


def words(reason: Reason | None) -> str:
    """The reason as a person reads it; None is no failure."""
    return "fine" if reason is None else WORDS[reason]
