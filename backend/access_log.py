"""A line for each post and refusal, figures of all requests, an answer to what none has caught."""

from http import HTTPStatus
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import InternalError
from backend.metrics import Metrics
from backend.refusals import refuse

log = structlog.get_logger("wattline.access")

NO_ROUTE = "(none)"


class AccessLog:
    """
    Outermost of all: sees what is really answered.

    A path is logged as its route's pattern, and neither queries nor bodies at all, as people paste
    secrets into the strangest places.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, status, seconds = perf_counter(), 0, 0.0
        scope.setdefault("state", {})

        async def noted(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - began
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            log.exception("request failed", method=scope["method"], route=route_of(scope))
            if status:
                raise  # half an answer is out: the connection has to go
            failure = InternalError("the service failed; its log says how")
            await refuse(failure, scope, receive, noted)
        finally:
            self._note(scope, status, seconds)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope)
        self._metrics.requests.labels(_method(scope), route, status).inc()
        self._metrics.latency.labels(route).observe(seconds)
        # Reads that were answered are in the figures; a line for each would be most of the work.
        say = (
            log.debug if status < HTTPStatus.BAD_REQUEST and scope["method"] == "GET" else log.info
        )
        say(
            "request",
            method=_method(scope),
            route=route,
            status=status,
            ms=round(1_000 * seconds, 1),
            client=scope["client"][0] if scope.get("client") else None,
        )


def route_of(scope: Scope) -> str:
    """Return the pattern that a request's path has matched."""
    route = scope["state"].get("route") or getattr(scope.get("route"), "path", None)
    return str(route or NO_ROUTE)


def _method(scope: Scope) -> str:
    """Return the method, if it is one: they become labels of figures that are kept for ever."""
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"
