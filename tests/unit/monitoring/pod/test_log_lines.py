"""Lines as real pods wrote them, and lines that mean to be taken for such."""

from __future__ import annotations

import pytest

from monitoring.pod.log_lines import (
    OUTCOMES,
    RECEPTIONS,
    Abandoned,
    Attempt,
    Event,
    Received,
    Skipped,
    events,
)

HEAD = "[2026-11-22T08:53:10] INFO  PID-2019 TID-50600 "
WRAPPER = "DiasporaFederation::Federation::Sender::HydraWrapper: "


def attempt(word: str, code: int, time: str, *, success: str = "false") -> str:
    """As 0.9.1.0 logged each of them; names are examples."""
    return (
        f"{HEAD}{WRAPPER}success={success} sender=2 obj=StatusMessage:10fc2720c880013f17393282d972 "
        f"url=https://beta.example.org/receive/public message={word} code={code} time={time}\n"
    )


def read(text: str) -> list[Event]:
    return list(events(text.encode()))


@pytest.mark.parametrize(
    ("line", "outcome", "seconds"),
    [
        (attempt("ok", 202, "0.013676", success="true"), "delivered", 0.013676),
        (attempt("couldnt_connect", 0, "0.000466"), "couldnt_connect", 0.000466),
        (attempt("operation_timedout", 0, "30.003079"), "operation_timedout", 30.003079),
        (attempt("couldnt_resolve_host", 0, "7.6e-05"), "couldnt_resolve_host", 7.6e-05),
        (attempt("peer_failed_verification", 0, "0.005"), "peer_failed_verification", 0.005),
        (attempt("ssl_cacert", 0, "0.005"), "peer_failed_verification", 0.005),
        (attempt("got_nothing", 0, "1"), "cut_short", 1.0),
        (attempt("ok", 502, "0.006713"), "http_5xx", 0.006713),
        (attempt("ok", 404, "0.1"), "http_4xx", 0.1),
        (attempt("ok", 301, "0.007821"), "redirect", 0.007821),
        (attempt("ok", 0, "0.1"), "other", 0.1),
        (attempt("a_word_of_tomorrow", 0, "0.1"), "other", 0.1),
        (attempt("ok", 202, "nan", success="true"), None, None),
        (attempt("ok", 202, "1e999", success="true"), "delivered", None),
    ],
)
def test_an_attempt(line: str, outcome: str | None, seconds: float | None) -> None:
    assert read(line) == ([] if outcome is None else [Attempt(outcome, seconds)])


def test_deliveries_given_up_or_not_tried() -> None:
    abandon = f"{HEAD}Workers::SendPublic: status=abandon sender=2 obj=StatusMessage:1 "
    urls = "https://a.example.org/receive/public, https://b.example.org/receive/public"
    assert read(f"{abandon}failed_urls='[{urls}]'\n") == [Abandoned(2)]
    assert read(f"{abandon}\n") == [Abandoned(1)]
    skip = f"{HEAD}Diaspora::Federation::Dispatcher::Public: ignoring inactive pods: "
    assert read(f"{skip}3:a.example.org, 4:b.example.org, 5:c.example.org\n") == [Skipped(3)]
    assert read(f"{skip}\n") == [Skipped(1)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("DiasporaFederation::Entities::Relayable::SignatureVerificationFailed", "signature"),
        ("DiasporaFederation::Salmon::InvalidSignature", "signature"),
        ("DiasporaFederation::Salmon::SenderKeyNotFound", "unknown_key"),
        ("DiasporaFederation::Federation::Receiver::InvalidSender", "sender"),
        ("DiasporaFederation::Federation::Receiver::NotPublic", "not_public"),
        ("DiasporaFederation::Entity::ValidationError", "invalid"),
        ("Diaspora::Federation::AuthorIgnored", "ignored"),
        # Newer or other releases say more behind the class.
        ("DiasporaFederation::Salmon::InvalidSignature: of somebody", "signature"),
        ("Something::New", "other"),
        ("", "other"),
    ],
)
def test_what_came_in_and_was_thrown_away(error: str, outcome: str) -> None:
    line = f"{HEAD}Workers::ReceivePublic: don't retry for error: {error}\n"
    assert read(line) == [Received(outcome)]


def test_what_came_in() -> None:
    line = f"{HEAD}DiasporaFederation::Federation::Receiver: successfully received Comment:1 from a"
    assert read(line + "\n") == [Received("accepted")]


@pytest.mark.parametrize(
    "line",
    [
        f'{HEAD}Rails:   Parameters: {{"text"=>"status=abandon {attempt("ok", 202, "1")[:-1]}"}}',
        f"{HEAD}User: somebody {WRAPPER}success=true message=ok code=202 time=1",
        "success=true sender=1 obj=a url=b message=ok code=202 time=1",
        f"{HEAD}Workers::ReceivePublic: DON'T RETRY FOR ERROR: A",
        f"{WRAPPER}success=true sender=1 obj=a url=b message=ok code=202 time=1",
        f"x{attempt('ok', 202, '1')}",
        f"{HEAD}{WRAPPER}success=perhaps message=ok code=202 time=1",
        "",
    ],
)
def test_what_others_write_into_a_log_is_no_event(line: str) -> None:
    assert read(line + "\n") == []


def test_lines_of_other_releases() -> None:
    """Without thread or process, another level, another width: the message is what counts."""
    said = "success=true sender=1 obj=a:b url=c message=ok code=202 time=0.5"
    for head in ("[2026-11-22T08:53:10] WARN  ", "[2026-11-22 08:53:10.123] DEBUG PID-1 TID-abc "):
        assert read(f"{head}{WRAPPER}{said}\n") == [Attempt("delivered", 0.5)]


def test_any_bytes_between_lines_are_no_trouble() -> None:
    good = attempt("ok", 202, "0.5", success="true").encode()
    for noise in (
        b"\x00" * 100_000,
        b"\xff\xfe\x80",
        b"[" * 50_000,
        b"[a] INFO " + b"PID-1 " * 9000,
    ):
        assert list(events(noise + b"\n" + good + noise)) == [Attempt("delivered", 0.5)]


def test_a_torn_line_takes_nothing_from_those_after_it() -> None:
    torn = attempt("couldnt_@connect", 0, "0.1").encode().replace(b"@", b"\xd3\x00")
    whole = attempt("couldnt_connect", 0, "0.1").encode()
    assert list(events(torn + whole)) == [Attempt("other", 0.1), Attempt("couldnt_connect", 0.1)]


def test_outcomes_are_a_closed_set() -> None:
    assert len(set(OUTCOMES)) == len(OUTCOMES) == 11
    assert len(set(RECEPTIONS)) == len(RECEPTIONS) == 9
