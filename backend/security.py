"""Which hosts and origins are served, and the headers that every answer carries."""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import UnknownHost
from backend.refusals import refuse

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
EXPOSED = "ETag, Link, Location, Retry-After, X-Wattline-Block"


def content_security_policy(script_hashes: Iterable[str] = ()) -> str:
    """Return the policy of every answer; `script_hashes` are those of the page's import map."""
    scripts = " ".join(["'self'", *script_hashes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


class SecurityHeaders:
    """Adds the headers to whatever is answered."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._headers = HEADERS | {"Content-Security-Policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class TrustedHosts:
    """
    Refuses requests for other hosts.

    Without it a page elsewhere could name our address as its own (DNS rebinding) and read along.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "*" in self._hosts:
            return await self._app(scope, receive, send)
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        if _without_port(host) in self._hosts:
            return await self._app(scope, receive, send)
        refusal = UnknownHost(f"expected a Host of {', '.join(sorted(self._hosts))}")
        return await refuse(refusal, scope, receive, send)


class AllowedOrigins:
    """Lets pages of other origins read and post, where the settings name them; nobody else."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = _origin(scope)
        if not self._origins or origin is None:
            return await self._app(scope, receive, send)
        allowed = {"Vary": "Origin"}
        if origin in self._origins:
            allowed |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": EXPOSED,
            }
        if scope["method"] == "OPTIONS":
            if origin in self._origins:
                allowed |= {
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": "Content-Type, If-None-Match, Last-Event-ID",
                    "Access-Control-Max-Age": "600",
                }
            headers = [(name.lower().encode(), text.encode()) for name, text in allowed.items()]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            return await send({"type": "http.response.body", "body": b""})

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowed)
            await send(message)

        return await self._app(scope, receive, with_headers)


def _origin(scope: Scope) -> str | None:
    if scope["type"] != "http":
        return None
    origin = dict(scope["headers"]).get(b"origin")
    return origin.decode("latin-1") if origin is not None else None


def _without_port(host: str) -> str:
    if host.startswith("["):  # IPv6
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
