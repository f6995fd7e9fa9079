"""The Debian packages the lab needs on the controller, each with its reason."""

from __future__ import annotations

DEBIAN_PACKAGES: dict[str, str] = {
    "systemd-container": "boots the lab's guests (systemd-nspawn)",
    "debootstrap": "makes the guests' Debian",
    "dnsmasq-base": "answers for the lab's names",
    "pebble": "issues the lab's certificates (an ACME server for tests)",
    "nftables": "lets the guests reach package mirrors",
    "iproute2": "makes the lab's bridge",
    "e2fsprogs": "makes the guests' disks",
    "openssh-client": "reaches the guests",
    "openssl": "makes the key of the ACME server's own address",
}
