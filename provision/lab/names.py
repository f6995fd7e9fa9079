"""The lab's name server: its own names, the package mirrors, and nothing else of the world.

Only the lab's guests and its ACME server ask it; the controller's own names are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping

from provision.lab.network import GATEWAY, REFUSING, Network

# Public names that guests may look up: where packages come from (a pod may be built on its host).
PACKAGE_DOMAINS = (
    "debian.org", "rubygems.org", "npmjs.org", "yarnpkg.com", "nodejs.org", "github.com",
    "githubusercontent.com",
)  # fmt: skip

# Services that diaspora* calls by itself: they resolve, and refuse, as if they were down.
REFUSING_NAMES = ("pubsubhubbub.appspot.com",)

ACME_NAME = "acme.lab.test"


def dnsmasq_argv(network: Network, names: Mapping[str, int]) -> list[str]:
    """dnsmasq's command line; `names` gives the guest's number for each name."""
    return [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-",
        "--pid-file=", "--user=root", "--group=root", "--no-hosts", "--bind-interfaces",
        *(f"--listen-address={address}" for address in network.addresses(GATEWAY)),
        f"--host-record={ACME_NAME},{','.join(network.addresses(GATEWAY))}",
        *(f"--host-record={n},{','.join(network.addresses(i))}" for n, i in sorted(names.items())),
        *(f"--address=/{n}/{address}" for n in REFUSING_NAMES
          for address in network.addresses(REFUSING)),
        *(f"--server=/{domain}/#" for domain in PACKAGE_DOMAINS),
        "--address=/#/",
    ]  # fmt: skip
