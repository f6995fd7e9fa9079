"""A mail server on the lab's gateway that says what the test wants, and keeps what it took."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """`verdict` answers the end of the message."""

    verdict: str
    port: int = 0
    messages: list[str] = field(default_factory=list)


@contextlib.contextmanager
def mail_server(address: str, verdict: str) -> Iterator[MailServer]:
    """Serves on a free port of that address while the block lasts."""
    kept = MailServer(verdict)

    class Session(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 mail.lab.test ESMTP")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"DATA":
                    self.say("354 go on")
                    self.take()
                elif verb == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 mail.lab.test")

        def take(self) -> None:
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            kept.messages.append(b"".join(lines).decode())
            self.say(kept.verdict)

    with socketserver.ThreadingTCPServer((address, 0), Session) as server:
        kept.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
