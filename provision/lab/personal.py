"""What makes a guest that guest: its name, addresses, keys, and the lab's authorities."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from provision.errors import Refusal
from provision.hosts.connection import Connection
from provision.lab.acme import Acme
from provision.lab.commands import call
from provision.lab.names import ACME_NAME
from provision.lab.network import GATEWAY, Network

# Below this name every guest trusts the lab's authorities, as a real server trusts public ones.
AUTHORITIES = PurePosixPath("/usr/local/share/ca-certificates")

# An ACME server that started anew has forgotten every account: a guest that has one registers
# again, and its certificates are renewed by whatever account there is. Arguments: directory URL.
_TRUST = """
set -eu
update-ca-certificates >/dev/null
[ -d /etc/letsencrypt/accounts ] || exit 0
rm -rf /etc/letsencrypt/accounts
find /etc/letsencrypt/renewal -name '*.conf' -exec sed -i '/^account = /d' {} +
certbot register --quiet --non-interactive --agree-tos --register-unsafely-without-email \\
    --server "$1"
"""

_NETWORK = """[Match]
Name=host0

[Network]
Address={address}/24
Address={address6}/64
Gateway={gateway}
Gateway={gateway6}
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
IPv6DuplicateAddressDetection=0
ConfigureWithoutCarrier=yes
IgnoreCarrierLoss=yes
"""


@dataclass(frozen=True)
class Person:
    """One guest as its network and its SSH clients know it."""

    name: str
    number: int
    network: Network
    proxy: str
    authorized_key: str
    host_key: Path

    def write(self, root: Path) -> None:
        """Writes all of it below the root of what will lie over the guest's image."""
        net, number = self.network, self.number
        gateway, gateway6 = net.addresses(GATEWAY)
        address, address6 = net.addresses(number)
        files = {
            "etc/hostname": f"{self.name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n",
            "etc/machine-id": f"{uuid.uuid4().hex}\n",
            "etc/resolv.conf": f"nameserver {gateway}\n",
            "etc/apt/apt.conf.d/01podfleet-lab": f'Acquire::http::Proxy "{self.proxy}";\n',
            "etc/systemd/network/10-podfleet-lab.network": _NETWORK.format(
                address=address, address6=address6, gateway=gateway, gateway6=gateway6
            ),
        }
        for path, content in files.items():
            # Directories count for the whole guest: they keep the modes that Debian gives them.
            (root / path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            (root / path).write_text(content)
        self._write_keys(root)

    def _write_keys(self, root: Path) -> None:
        home = root / "root/.ssh"
        for directory in (home.parent, home):
            directory.mkdir(mode=0o700)
        (root / "etc/ssh").mkdir(mode=0o755)
        (home / "authorized_keys").write_text(self.authorized_key)
        (home / "authorized_keys").chmod(0o600)
        shutil.copy(self.host_key, root / "etc/ssh/ssh_host_ed25519_key")
        public = self.host_key.with_suffix(".pub")
        shutil.copy(public, root / "etc/ssh/ssh_host_ed25519_key.pub")


def make_key(path: Path, comment: str) -> str:
    """An SSH key pair, made where missing; returns its public half."""
    if not path.exists():
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        call(argv)
    return path.with_suffix(".pub").read_text()


def trust(connection: Connection, root: Path, acme: Acme) -> None:
    """Makes a running guest trust the lab's authorities; one look when it does already."""
    missing = {
        AUTHORITIES / f"{name}.crt": file
        for name, file in acme.authorities().items()
        if not _is_copy(root / str(AUTHORITIES).lstrip("/") / f"{name}.crt", file)
    }
    if missing:
        _check_names(connection, acme.network)
        for target, file in missing.items():
            connection.send_file(file, target, 0o644)
        connection.run(["sh", "-c", _TRUST, "trust", acme.url])


def _is_copy(copy: Path, original: Path) -> bool:
    return copy.exists() and copy.read_bytes() == original.read_bytes()


def _check_names(connection: Connection, network: Network) -> None:
    """Where this machine has a firewall of its own, it may keep guests from the name server."""
    if connection.run(["getent", "hosts", ACME_NAME], check=False).returncode != 0:
        raise Refusal(
            f"lab host {connection.name}",
            f"gets no answer from this machine's name server on {network.bridge}",
            f"Let this machine's firewall accept what comes in on {network.bridge}.",
        )
