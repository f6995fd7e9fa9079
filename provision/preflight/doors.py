"""Preflight of ports 80 and 443: whether a pod's name leads to its host, proven by a token.

Where nobody listens, a small listener answers on the host for a moment; where podfleet's own nginx
does, the token lies where the ACME server would look for it.
"""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from provision.contract import ACME_WEBROOT
from provision.fleet.model import Host, Pod
from provision.hosts.connection import Connection
from provision.preflight.finding import Finding, Outcome

_LISTENER = Path(__file__).with_name("listener.py")
_CHALLENGES = ACME_WEBROOT / ".well-known/acme-challenge"
TIMEOUT_SECONDS = 5
ANSWER_BYTES = 4096
_NGINX_THERE = (
    "nginx listens already and becomes podfleet's own at the first `up`; ask again after it"
)


def door_findings(
    host: Host,
    pods: Sequence[Pod],
    connection: Connection,
    *,
    is_ours: bool,
    authorities: Path | None = None,
) -> Iterator[Finding]:
    """Who else listens on 80 and 443; then, for each pod and address, whether a token arrives.

    `is_ours`: the host has our platform, so an nginx there is podfleet's own.
    """
    token = secrets.token_urlsafe(16)
    with _listening(connection, token) as taken:
        strangers = {port: who for port, who in taken.items() if who not in (None, "nginx")}
        for port, who in strangers.items():
            do = f"Stop {who} and keep it from starting: nginx needs the port."
            yield Finding(f"port {port}", host.name, None, "failed", f"{who} listens on it", do)
        if strangers:
            return
        has_nginx = taken["80"] == "nginx"
        if has_nginx and not is_ours:
            yield Finding("port 80", host.name, None, "skipped", _NGINX_THERE)
            return
        with _challenge(connection, token) if has_nginx else _nothing():
            for pod, address in product(pods, _addresses(host, connection)):
                yield _http(host, pod, address, token)
                if has_nginx:
                    yield _https(host, pod, address, authorities)
                else:
                    yield _finding(host, pod, address, 443, _ask(address, 443, b"\r\n"), token)


@contextmanager
def _listening(connection: Connection, token: str) -> Iterator[dict[str, str | None]]:
    """The listener on the host while this lasts; who has each port already, by port."""
    argv = ["python3", "-I", "-c", _LISTENER.read_text(), token]
    with connection.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


@contextmanager
def _challenge(connection: Connection, token: str) -> Iterator[None]:
    """The token as a file below the ACME webroot while this lasts."""
    file = _CHALLENGES / token
    connection.run(["mkdir", "-p", "--", str(_CHALLENGES)])
    connection.send_file(token.encode(), file, mode=0o644)
    try:
        yield
    finally:
        connection.run(["rm", "-f", "--", str(file)])


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _addresses(host: Host, connection: Connection) -> list[str]:
    declared = [str(address) for address in (host.address, host.address6) if address]
    return declared or [connection.endpoint.address]


def _http(host: Host, pod: Pod, address: str, token: str) -> Finding:
    request = (
        f"GET /.well-known/acme-challenge/{token} HTTP/1.0\r\nHost: {pod.domain}\r\n\r\n"
    ).encode()
    return _finding(host, pod, address, 80, _ask(address, 80, request), token)


def _https(host: Host, pod: Pod, address: str, authorities: Path | None) -> Finding:
    """With nginx there already and no certificate yet, speaking TLS is all that can be asked."""
    outcome, evidence = _speaks_tls(address, pod.domain, authorities)
    return _made(host, pod, address, 443, outcome, evidence)


def _ask(address: str, port: int, request: bytes) -> bytes | str:
    """What is answered, or in words why nothing is."""
    try:
        with socket.create_connection((address, port), timeout=TIMEOUT_SECONDS) as client:
            client.sendall(request)
            answer = b""
            while len(answer) < ANSWER_BYTES and (more := client.recv(ANSWER_BYTES)):
                answer += more
            return answer
    except OSError as error:
        return str(error) or type(error).__name__


def _speaks_tls(address: str, domain: str, authorities: Path | None) -> tuple[Outcome, str]:
    context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    try:
        with (
            socket.create_connection((address, 443), timeout=TIMEOUT_SECONDS) as client,
            context.wrap_socket(client, server_hostname=domain),
        ):
            return "passed", "TLS, with a certificate for the name"
    except ssl.SSLError as error:
        return "passed", f"it speaks TLS ({error.reason})"
    except OSError as error:
        return "failed", str(error) or type(error).__name__


def _finding(
    host: Host, pod: Pod, address: str, port: int, answer: bytes | str, token: str
) -> Finding:
    if isinstance(answer, str):
        return _made(host, pod, address, port, "failed", answer)
    if token.encode() in answer:
        return _made(host, pod, address, port, "passed", "the token arrived")
    evidence = f"somebody else answers: {answer[:60].decode('ascii', 'replace')!r}"
    return _made(host, pod, address, port, "failed", evidence)


def _made(
    host: Host, pod: Pod, address: str, port: int, outcome: Outcome, evidence: str
) -> Finding:
    do = f"Let port {port} through to the host: firewall, forwarding, the provider's rules."
    shown = f"{address}: {evidence}"
    return Finding(
        f"port {port}", host.name, pod.name, outcome, shown, do if outcome == "failed" else ""
    )
