"""Peers, as rows of the pod's table and as the URLs of deliveries: names, reasons, and how many."""

from __future__ import annotations

import pytest

from monitoring.metrics import PEER_CONTACTS, PEER_CUT_OFF_AT, PEERS
from monitoring.pod import peers_table
from monitoring.pod.authority import authority_of, peer_of
from monitoring.pod.peers_table import peer_samples, row_of
from monitoring.pod.upstream_reasons import reason_of
from monitoring.reasons import Reason

SINCE = 1795337593.0


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://one.example.org/receive/public", "one.example.org"),
        ("https://One.Example.ORG:443/x", "one.example.org"),
        ("http://one.example.org:80/x", "one.example.org"),
        ("http://one.example.org:443/x", "one.example.org:443"),
        ("https://one.example.org:8443", "one.example.org:8443"),
        ("https://user:word@one.example.org/x", "one.example.org"),
        ("https://[2001:db8::1]:8443/x", "[2001:db8::1]:8443"),
        ("https://[2001:db8::1]/x", "[2001:db8::1]"),
        ("HTTPS://one.example.org./x", "one.example.org"),
        ("ftp://one.example.org/", None),
        ("https:///x", None),
        ("one.example.org", None),
        ("", None),
    ],
)
def test_whom_a_url_leads_to(url: str, authority: str | None) -> None:
    assert authority_of(url) == authority


@pytest.mark.parametrize("port", [-1, 0, 443, None])
def test_the_usual_port_is_not_said(port: int | None) -> None:
    assert peer_of("one.example.org", port, is_tls=True).url == "https://one.example.org"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("FederationError: couldnt_connect", Reason.REFUSED),
        ("FederationError: operation_timedout", Reason.ANSWER_TIMED_OUT),
        ("FederationError: couldnt_resolve_host", Reason.NAME_UNRESOLVED),
        ("FederationError: peer_failed_verification", Reason.TLS_UNTRUSTED),
        ("FederationError: ssl_connect_error", Reason.TLS_FAILED),
        ("FederationError: HTTP status code was: 502", Reason.SERVER_ERROR),
        ("FederationError: HTTP status code was: 404", Reason.CLIENT_ERROR),
        ("FederationError: HTTP status code was: 301", Reason.UNEXPECTED_STATUS),
        ("FederationError: got_nothing", Reason.CUT_SHORT),
        ("HTTPFailure: redirected to other hostname: x", Reason.REDIRECTED_ELSEWHERE),
        ("HTTPFailure: redirected to other hostname: https://openssl.org/",
         Reason.REDIRECTED_ELSEWHERE),
        ("ConnectionTester::HTTPFailure: Faraday::FollowRedirects::RedirectLimitReached: "
         "too many redirects; last one to: https://x/", Reason.REDIRECTED_TOO_OFTEN),
        ("ConnectionTester::HTTPFailure: Faraday::ResourceNotFound: the server responded with "
         "status 404", Reason.CLIENT_ERROR),
        ("ConnectionTester::SSLFailure: certificate has expired", Reason.TLS_EXPIRED),
        ("ConnectionTester::NetFailure: Net::OpenTimeout", Reason.CONNECT_TIMED_OUT),
        ("ConnectionTester::NodeInfoFailure: unexpected token at '<html>'", Reason.NOT_JSON),
        ("ConnectionTester::NodeInfoFailure: JSON::Schema::ValidationError: The property '#/usage'",
         Reason.NO_KNOWN_NODEINFO),
        ("ConnectionTester::NodeInfoFailure: No supported NodeInfo version found",
         Reason.NO_KNOWN_NODEINFO),
        ("something else", None),
        ("x" * 1_000_000 + " couldnt_connect", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_the_words_of_upstream_tell(error: str, reason: Reason | None) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Couldn't resolve host name", Reason.NAME_UNRESOLVED),
        ("Could not resolve hostname", Reason.NAME_UNRESOLVED),
        ("Couldn't connect to server", Reason.REFUSED),
        ("Could not connect to server", Reason.REFUSED),
        ("request timed out", Reason.ANSWER_TIMED_OUT),
        ("Timeout was reached", Reason.ANSWER_TIMED_OUT),
        ("SSL peer certificate or SSH remote key was not OK", Reason.TLS_UNTRUSTED),
        ("Peer certificate cannot be authenticated with given CA certificates",
         Reason.TLS_UNTRUSTED),
        ("SSL connect error", Reason.TLS_FAILED),
        ("Couldn't use specified SSL cipher", Reason.TLS_FAILED),
        ("Server returned nothing (no headers, no data)", Reason.CUT_SHORT),
        ("Failure when receiving data from the peer", Reason.CUT_SHORT),
        ("Failed sending data to the peer", Reason.CUT_SHORT),
        ("Transferred a partial file", Reason.CUT_SHORT),
        ("Error in the HTTP2 framing layer", Reason.CUT_SHORT),
        ("Stream error in the HTTP/2 framing layer", Reason.CUT_SHORT),
        ("Weird server reply", Reason.NOT_HTTP),
        ("Number of redirects hit maximum amount", Reason.REDIRECTED_TOO_OFTEN),
        ("URL using bad/illegal format or missing URL", Reason.BAD_URL),
    ],
)  # fmt: skip
def test_what_upstream_writes_of_its_own_test_of_a_peer(sentence: str, reason: Reason) -> None:
    """Its Faraday speaks through Typhoeus: the error is curl's sentence, whatever the status."""
    error = f"ConnectionTester::NetFailure: {sentence}"
    row = row_of(("one.example.org", -1, True, 3, error, None), 0)
    assert (row.status, row.reason) == ("net_failed", reason.value)


@pytest.mark.parametrize(
    ("number", "error", "status", "reason"),
    [
        (1, "FederationError: couldnt_connect", "no_errors", "none"),
        (0, None, "unchecked", "none"),
        (2, None, "dns_failed", "name_unresolved"),
        (4, "?", "ssl_failed", "tls_failed"),
        (5, "?", "http_failed", "unknown"),
        (7, None, "unknown_error", "unknown"),
        (8, None, "unknown", "unknown"),
        (-1, None, "unknown", "unknown"),
        (None, None, "unknown", "unknown"),
    ],
)
def test_status_and_reason(number: object, error: object, status: str, reason: str) -> None:
    row = row_of(("one.example.org", -1, True, number, error, None), 0)
    assert (row.status, row.reason) == (status, reason)


def test_more_peers_than_are_named_are_one_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_table, "MOST_PEERS", 3)
    rows = [row_of((f"p{n}", -1, True, 3, None, SINCE), contacts=n) for n in range(10)]
    said = list(peer_samples("alpha", rows, has_contacts=True))
    assert {labels[1]: value for metric, labels, value in said if metric is PEER_CONTACTS} == {
        "p9": 9, "p8": 8, "p7": 7, "other": sum(range(7))
    }  # fmt: skip
    assert [labels[1] for metric, labels, _ in said if metric is PEER_CUT_OFF_AT] == [
        "p9", "p8", "p7"
    ]  # fmt: skip
    assert [value for metric, _, value in said if metric is PEERS] == [10]


def test_a_peer_that_stands_there_twice_is_one() -> None:
    rows = [
        row_of(("one.example.org", -1, True, 1, None, None), contacts=2),
        row_of(("ONE.example.org", 443, True, 3, None, SINCE), contacts=3),
        row_of(("", -1, True, 3, None, SINCE), contacts=0),
    ]
    said = [each for each in peer_samples("alpha", rows, has_contacts=True) if each[0] is not PEERS]
    assert said == [(PEER_CONTACTS, ("alpha", "one.example.org"), 5)]
