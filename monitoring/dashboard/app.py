"""The dashboard's web application: its pages, and what holds for each answer.

It only reads: GET and HEAD, no cookie, no script. A failure of ours is words, too.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitoring.dashboard import links
from monitoring.dashboard.prometheus import Prometheus
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.alerts import alerts
from monitoring.dashboard.views.canary import canary
from monitoring.dashboard.views.deliveries import deliveries
from monitoring.dashboard.views.overview import overview
from monitoring.dashboard.views.page import Page
from monitoring.dashboard.views.peers import peers
from monitoring.dashboard.views.pod import pod
from monitoring.dashboard.views.runbook import runbook
from monitoring.dashboard.views.upgrades import upgrades

TEMPLATES = Path(__file__).parent / "templates"
FILES = {"/style.css": "text/css", "/icon.svg": "image/svg+xml"}
NAVIGATION = (
    ("/", "Overview"),
    ("/canary", "Canary"),
    ("/peers", "Peers"),
    ("/deliveries", "Deliveries"),
    ("/upgrades", "Upgrades"),
    ("/alerts", "Alerts"),
    ("/runbook", "Runbook"),
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
View = Callable[[Request, Asking], Awaitable[Page | None]]
# Without JavaScript a page comes anew by this; only where the reader asks for it.
REFRESH_SECONDS = 30
VIEWS: dict[str, View] = {
    "/": lambda _, asking: overview(asking),
    "/pods/{name}": lambda request, asking: pod(asking, request.path_params["name"]),
    "/peers": lambda request, asking: peers(asking, request.query_params),
    "/canary": lambda _, asking: canary(asking),
    "/deliveries": lambda request, asking: deliveries(asking, request.query_params),
    "/upgrades": lambda _, asking: upgrades(asking),
    "/alerts": lambda _, asking: alerts(asking),
    "/runbook": lambda _, asking: runbook(asking),
}
_WORDS = {
    400: "The dashboard is not called that. Open the address that podfleet observe prints.",
    404: "There is no such page.",
    405: "The dashboard only shows: it takes nothing but GET and HEAD.",
}


def is_own_name(host: str) -> bool:
    """Whether the reader asked for an address, or for a name without a dot as localhost.

    A stranger's page can let its own name lead to the tunnel's end on the reader's machine, and
    would then read here what it likes. Its name always has a dot.
    """
    name = re.sub(r":\d*\Z", "", host).strip("[]")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name
    return True


class Dashboard:
    """What all requests share."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings, self._clock = settings, clock
        self.prometheus = Prometheus(settings.prometheus)
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def application(self) -> Starlette:
        routes = [
            Route(path, self._endpoint(view), methods=["GET"]) for path, view in VIEWS.items()
        ]
        routes += [Route(path, self._file, methods=["GET"]) for path in FILES]
        handlers = {HTTPException: self._refused, Exception: self._failed}
        made = Starlette(routes=routes, exception_handlers=handlers)
        # Else a path with a slash too many is answered by Starlette, without our headers.
        made.router.redirect_slashes = False
        return made

    def _endpoint(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not is_own_name(request.headers.get("host", "")):
                raise HTTPException(400)
            asking = Asking(self.prometheus, self.settings, self._clock())
            page = await view(request, asking)
            if page is None:
                raise HTTPException(404)
            return self._rendered(page, request)

        return answer

    def _rendered(self, page: Page, request: Request) -> Response:
        is_refreshed = request.query_params.get("refresh") == "on"
        text = self._templates.get_template(page.template).render(
            page=page,
            fleet=self.settings.fleet,
            navigation=NAVIGATION,
            made_at=datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            refresh=REFRESH_SECONDS if is_refreshed else None,
            refresh_link=str(request.url.include_query_params(refresh="on").query),
            links=links,
            **page.context,
        )
        return Response(text, page.status, HEADERS, "text/html")

    async def _file(self, request: Request) -> Response:
        path = request.url.path
        return Response((TEMPLATES / path[1:]).read_bytes(), 200, HEADERS, FILES[path])

    async def _refused(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = self._in_words(request, status, _WORDS.get(status, "That cannot be shown."))
        if status == 405:
            response.headers["Allow"] = "GET, HEAD"
        return response

    async def _failed(self, request: Request, error: Exception) -> Response:
        """A defect of ours: the server logs the traceback, the reader gets words."""
        words = "The dashboard failed to make this page. Its journal says why: "
        return self._in_words(request, 500, words + "journalctl -u podfleet-dashboard.service")

    def _in_words(self, request: Request, status: int, words: str) -> Response:
        page = Page("words.html", f"{status}", "", {"words": words}, status)
        return self._rendered(page, request)


def application(settings: Settings, clock: Callable[[], float] = time.time) -> Starlette:
    return Dashboard(settings, clock).application()
