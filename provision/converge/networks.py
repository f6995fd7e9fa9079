"""Addresses that are nobody's on the Internet: what a pod may not fetch for its users."""

from __future__ import annotations

# RFC 6890 and its successors, loopback aside (the firewall has rules of its own for that).
PRIVATE4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
)
# NAT64's well-known prefix is left out: it may not stand for private addresses (RFC 6052), and a
# host with IPv6 alone reaches the rest of the world through it.
PRIVATE6 = (
    "64:ff9b:1::/48",
    "100::/64",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
