"""Which ports of a host answer from outside, as the controller sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

# What a pod host, a monitoring host or a careless package would listen on.
LIKELY = (
    21, 23, 25, 53, 110, 111, 139, 143, 389, 445, 587, 631, 873, 993, 2049, 2375, 3000, 3001,
    3306, 4567, 5000, 5353, 5355, 5432, 5433, 6379, 6380, 8000, 8080, 8443, 8888, 9000, 9090,
    9091, 9093, 9094, 9100, 9104, 9115, 9121, 9187, 9200, 9292, 10050, 11211, 27017,
)  # fmt: skip

_SILENCE_SECONDS = 2.0
_AT_ONCE = 32


def answering_ports(
    addresses: Iterable[str], expected: Iterable[int], likely: Iterable[int] = LIKELY
) -> dict[str, frozenset[int]]:
    """By address, those ports, of the expected and the likely ones, that accept a connection."""
    ports = sorted({*expected, *likely})
    return asyncio.run(_scan(list(addresses), ports))


async def _scan(addresses: list[str], ports: list[int]) -> dict[str, frozenset[int]]:
    turn = asyncio.Semaphore(_AT_ONCE)
    pairs = [(address, port) for address in addresses for port in ports]
    answers = await asyncio.gather(*(_answers(address, port, turn) for address, port in pairs))
    found: Mapping[tuple[str, int], bool] = dict(zip(pairs, answers, strict=True))
    return {
        address: frozenset(port for port in ports if found[address, port]) for address in addresses
    }


async def _answers(address: str, port: int, turn: asyncio.Semaphore) -> bool:
    async with turn:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except OSError:
            # Refused, unreachable, or silent (TimeoutError is one): it does not answer.
            return False
        writer.transport.abort()
        return True
