"""What ssh says, beside what podfleet makes of it: the words of OpenSSH 9.2 and 10.0."""

from __future__ import annotations

import pytest

from provision.hosts.ssh_errors import explain, is_ssh_failure

CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Offending ED25519 key in /srv/fleets/my fleet/known_hosts:3
Host key for vps has changed and you have requested strict checking.
Host key verification failed."""

CASES = [
    ("ops@203.0.113.5: Permission denied (publickey).", "refuses to let", "authorized_keys"),
    ("ssh: connect to host 203.0.113.5 port 22: Connection refused", "refuses connections",
     "SSH server listens"),
    ("ssh: Could not resolve hostname nosuch: Name or service not known", "does not resolve",
     "DNS record"),
    ("ssh: connect to host 203.0.113.5 port 22: Connection timed out", "is unreachable", "port 22"),
    ("ssh: connect to host 203.0.113.5 port 22: No route to host", "is unreachable", "port 22"),
    ("Timeout, server 203.0.113.5 not responding.", "is unreachable", "port 22"),
    ("kex_exchange_identification: read: Connection reset by peer", "broke", "still runs"),
    ("client_loop: send disconnect: Broken pipe", "broke", "still runs"),
    ("mux_client_request_session: read from master failed: Broken pipe", "broke", "still runs"),
    ("No ED25519 host key is known for vps and you have requested strict checking.\n"
     "Host key verification failed.", "not pinned", "console"),
    (CHANGED, "pinned in /srv/fleets/my fleet/known_hosts:3",
     "delete line 3 of /srv/fleets/my fleet/known_hosts"),
    ("something new", "SSH to ops@203.0.113.5 failed: something new", "by hand"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "what", "do"), CASES)
def test_complaint_is_explained(words: str, what: str, do: str) -> None:
    refusal = explain("vps", "ops@203.0.113.5", words)
    assert refusal.where == "host vps"
    assert what in refusal.what
    assert do in refusal.do


@pytest.mark.parametrize("words", [case[0] for case in CASES[:-1]])
def test_ssh_s_own_words_are_known_as_such(words: str) -> None:
    assert is_ssh_failure(words)


@pytest.mark.parametrize("words", ["", "rake aborted!", "exit status 255"])
def test_a_command_s_words_are_not_taken_for_ssh_s(words: str) -> None:
    assert not is_ssh_failure(words)
