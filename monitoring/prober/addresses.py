"""From a name to the addresses that a probe may connect to: never a private one unasked."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import socket
import threading
from collections.abc import Sequence

from monitoring.prober.failure import ProbeFailed
from monitoring.prober.target import Target
from monitoring.reasons import Reason

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Translates to IPv4, and would otherwise smuggle a private address past the check.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Beside it, what the internet consists of; Python holds much of the rest to be global (site-local
# fec0::/10, addresses that stand for IPv4 ones), and one of these, for documentation (RFC 9637).
_INTERNET6 = ipaddress.IPv6Network("2000::/3")
_DOCUMENTATION6 = ipaddress.IPv6Network("3fff::/20")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet, also behind 6to4, NAT64 or Teredo."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return all(_is_global(each) for each in (ip, *_embedded(ip)))


def _is_global(ip: Address) -> bool:
    if isinstance(ip, ipaddress.IPv6Address):
        is_inside = ip in _NAT64 or (ip in _INTERNET6 and ip not in _DOCUMENTATION6)
        return is_inside and ip.is_global
    return ip.is_global and not ip.is_multicast


def _embedded(ip: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    found: list[Address] = [v4 for v4 in (ip.ipv4_mapped, ip.sixtofour) if v4 is not None]
    if ip.teredo is not None:
        found.append(ip.teredo[1])
    if ip in _NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return found


async def resolve(target: Target, given: str | None, *, allow_private: bool) -> list[str]:
    """Addresses to try, in the resolver's order of preference.

    `given` is the operator's own word: it replaces what the name says and is not questioned.
    """
    if given:
        return [given]
    found = await _look_up(target)
    allowed = [address for address in found if allow_private or is_public(address)]
    if not allowed:
        raise ProbeFailed(Reason.PRIVATE_ADDRESS, ", ".join(found))
    return allowed


async def _look_up(target: Target) -> list[str]:
    """In a daemon of its own: neither a deadline, nor the end of the process, nor another name
    waits until name servers that are silent have been given up."""
    found: concurrent.futures.Future[list[str]] = concurrent.futures.Future()
    found.set_running_or_notify_cancel()
    threading.Thread(target=_fill, args=(found, target), daemon=True).start()
    try:
        return await asyncio.wrap_future(found)
    except (OSError, UnicodeError) as error:
        raise name_failure(error, target.host) from error


def _fill(found: concurrent.futures.Future[list[str]], target: Target) -> None:
    try:
        found.set_result(system_look_up(target.host, target.port))
    except Exception as error:  # noqa: BLE001 - it is raised again where it is waited for.
        found.set_exception(error)


def system_look_up(host: str, port: int) -> list[str]:
    """Blocks its thread for as long as name servers are silent."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return families_in_turn([str(entry[4][0]) for entry in found])


def name_failure(error: OSError | UnicodeError, host: str) -> ProbeFailed:
    """Whether there is no such name, or nobody who could have told."""
    is_silent = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    return ProbeFailed(Reason.NAME_TIMED_OUT if is_silent else Reason.NAME_UNRESOLVED, host)


def families_in_turn(addresses: Sequence[str]) -> list[str]:
    """One address of each family after the other: a broken family costs one delay, not many."""
    unique = list(dict.fromkeys(addresses))
    six = [address for address in unique if ":" in address]
    four = [address for address in unique if ":" not in address]
    first, second = (six, four) if unique and ":" in unique[0] else (four, six)
    paired = [address for pair in zip(first, second, strict=False) for address in pair]
    return paired + first[len(second) :] + second[len(first) :]
