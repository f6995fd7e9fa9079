"""What is in flight, read from a real listing of `ss`."""

from __future__ import annotations

import pytest

from provision.operations.holding import count_connections

WEB = "/srv/pods/alpha/releases/1.0.0.0-0123abcd/tmp/web.sock"
LISTING = f"""\
u_seq LISTEN 0      4096                          /run/udev/control 3941 * 0
u_str LISTEN 3      4096 {WEB} 8888 * 0
u_str ESTAB  0      0    {WEB} 9001 * 9002
u_str ESTAB  512    0    {WEB} 9003 * 9004
u_str ESTAB  0      0                                             * 9002 * 9001
u_str UNCONN 0      0    {WEB} 9005 * 0
u_str ESTAB  0      0    {WEB}.other 9101 * 9102
u_dgr UNCONN 0      0                      /run/systemd/notify 3925 * 0
"""


@pytest.mark.parametrize(
    ("listing", "path", "count"),
    [
        # Two that were accepted, three that still wait to be.
        (LISTING, WEB, 5),
        (LISTING, f"{WEB}.other", 1),
        (LISTING, "/srv/pods/alpha/hold.sock", 0),
        ("", WEB, 0),
        ("u_str\n", WEB, 0),
    ],
)
def test_what_is_in_flight(listing: str, path: str, count: int) -> None:
    assert count_connections(listing, path) == count
