"""What is kept of a program's last words: the message, not where Ruby was when it came."""

from __future__ import annotations

import pytest

from provision.operations.commands import without_backtrace

SAID = [
    (
        b"""rake aborted!
StandardError: An error has occurred, all later migrations canceled:

this migration breaks half way
/srv/pods/beta/releases/1/db/migrate/2030_break.rb:5:in `up'
/srv/pods/beta/releases/1/vendor/gems/activerecord-7.2.2/lib/active_record/x.rb:9:in 'migrate'

Caused by:
RuntimeError: this migration breaks half way
""",
        [
            "rake aborted!",
            "StandardError: An error has occurred, all later migrations canceled:",
            "this migration breaks half way",
            "Caused by:",
            "RuntimeError: this migration breaks half way",
        ],
    ),
    (
        b"""/srv/pods/alpha/releases/1/config/puma.rb:1:in `_load_from': not today (RuntimeError)
\tfrom /srv/pods/alpha/releases/1/vendor/gems/puma-6.6/lib/puma/dsl.rb:9:in `instance_eval'
""",
        ["/srv/pods/alpha/releases/1/config/puma.rb:1:in `_load_from': not today (RuntimeError)"],
    ),
    (b"", []),
]


@pytest.mark.parametrize(("said", "kept"), SAID)
def test_the_message_stays_and_the_backtrace_goes(said: bytes, kept: list[str]) -> None:
    assert without_backtrace(said) == kept
