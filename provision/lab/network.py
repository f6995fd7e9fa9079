"""A lab's own bridge and subnets (v4 and v6), and its packet rules; nothing else is touched.

Guests reach one another and, masqueraded, the package mirrors; which public names there are is
up to names.py. One address of the subnet refuses everything: public services resolve to it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.lab import foreign_firewall
from provision.lab.commands import call

# Labs take a /24 each from here; what any route or address of the machine covers is passed over.
POOL = "10.64.0.0/10"

# A guest's number is the last part of its address; 1 is the controller.
GATEWAY, REFUSING, FIRST_GUEST, LAST_GUEST = 1, 254, 10, 250

_RULES = """
table inet {table}
delete table inet {table}
table inet {table} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        ip saddr {v4} oifname != "{bridge}" masquerade
        ip6 saddr {v6} oifname != "{bridge}" masquerade
    }}
    chain input {{
        type filter hook input priority filter - 10;
        ip daddr {refusing4} meta l4proto tcp reject with tcp reset
        ip6 daddr {refusing6} meta l4proto tcp reject with tcp reset
    }}
}}
"""


@dataclass(frozen=True)
class Network:
    """One lab's network; `key` names it on this machine."""

    key: str
    v4: str
    v6: str

    @classmethod
    def choose(cls, key: str) -> Network:
        """A network that nothing on this machine overlaps. Call it with the machine's lab lock."""
        taken = list(_taken())
        for subnet in _candidates(key):
            if not any(subnet.overlaps(other) for other in taken):
                digest = hashlib.sha256(key.encode()).hexdigest()
                v6 = f"fd{digest[:2]}:{digest[2:6]}:{digest[6:10]}::/64"
                return cls(key, str(subnet), str(ipaddress.ip_network(v6)))
        raise Refusal("lab", f"no free subnet is left in {POOL}", "Take another lab down.")

    def record(self) -> dict[str, str]:
        return asdict(self)

    @property
    def bridge(self) -> str:
        return f"pfl-{self.key}"

    @property
    def table(self) -> str:
        return f"podfleet_lab_{self.key}"

    def address(self, number: int) -> str:
        return str(ipaddress.ip_network(self.v4)[number])

    def address6(self, number: int) -> str:
        return str(ipaddress.ip_network(self.v6)[number])

    def addresses(self, number: int) -> tuple[str, str]:
        return self.address(number), self.address6(number)

    def up(self) -> None:
        """Makes bridge and rules; what is there already stays as it is."""
        if not self.is_up():
            call(["ip", "link", "add", self.bridge, "type", "bridge"])
        for number in (GATEWAY, REFUSING):
            call(["ip", "addr", "replace", f"{self.address(number)}/24", "dev", self.bridge])
            address6 = f"{self.address6(number)}/64"
            # Deprecated, the refusing one is never this machine's own source: it would refuse
            # the guests' answers.
            life = ["preferred_lft", "0"] if number == REFUSING else []
            call(["ip", "-6", "addr", "replace", address6, "dev", self.bridge, *life, "nodad"])
        call(["ip", "link", "set", self.bridge, "up"])
        call(["nft", "-f", "-"], stdin=self._rules())
        foreign_firewall.open_for(self.bridge)
        for forwarding in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path("/proc/sys/net", forwarding).write_text("1\n")

    def _rules(self) -> str:
        refusing4, refusing6 = self.addresses(REFUSING)
        return _RULES.format(
            table=self.table, bridge=self.bridge, v4=self.v4, v6=self.v6,
            refusing4=refusing4, refusing6=refusing6,
        )  # fmt: skip

    def is_up(self) -> bool:
        return Path("/sys/class/net", self.bridge).exists()

    def down(self) -> None:
        """Removes bridge and rules."""
        foreign_firewall.close_for(self.bridge)
        if self.is_up():
            call(["ip", "link", "delete", self.bridge])
        call(["nft", "-f", "-"], stdin=f"table inet {self.table}\ndelete table inet {self.table}\n")

    def cut(self, interface: str) -> None:
        """Takes a guest's link off the bridge: packets vanish, the guest's carrier stays."""
        call(["ip", "link", "set", interface, "nomaster"])

    def heal(self, interface: str) -> None:
        """Puts a guest's link back on the bridge."""
        call(["ip", "link", "set", interface, "master", self.bridge])

    def is_cut(self, interface: str) -> bool:
        master = Path("/sys/class/net", interface, "master")
        return not master.exists() or master.resolve().name != self.bridge


def _candidates(key: str) -> Iterator[ipaddress.IPv4Network]:
    """The pool's subnets, each lab starting from another, so that labs seldom meet."""
    subnets = list(ipaddress.IPv4Network(POOL).subnets(new_prefix=24))
    start = int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(subnets)
    yield from subnets[start:] + subnets[:start]


def _taken() -> Iterator[ipaddress.IPv4Network]:
    for route in json.loads(call(["ip", "-j", "-4", "route", "show", "table", "all"])):
        if route["dst"] != "default":
            yield ipaddress.IPv4Network(route["dst"], strict=False)
