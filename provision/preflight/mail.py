"""Preflight of mail: whether the host reaches what its pods would send through."""

from __future__ import annotations

from typing import Any

from provision.fleet.model import Host, Pod
from provision.hosts.connection import Connection
from provision.preflight.finding import Finding

# Prints the server's greeting; arguments: host, port.
_GREETING = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=8) as client:
    print(client.recv(200).decode("ascii", "replace").splitlines()[0])
"""
# TLS from the first byte: the server waits for the client to speak.
_SMTPS_PORT = 465
_CONNECTED = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=8).close()
print("connected")
"""


def mail_finding(host: Host, pod: Pod, connection: Connection) -> Finding:
    """The relay of an SMTP setting, or the host's own mail server for sendmail."""
    mail: dict[str, Any] = pod.diaspora.get("mail", {})
    if not mail.get("enable"):
        return Finding("mail", host.name, pod.name, "skipped", "mail.enable is not set")
    relay, port = _server(mail)
    script = _CONNECTED if port == _SMTPS_PORT else _GREETING
    done = connection.run(["python3", "-I", "-c", script, relay, str(port)], check=False)
    if done.returncode == 0:
        evidence = f"{relay}:{port} says {done.stdout.decode(errors='replace').strip()}"
        return Finding("mail", host.name, pod.name, "passed", evidence)
    said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    evidence = f"{relay}:{port}: {' '.join(said)}"
    do = "Ask the provider whether it blocks the port, or name another relay (mail.smtp.host)."
    return Finding("mail", host.name, pod.name, "failed", evidence, do)


def _server(mail: dict[str, Any]) -> tuple[str, int]:
    if mail.get("method", "smtp") != "smtp":
        return "localhost", 25
    smtp = mail.get("smtp", {})
    return str(smtp.get("host", "localhost")), int(smtp.get("port", 587))
