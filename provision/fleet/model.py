"""The fleet as podfleet knows it once the fleet file is loaded: frozen, complete, checked.

Fields are what the file may say (its tables carry the same names); properties follow from them.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
UPSTREAM = "https://github.com/diaspora/diaspora.git"
# The source that stands for provision/lab/rehearsal_pod instead of a Git URL.
REHEARSAL = "rehearsal"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}$")]
Network = IPv4Network | IPv6Network


class Table(BaseModel):
    """One table of the fleet file: nothing in it is unknown, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Host(Table):
    """A server."""

    name: Name
    provider: Literal["ssh", "lab"] = "ssh"
    address: IPv4Address | None = None
    address6: IPv6Address | None = None
    ssh_user: str = "root"
    ssh_port: Annotated[int, Field(ge=1, le=65535)] = 22
    ssh_identity: Path | None = None
    # Bytes; declared, because a container shows its machine's memory (DESIGN, The lab).
    memory: Annotated[int, Field(ge=768 * 1024**2)]
    # Private networks that the host's pods may reach (none, unless the fleet file lists them).
    reachable_networks: tuple[Network, ...] = ()


class Admin(Table):
    """The pod's first administrator; the password is made by podfleet and kept in the vault."""

    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,32}$")]
    email: str


class Source(Table):
    """Where a release's code comes from."""

    url: str = UPSTREAM
    # Git tag; `v<release>` unless stated.
    tag: str | None = None


class Pod(Table):
    """One diaspora* instance."""

    name: Name
    domain: str
    host: Name
    release: str
    admin: Admin
    source: Source = Source()
    # Directory beside the fleet file: images, views, terms that go into the release.
    customisations: Path | None = None
    # File beside the fleet file, included into the pod's nginx server block.
    nginx_include: Path | None = None
    puma_threads: Annotated[int, Field(ge=1, le=32)] | None = None
    sidekiq_concurrency: Annotated[int, Field(ge=1, le=50)] | None = None
    # diaspora.toml's own tables, passed through: environment, server, privacy, settings, mail, …
    diaspora: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"https://{self.domain}"

    @property
    def tag(self) -> str:
        return self.source.tag or f"v{self.release}"


class Acme(Table):
    """Who issues the certificates."""

    directory: str = LETS_ENCRYPT
    contact: str


class Fleet(Table):
    """All that one fleet file declares."""

    name: str
    # The directory of the fleet file: vault, known hosts, launched pods and customisations.
    directory: Path
    acme: Acme
    hosts: dict[Name, Host]
    pods: dict[Name, Pod]
    # The pod that is upgraded first; the first one of the file unless stated.
    lead_pod: Name | None = None

    @property
    def file(self) -> Path:
        return self.directory / "fleet.toml"

    def pods_on(self, host: str) -> tuple[Pod, ...]:
        """The pods of one host, in the file's order."""
        return tuple(pod for pod in self.pods.values() if pod.host == host)

    def partners_of(self, pod: str) -> tuple[Pod, ...]:
        """The other pods of the fleet: those that the pod's canary flies to."""
        return tuple(other for other in self.pods.values() if other.name != pod)
