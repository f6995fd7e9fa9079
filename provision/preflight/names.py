"""Preflight of a pod's name: what the DNS says of it, beside its host's addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from provision.fleet.model import Host, Pod
from provision.preflight.finding import Finding

_RECORDS = {socket.AF_INET: "A", socket.AF_INET6: "AAAA"}


def name_findings(host: Host, pod: Pod) -> Iterator[Finding]:
    """A finding for each address family."""
    if host.provider == "lab":
        evidence = f"{pod.domain} resolves inside the lab alone"
        yield Finding("DNS", host.name, pod.name, "skipped", evidence)
        return
    yield _compare(host, pod, socket.AF_INET, str(host.address) if host.address else None)
    yield _compare(host, pod, socket.AF_INET6, str(host.address6) if host.address6 else None)


def resolve(name: str, family: socket.AddressFamily) -> list[str]:
    """The name's addresses of that family, as this machine resolves it; none is no error."""
    try:
        found = socket.getaddrinfo(name, 443, family, socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return sorted({str(entry[4][0]) for entry in found})


def _compare(host: Host, pod: Pod, family: socket.AddressFamily, declared: str | None) -> Finding:
    record, found = _RECORDS[family], resolve(pod.domain, family)
    check = f"DNS {record}"
    evidence = f"{pod.domain} has {', '.join(found) or 'none'}"
    if declared is None:
        if not found:
            return Finding(check, host.name, pod.name, "skipped", f"{evidence}, none is declared")
        do = f"Remove the {record} record, or declare the address at hosts.{host.name}."
        return Finding(check, host.name, pod.name, "failed", evidence, do)
    if found == [declared]:
        return Finding(check, host.name, pod.name, "passed", evidence)
    do = f"Set its {record} record to {declared}, and wait until it is known."
    return Finding(check, host.name, pod.name, "failed", evidence, do)
