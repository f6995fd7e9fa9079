"""The kinds of value a fleet file holds, each with what it accepts and what it says otherwise."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from provision.contract import ARTIFACTS

Address = TypeVar("Address", IPv4Address, IPv6Address)
UNITS = {
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
SIZE = re.compile(r"(?P<amount>\d+(?:\.\d+)?) ?(?P<unit>[A-Za-z]+)\Z")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(?P<amount>\d+) ?(?P<unit>[smhd])\Z")
LONGEST = 7 * SECONDS["d"]
# BCP 47, as far as an HTML page needs it: de, pt-BR, zh-Hans.
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
LEAST_MEMORY = 768 * 1024**2
# A word of a Git URL that a remote helper would run as a command (ext::sh -c …).
REMOTE_HELPER = re.compile(r"[A-Za-z0-9]+::")
GIT_URL = re.compile(r"(https|ssh|git|file)://\S+\Z|[\w.-]+@[\w.-]+:\S+\Z|/\S*\Z")
# What stands between a user's name and the host of a URL.
PASSWORD_IN_URL = re.compile(r"[a-z]+://[^/@\s]*:[^/@\s]+@")
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# What stands for a value that is a secret.
IN_VAULT = "vault"
GIT_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+~-]*\Z")
# One letter at a time: of a longer run, what does not fit could be split in endless ways.
VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}([.+~]?[0-9A-Za-z])*\Z")


def refused(what: str, do: str) -> PydanticCustomError:
    """An error that already speaks podfleet's language: what is wrong, what to do."""
    return PydanticCustomError("refused", "{what}. {do}", {"what": what, "do": do})


def as_text(value: Any) -> Any:
    """Refuses a number where an address is wanted: Python would take 203 for 0.0.0.203."""
    if isinstance(value, str):
        return value
    raise refused(f"{shown(value)} is no text", "Write it in quotes.")


def shown(value: Any) -> str:
    """A value as its writer would know it again."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def check_address(address: Address) -> Address:
    """One that a server can have."""
    if address.is_unspecified or address.is_loopback or address.is_multicast:
        raise refused(f"{address} is no server's address", "Write the one it is reached at.")
    return address


def check_name(name: str) -> str:
    if name == ARTIFACTS.name:
        raise refused(
            f"{name!r} is a directory of podfleet's own on a host", "Choose another name."
        )
    if re.match(r"[a-z][a-z0-9]{0,15}\Z", name):
        return name
    do = "Use up to 16 lower-case letters and digits, a letter first"
    raise refused(f"{name!r} is no name", f"{do}.")


def parse_size(value: Any) -> int:
    """Bytes of `2 GiB`, `1024 MB`; an amount without a unit is refused."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise refused(f"{value} has no unit", 'Write the amount with one, as "2 GiB".')
    found = SIZE.match(value.strip()) if isinstance(value, str) else None
    if not found:
        raise refused(f"{value!r} is no size", 'Write an amount and a unit, as "2 GiB".')
    unit = {known.lower(): known for known in UNITS}.get(found["unit"].lower())
    if not unit:
        known = ", ".join(UNITS)
        raise refused(f"{found['unit']!r} is no unit of memory", f"Use one of {known}.")
    return int(float(found["amount"]) * UNITS[unit])


def check_memory(memory: int) -> int:
    if memory >= LEAST_MEMORY:
        return memory
    what = f"{memory // 1024**2} MiB are too little for a pod"
    raise refused(what, f"A host needs {LEAST_MEMORY // 1024**2} MiB, better 1 GiB.")


def parse_duration(value: Any) -> int:
    """Seconds of `60`, `10m`, `1h`."""
    found = DURATION.match(value.strip()) if isinstance(value, str) else None
    if found:
        value = int(found["amount"]) * SECONDS[found["unit"]]
    if type(value) is not int or value < 0:
        do = 'Write seconds, or an amount and one of s, m, h, d, as "10m".'
        raise refused(f"{shown(value)} is no duration", do)
    if value > LONGEST:
        raise refused(f"{shown(value)} is too long", "Write no more than seven days.")
    return value


def check_language(language: str) -> str:
    if LANGUAGE.match(language):
        return language
    raise refused(f"{language!r} is no language", 'Write its code, as "de" or "pt-BR".')


def ascii_domain(domain: str) -> str:
    """The one spelling that DNS knows of a name: lower case, IDN as xn--, no final dot."""
    lower = domain.strip().rstrip(".").casefold()
    try:
        return lower.encode("idna").decode("ascii")
    except UnicodeError:
        return lower


def check_domain(domain: str) -> str:
    """A public host name as it goes into every remote pod's database: no scheme, port or path."""
    if "://" in domain or "/" in domain:
        raise refused(f"{domain!r} is a URL", "Write the host name alone, as pod.example.org.")
    if re.search(r":\d*\Z", domain):
        raise refused(f"{domain!r} has a port", "Write the host name alone: pods serve port 443.")
    if "_" in domain:
        raise refused(f"{domain!r} has an underscore", "No host name may: choose another.")
    if domain != ascii_domain(domain):
        raise refused(f"{domain!r} is not in its DNS form", f"Write {ascii_domain(domain)!r}.")
    return _check_labels(domain)


def _check_labels(domain: str) -> str:
    labels = domain.split(".")
    if re.match(r"[\d.]+\Z", domain):
        raise refused(f"{domain!r} is an address", "Pods have names: choose one you own.")
    if len(labels) < 2 or len(domain) > 253 or not all(map(LABEL.match, labels)):
        raise refused(f"{domain!r} is no public host name", "Write one, as pod.example.org.")
    if labels[-1] in ("local", "localhost", "internal", "localdomain"):
        raise refused(f"{domain!r} is no public name", "Other pods must be able to resolve it.")
    return domain


def check_email(email: str) -> str:
    local, at, domain = email.rpartition("@")
    if at and local and not re.search(r"\s|[<>,;@]", local) and "." in domain:
        _check_labels(ascii_domain(domain))
        return email
    raise refused(f"{email!r} is no e-mail address", "Write it as alice@example.org.")


def check_version(release: str) -> str:
    if VERSION.match(release):
        return release
    if meant := version_in(release):
        kind = "a tag" if release.startswith("v") else "more than a version"
        raise refused(f"{release!r} is {kind}", f"Write the version alone, {meant!r}.")
    raise refused(f"{release!r} is no version of diaspora*", 'Write it as "0.9.1.0".')


def version_in(word: str) -> str | None:
    """The version that was meant by a tag, or by the id of a release that was built."""
    meant = re.sub(r"-[0-9a-f]{8}\Z", "", word.strip().removeprefix("v"))
    return meant if VERSION.match(meant) else None


def check_git_url(url: str) -> str:
    """Without a password: a release's signed manifest names its source, and git's arguments do."""
    if PASSWORD_IN_URL.match(url):
        do = "Take it out, and let git's credential helper or an SSH key open the source."
        raise refused("has a password in it, and fleet files go into Git", do)
    if url == "rehearsal" or (GIT_URL.match(url) and not REMOTE_HELPER.match(url)):
        return url
    raise refused(f"{url!r} is no Git URL", "Write one, as https://example.org/diaspora.git.")


def check_git_tag(tag: str) -> str:
    if GIT_TAG.match(tag) and ".." not in tag:
        return tag
    raise refused(f"{tag!r} is no Git tag", 'Write a tag of the source, as "v0.9.1.0".')


def check_username(username: str) -> str:
    """diaspora*'s own rule for a user's name, which no one may change later."""
    if re.match(r"[a-z0-9_.-]{1,32}\Z", username):
        return username
    do = "Use up to 32 of a-z, 0-9, underscore, dot and hyphen"
    raise refused(f"{username!r} is no diaspora* user name", f"{do}.")


def is_url(url: str, schemes: str) -> bool:
    """As Prometheus and Alertmanager read one: what they refuse would keep them from starting."""
    if not re.match(rf"({schemes})://[^\s/]+(/\S*)?\Z", url) or BAD_ESCAPE.search(url):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_https(url: str) -> str:
    if is_url(url, "https"):
        return url
    if url.startswith("https://"):
        raise refused(f"{url!r} is no URL", "Look at its host, its port, and what follows a `%`.")
    raise refused(f"{url!r} is no https URL", "Write one that begins with https://.")


def check_web_url(url: str) -> str:
    if is_url(url, "https?"):
        return url
    raise refused(f"{url!r} is no URL", "Write one, as https://alerts.example.org/hook.")


def check_webhook(url: str) -> str:
    return url if url == IN_VAULT else check_web_url(url)


def check_host_port(stated: str) -> str:
    host, _, port = stated.rpartition(":")
    is_host = re.match(r"[A-Za-z0-9.-]+\Z|\[[0-9a-f:]+\]\Z", host)
    if is_host and port.isdecimal() and 0 < int(port) < 65536:
        return stated
    raise refused(f"{stated!r} is no server and port", "Write them as mail.example.org:587.")


def check_ssh_user(user: str) -> str:
    if re.match(r"[a-z_][a-z0-9_-]{0,31}\Z", user):
        return user
    raise refused(f"{user!r} is no user of a server", "Write one, as root or debian.")


V4 = Annotated[IPv4Address, BeforeValidator(as_text), AfterValidator(check_address)]
V6 = Annotated[IPv6Address, BeforeValidator(as_text), AfterValidator(check_address)]
SshUser = Annotated[str, AfterValidator(check_ssh_user)]
Name = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9]{0,15}$"}),
]
Memory = Annotated[
    int,
    BeforeValidator(parse_size),
    AfterValidator(check_memory),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?([MGT]i?B)$"}),
]
Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\d+ ?[smhd]$"},
                {"type": "integer", "minimum": 0, "maximum": LONGEST},
            ]
        }
    ),
]
Language = Annotated[str, AfterValidator(check_language)]
Domain = Annotated[str, AfterValidator(check_domain)]
Email = Annotated[str, AfterValidator(check_email)]
Version = Annotated[
    str,
    AfterValidator(check_version),
    WithJsonSchema({"type": "string", "pattern": "^" + VERSION.pattern.removesuffix(r"\Z") + "$"}),
]
GitUrl = Annotated[str, AfterValidator(check_git_url)]
GitTag = Annotated[str, AfterValidator(check_git_tag)]
Username = Annotated[str, AfterValidator(check_username)]
HttpsUrl = Annotated[str, AfterValidator(check_https)]
Webhook = Annotated[str, AfterValidator(check_webhook)]
HostPort = Annotated[str, AfterValidator(check_host_port)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
