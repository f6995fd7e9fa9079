"""The lab's ACME server (pebble, from Debian): real certificates of an authority of its own.

pebble makes a new authority and forgets all accounts at every start: so it lives as long as the
lab, and its root is fetched anew each time it was started.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from provision.errors import Refusal
from provision.lab.commands import call
from provision.lab.names import ACME_NAME
from provision.lab.network import GATEWAY, Network

ACME_PORT, MANAGEMENT_PORT = 14000, 15000
WAIT_SECONDS = 10

# No chance: validation at once, and no nonce refused to see whether clients try again.
ENVIRONMENT = {
    "PEBBLE_VA_NOSLEEP": "1",
    "PEBBLE_WFE_NONCEREJECT": "0",
    "PEBBLE_AUTHZREUSE": "0",
}


@dataclass(frozen=True)
class Acme:
    """pebble's files below one private directory."""

    directory: Path
    network: Network

    @property
    def url(self) -> str:
        """The directory, as guests see it."""
        return f"https://{ACME_NAME}:{ACME_PORT}/dir"

    @property
    def transport_authority(self) -> Path:
        """Vouches for the ACME server's own address."""
        return self.directory / "transport.crt"

    @property
    def roots(self) -> Path:
        """What vouches for the certificates it issues: one file for each start of pebble."""
        return self.directory / "roots"

    def authorities(self) -> dict[str, Path]:
        """Every certificate that guests have to trust, by a name to install it under."""
        found = {f"podfleet-lab-{root.stem}": root for root in sorted(self.roots.glob("*.crt"))}
        return {"podfleet-lab-transport": self.transport_authority, **found}

    @property
    def bundle(self) -> Path:
        """Both, for a client outside the guests."""
        return self.directory / "ca.pem"

    def prepare(self) -> list[str]:
        """Writes what pebble needs, once, and returns its command line."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if not self.transport_authority.exists():
            self._make_transport_certificate()
        config = self.directory / "pebble.json"
        config.write_text(json.dumps({"pebble": self._config()}))
        resolver = f"{self.network.address(GATEWAY)}:53"
        return ["pebble", "-config", str(config), "-dnsserver", resolver]

    def _config(self) -> dict[str, object]:
        gateway = self.network.address(GATEWAY)
        return {
            "listenAddress": f"{gateway}:{ACME_PORT}",
            "managementListenAddress": f"{gateway}:{MANAGEMENT_PORT}",
            "certificate": str(self.transport_authority),
            "privateKey": str(self.directory / "transport.key"),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }

    def _make_transport_certificate(self) -> None:
        names = f"subjectAltName=DNS:{ACME_NAME},IP:{self.network.address(GATEWAY)}"
        call([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "3650", "-subj", "/CN=podfleet lab ACME transport",
            "-addext", names, "-addext", "basicConstraints=critical,CA:TRUE",
            "-keyout", str(self.directory / "transport.key"),
            "-out", str(self.transport_authority),
        ])  # fmt: skip

    def fetch_root(self) -> None:
        """Waits for pebble to answer, and keeps its authority's certificate."""
        context = ssl.create_default_context(cafile=str(self.transport_authority))
        url = f"https://{self.network.address(GATEWAY)}:{MANAGEMENT_PORT}/roots/0"
        # The lab is on this machine: a proxy for the outside has no part in it.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with opener.open(url, timeout=5) as answer:
                    pem = answer.read().decode()
                break
            except urllib.error.URLError as error:
                if time.monotonic() > deadline:
                    log = self.directory.parent / "log" / "pebble.log"
                    raise Refusal("lab ACME server", str(error), f"Read {log}.") from error
                time.sleep(0.05)
        self.roots.mkdir(exist_ok=True)
        name = hashlib.sha256(pem.encode()).hexdigest()[:12]
        (self.roots / f"root-{name}.crt").write_text(pem)
        # The earlier ones stay: certificates that they vouch for are still in use.
        self.bundle.write_text("".join(f.read_text() for f in self.authorities().values()))
