"""
A small HTTP server on loopback that says how a process is: /health, /ready, /status, /metrics.

Answers are JSON, but for the metrics, which are in the text format of Prometheus. `routes` adds
paths of the process's own.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from oracle.errors import InvalidInputError

Route = Callable[[dict[str, str]], tuple[int, dict[str, Any]]]  # query → status and JSON object

LOOPBACK = "127.0.0.1"
READ_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


class StatusServer:
    """Serves from a thread of its own until it is closed; the callables run in others."""

    def __init__(
        self,
        port: int,
        status: Callable[[], dict[str, Any]],
        ready: Callable[[], str | None],
        routes: Mapping[str, Route] | None = None,
        *,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """
        `ready` returns why the process is not, or None; port 0 takes any that is free.

        Raises
        ------
        InvalidInputError
            If the port is taken.
        """
        self._status = status
        self._ready = ready
        self._routes = dict(routes or {})
        self._registry = registry
        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), self._handler())
        except OSError as error:
            raise InvalidInputError(
                f"port {port}: expected a free one on {LOOPBACK}: {error.strerror}"
            ) from error
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, target: str) -> _Answer:
        """Return the answer to GET of a path with its query."""
        parts = urlsplit(target)
        if parts.path == "/metrics":
            return _Answer(200, CONTENT_TYPE_LATEST, generate_latest(self._registry))
        try:
            status, content = self._json(parts.path, dict(parse_qsl(parts.query)))
        except Exception as error:  # the process goes on, whatever its status cannot say
            _log.exception("GET %s failed", parts.path)
            status = 500
            content = problem(500, parts.path, f"{type(error).__name__}: {error}")
        kind = "application/problem+json" if status >= 400 else "application/json"
        return _Answer(status, kind, json.dumps(content).encode())

    def _json(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/health":
            return 200, {"status": "ok"}
        if path == "/ready":
            reason = self._ready()
            return (
                (200, {"status": "ready"}) if reason is None else (503, problem(503, path, reason))
            )
        if path == "/status":
            return 200, self._status()
        route = self._routes.get(path)
        if route is None:
            return 404, problem(404, path, f"expected one of {', '.join(self._paths())}")
        return route(query)

    def _paths(self) -> list[str]:
        return ["/health", "/ready", "/status", "/metrics", *self._routes]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = READ_TIMEOUT_S
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer = server.answer(self.path)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: Any) -> None:
                _log.debug(format, *args)

        return Handler


def problem(status: int, instance: str, detail: str) -> dict[str, Any]:
    """Return problem details (RFC 9457)."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
