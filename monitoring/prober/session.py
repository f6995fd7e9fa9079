"""One visit to one server: requests over one connection at a time, redirects within the host."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urljoin, urlsplit

from monitoring.prober.addresses import resolve
from monitoring.prober.dialling import dial, trust
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.http import Answer, exchange
from monitoring.prober.limits import STRANGER, Limits, user_agent
from monitoring.prober.line import Line
from monitoring.prober.stages import Stages
from monitoring.prober.target import PORTS, Target
from monitoring.reasons import Reason

_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Slow to read, and the same in each cycle.
_as_seconds = functools.lru_cache(maxsize=4096)(ssl.cert_time_to_seconds)


class Session:
    """Never holds more than one connection to its server."""

    def __init__(
        self,
        target: Target,
        *,
        address: str | None = None,
        ca_file: str | None = None,
        limits: Limits = STRANGER,
        contact: str = "",
        stages: Stages | None = None,
    ) -> None:
        self.target, self.limits = target, limits
        self.stages = stages or Stages()
        self._given, self._ca_file, self._agent = address, ca_file, user_agent(contact)
        self._addresses: list[str] = []
        self._line: Line | None = None
        self._left: Line | None = None

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        await self._settle()

    def hang_up(self) -> None:
        if self._line is not None:
            self._line.hang_up()
            self._left, self._line = self._line, None

    async def _settle(self) -> None:
        """The connection before is closed: there are never two."""
        if self._left is not None:
            await self._left.gone()
            self._left = None

    @property
    def address(self) -> str | None:
        """The address that answered, while connected."""
        return None if self._line is None else self._line.address

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS side of the open connection."""
        return None if self._line is None else self._line.tls

    @property
    def certificate_expires(self) -> float | None:
        """When the server's certificate ends, in seconds since 1970; while connected by TLS."""
        certificate = self.tls.getpeercert() if self.tls is not None else None
        if not certificate:
            return None
        return float(_as_seconds(str(certificate["notAfter"])))

    async def open(self) -> Line:
        """The connection, opened if it is not."""
        if self._line is None:
            await self._settle()
            if not self._addresses:
                with self.stages.stage("name"):
                    self._addresses = await resolve(
                        self.target, self._given, allow_private=self.limits.allow_private
                    )
            context = trust(self._ca_file) if self.target.is_tls else None
            self._line = await dial(self.target, self._addresses, self.stages, self.limits, context)
        return self._line

    async def request(
        self,
        method: str,
        path: str,
        *,
        stage: str = "answer",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One exchange; redirects are answers like any other.

        A server may close an idle connection just as it is used again: whatever may be said twice
        (RFC 9110, 9.2.2) is then said again, on a new one.
        """
        is_reused = self._line is not None
        rendered = self._render(method, path, headers or {}, body)
        try:
            answer = await self._exchange(rendered, stage, method == "HEAD")
        except ProbeFailed as failed:
            self.hang_up()
            if not (is_reused and method in _IDEMPOTENT and failed.reason is Reason.CUT_SHORT):
                raise
            answer = await self._exchange(rendered, stage, method == "HEAD")
        if not answer.is_reusable:
            self.hang_up()
        return answer

    async def _exchange(self, rendered: bytes, stage: str, head: bool) -> Answer:
        line = await self.open()
        with self.stages.stage(stage):
            return await exchange(line, rendered, self.limits, head=head)

    async def get(
        self, path: str, *, stage: str = "answer", accept: str = "*/*"
    ) -> tuple[Answer, str]:
        """GET, following redirects within the host; the answer, and the path that gave it."""
        for _ in range(self.limits.redirects + 1):
            answer = await self.request("GET", path, stage=stage, headers={"Accept": accept})
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                return answer, path
            path = self.path_here(location, path)
        raise ProbeFailed(Reason.REDIRECTED_TOO_OFTEN, f"{self.limits.redirects} and more")

    def path_here(self, link: str, base: str = "/") -> str:
        """The path of a link on this server; a link to another one is a failure.

        A server that moved itself from http to https is followed there.
        """
        try:
            parts = urlsplit(urljoin(f"{self.target.scheme}://{self.target.authority}{base}", link))
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise ProbeFailed(Reason.REDIRECTED_ELSEWHERE, "to no address") from error
        self._go_to(parts.scheme, host, port)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _go_to(self, scheme: str, host: str, port: int | None) -> None:
        here, where = self.target, f"{scheme}://{host}{f':{port}' if port else ''}"
        if host != here.host:
            raise ProbeFailed(Reason.REDIRECTED_ELSEWHERE, where)
        if (scheme, port or PORTS.get(scheme)) == (here.scheme, here.port):
            return
        if scheme != "https" or here.is_tls:
            raise ProbeFailed(Reason.REDIRECTED_ELSEWHERE, where)
        self.hang_up()
        self.target = Target(scheme, host, port or 443)

    def _render(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        fields = {
            "Host": self.target.authority,
            "User-Agent": self._agent,
            "Accept-Encoding": "identity",
            **headers,
        }
        if body is not None:
            fields["Content-Length"] = str(len(body))
        lines = [f"{method} {_safe_path(path)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        head = "\r\n".join(lines)
        if head.count("\r\n") != len(lines) - 1 or "\n" in head.replace("\r\n", ""):
            raise ProbeFailed(Reason.BAD_URL, "a line break where none may be")
        return head.encode("latin-1", "replace") + b"\r\n\r\n" + (body or b"")


def _safe_path(path: str) -> str:
    """Links come from strangers: what would break the request line is escaped."""
    if path.isascii() and path.isprintable() and " " not in path:
        return path
    return "".join(c if "!" <= c <= "~" else _escaped(c) for c in path)


def _escaped(character: str) -> str:
    # JSON can name half a character, which has no bytes.
    return "".join(f"%{byte:02X}" for byte in character.encode(errors="replace"))
