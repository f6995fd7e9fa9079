"""One HTTP/2 connection, one request at a time."""

from __future__ import annotations

import ssl

import h2.connection
import h2.events
import h2.exceptions

from tests.load.asking import Ask
from tests.load.http1 import Answer
from tests.load.target import Target


class Http2Client:
    """A connection that is opened when it is first needed, and again after the pod closed it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._socket: ssl.SSLSocket | None = None
        self._h2 = h2.connection.H2Connection()
        self._must_close = False

    def ask(self, ask: Ask) -> Answer:
        try:
            stream = self._send(ask)
            answer = self._receive(stream)
        except (OSError, h2.exceptions.ProtocolError) as error:
            self.close()
            return Answer(0, error=f"{type(error).__name__}: {error}")
        if self._must_close:
            self.close()
        return answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> ssl.SSLSocket:
        if self._socket is None:
            self._socket = self._target.connect("h2")
            self._must_close = False
            self._h2 = h2.connection.H2Connection()
            self._h2.initiate_connection()
            self._socket.sendall(self._h2.data_to_send())
        return self._socket

    def _send(self, ask: Ask) -> int:
        connection = self._open()
        stream: int = self._h2.get_next_available_stream_id()
        headers = [
            (":method", ask.method),
            (":authority", self._target.domain),
            (":scheme", "https"),
            (":path", ask.path),
            *((name.lower(), value) for name, value in ask.headers.items()),
        ]
        self._h2.send_headers(stream, headers, end_stream=ask.body is None)
        if ask.body is not None:
            # Bodies here are smaller than the window that every server has to offer.
            self._h2.send_data(stream, ask.body, end_stream=True)
        connection.sendall(self._h2.data_to_send())
        return stream

    def _receive(self, stream: int) -> Answer:
        connection, status, body = self._open(), 0, b""
        while True:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("the connection was closed before the answer")
            events = self._h2.receive_data(data)
            connection.sendall(self._h2.data_to_send())
            for event in events:
                if isinstance(event, h2.events.ConnectionTerminated):
                    # What was asked before is still answered; the next needs another connection.
                    self._must_close = True
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    status = next(int(value) for name, value in event.headers if name == b":status")
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
                    connection.sendall(self._h2.data_to_send())
                elif isinstance(event, h2.events.StreamReset):
                    raise ConnectionError(f"the stream was reset: {event.error_code}")
                elif isinstance(event, h2.events.StreamEnded):
                    return Answer(status, body)
