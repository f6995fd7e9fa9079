"""Answers on ports 80 and 443 with a token while standard input is open: run on the host.

Stands alone: it is passed to `python3 -I -c` on a host where podfleet never was. Its first line of
output says, as JSON, by port, whether it listens, or who does.
"""

import json
import re
import selectors
import socket
import subprocess
import sys
import time

PORTS = (80, 443)
LONGEST_SECONDS = 60


def who_listens(port: int) -> str:
    """The program that has the port, as ss names it; empty where nobody does."""
    argv = ["ss", "-Hlntp", f"sport = :{port}"]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return "somebody (no ss to ask)"
    names = re.findall(r'\(\("([^"]+)"', done.stdout)
    return ", ".join(sorted(set(names))) or ("somebody" if done.stdout.strip() else "")


def listen(port: int) -> "list[socket.socket]":
    """Sockets on both address families, or none where the port is taken."""
    found = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue  # a host without this family
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen()
        found.append(listener)
    return found


def answer(listener: socket.socket, token: str) -> None:
    client, _ = listener.accept()
    with client:
        client.settimeout(2)
        try:
            client.recv(4096)
            head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(token)}\r\n\r\n"
            client.sendall((head + token).encode())
        except OSError:
            pass  # a caller that hung up has no need of an answer


def main(token: str) -> None:
    taken = {port: who_listens(port) for port in PORTS}
    listeners = [each for port in PORTS if not taken[port] for each in listen(port)]
    print(json.dumps({str(port): who or None for port, who in taken.items()}), flush=True)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for listener in listeners:
        selector.register(listener, selectors.EVENT_READ)
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        for key, _ in selector.select(1):
            if not isinstance(key.fileobj, socket.socket):
                return
            answer(key.fileobj, token)


if __name__ == "__main__":
    main(sys.argv[1])
