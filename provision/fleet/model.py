"""The fleet as podfleet knows it once the fleet file is loaded: frozen, complete, checked.

Fields are what the file may say (its tables carry the same names); properties follow from them.
The descriptions are the reference documentation and the editors' schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from provision.fleet.fields import (
    V4,
    V6,
    Domain,
    Duration,
    Email,
    GitTag,
    GitUrl,
    HttpsUrl,
    Language,
    Memory,
    Name,
    Port,
    SshUser,
    Username,
    Version,
)
from provision.fleet.monitoring import Monitoring
from provision.fleet.table import Table, said

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
UPSTREAM = "https://github.com/diaspora/diaspora.git"
# The source that stands for provision/lab/rehearsal_pod instead of a Git URL.
REHEARSAL = "rehearsal"

Network = IPv4Network | IPv6Network


class Host(Table):
    """A server."""

    name: Name
    provider: Literal["ssh", "lab"] = said(
        "How the host is reached: `ssh`, or `lab` for a guest that podfleet boots itself.", "ssh"
    )
    address: V4 | None = said("Public IPv4 address.", None)
    address6: V6 | None = said("Public IPv6 address.", None)
    ssh_user: SshUser = said(
        "User to sign in as: root, or one with sudo and no password asked.", "root"
    )
    ssh_port: Port = said("Port of the SSH server.", 22)
    ssh_identity: Path | None = said(
        "Private SSH key to use; whatever the SSH agent and ~/.ssh offer unless stated.", None
    )
    # Declared, because a container shows its machine's memory.
    memory: Memory = said("Memory of the host, as `2 GiB`; the pods' sizes follow from it.")
    reachable_networks: tuple[Network, ...] = said(
        "Private networks that the host's pods may reach; none unless listed.", ()
    )


class Admin(Table):
    """The pod's first administrator; the password is made by podfleet and kept in the vault."""

    username: Username = said("Name of the account.")
    email: Email = said("Where the account's mail goes.")


class Source(Table):
    """Where a release's code comes from."""

    url: GitUrl = said("Git URL, or `rehearsal` for podfleet's small stand-in.", UPSTREAM)
    tag: GitTag | None = said("Git tag; `v<release>` unless stated.", None)


class Maintenance(Table):
    """The page that visitors see while the pod is closed."""

    language: Language = said(
        "Language of the page, as `de`; podfleet has words of its own in de, en, es and fr.", "en"
    )
    title: str | None = said("Heading of the page; podfleet's own words unless stated.", None)
    text: str | None = said("What it says below; podfleet's own words unless stated.", None)


def _url_or_table(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class Pod(Table):
    """One diaspora* instance."""

    name: Name
    domain: Domain = said("Public name. It can never change once the pod is launched.")
    host: Name = said("Name of the host that it runs on.")
    release: Version = said("Version of diaspora* to run, as `0.9.1.0`.")
    admin: Admin = said("The first administrator.")
    source: Annotated[Source, BeforeValidator(_url_or_table)] = said(
        "Git URL of the code, or a table with `url` and `tag`; upstream unless stated.", Source()
    )
    customisations: Path | None = said(
        "Directory beside the fleet file: images, views and terms that go into the release.", None
    )
    nginx_include: Path | None = said(
        "File beside the fleet file that is included into the pod's nginx server block.", None
    )
    accept: tuple[str, ...] = said(
        "What upgrades want to be acknowledged, by the ids that they name.", ()
    )
    maintenance: Maintenance = said(
        "Language and words of the page that visitors see while the pod is closed.", Maintenance()
    )
    puma_threads: int | None = said(
        "Requests answered at once; follows from the host's memory unless stated.",
        None,
        strict=True,
        ge=1,
        le=32,
    )
    sidekiq_concurrency: int | None = said(
        "Background jobs done at once; follows from the host's memory unless stated.",
        None,
        strict=True,
        ge=1,
        le=50,
    )
    diaspora: dict[str, Any] = said(
        "diaspora.toml's own tables (`settings`, `mail`, `privacy`, …), passed through.", {}
    )

    @property
    def url(self) -> str:
        return f"https://{self.domain}"

    @property
    def tag(self) -> str:
        return self.source.tag or f"v{self.release}"


class Acme(Table):
    """Who issues the certificates."""

    directory: HttpsUrl = said("URL of the ACME directory.", LETS_ENCRYPT)
    contact: Email = said("Where the issuer writes to; the first pod's administrator by default.")


class Upgrades(Table):
    """How upgrades go through the fleet."""

    gate: Duration = said(
        "How long a new release must do well before its upgrade is done: seconds, or as `2m`.", 60
    )
    wait: Duration = said("How long the other pods wait once the lead pod is upgraded.", 0)
    parallel: int = said(
        "How many pods are upgraded at once after the lead pod.", 2, strict=True, ge=1, le=32
    )
    keep_warm: Duration = said(
        "How long the old release's web process stays at hand, for a rollback at once.", 3600
    )


class About(Table):
    """What concerns the fleet as a whole."""

    contact: Email | None = said(
        "Where the certificates' issuer writes to; the first pod's administrator unless stated.",
        None,
    )
    lead_pod: Name | None = said(
        "The pod that is upgraded first; the first one of the file unless stated.", None
    )


class Fleet(Table):
    """All that one fleet file declares."""

    name: str
    file: Path
    # Where vault, known hosts and launched pods are: beside the file, or in the lab's state.
    keeps: Path
    acme: Acme
    upgrade: Upgrades = Upgrades()
    # None: nothing of the fleet is watched, and nothing for it is installed.
    monitoring: Monitoring | None = None
    hosts: dict[Name, Host]
    pods: dict[Name, Pod]
    # The pod that is upgraded first; the first one of the file unless stated.
    lead_pod: Name

    @property
    def directory(self) -> Path:
        """Where the fleet file is, with its customisations and nginx includes."""
        return self.file.parent

    @property
    def is_lab(self) -> bool:
        """Whether podfleet boots the hosts itself; a fleet is of one kind."""
        return any(host.provider == "lab" for host in self.hosts.values())

    def pods_on(self, host: str) -> tuple[Pod, ...]:
        """The pods of one host, in the file's order."""
        return tuple(pod for pod in self.pods.values() if pod.host == host)

    def partners_of(self, pod: str) -> tuple[Pod, ...]:
        """The other pods of the fleet: those that the pod's canary flies to."""
        return tuple(other for other in self.pods.values() if other.name != pod)

    def watches(self, host: str) -> bool:
        """Whether that host is the one that watches the fleet."""
        return self.monitoring is not None and self.monitoring.host == host

    def with_hosts(self, hosts: Mapping[str, Host]) -> Fleet:
        """The same fleet with what is known only at run time: a lab's addresses and networks."""
        return self.model_copy(update={"hosts": {**self.hosts, **hosts}})

    def with_acme(self, directory: str) -> Fleet:
        """The same fleet with another issuer: a lab's is known only once it runs."""
        return self.model_copy(
            update={"acme": self.acme.model_copy(update={"directory": directory})}
        )
