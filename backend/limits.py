"""What one client may ask for: how much at once, and how often."""

import ipaddress
import time

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import BodyTooLarge, RateLimited
from backend.refusals import refuse
from backend.settings import ServiceSettings

READING = frozenset({"GET", "HEAD", "OPTIONS"})
UNLIMITED = ("/health", "/ready")  # a supervisor has to be answered however busy it is


def client_of(scope: Scope) -> str:
    """Return who asks; of an IPv6 address its network, as one client has all of it."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class RateLimits:
    """
    Refuses clients that ask too often, in a sliding window; posts are dearer than reads.

    Counters, not a moving window of every hit: that one starts a thread each 10 ms to forget the
    old ones, and all requests wait for it.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._reads = RateLimitItemPerSecond(settings.reads_per_window, settings.read_window_s)
        self._posts = RateLimitItemPerSecond(settings.posts_per_window, settings.post_window_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            return await self._app(scope, receive, send)
        kind, limit = ("reads", self._reads)
        if scope["method"] not in READING:
            kind, limit = ("posts", self._posts)
        client = client_of(scope)
        if await self._windows.hit(limit, kind, client):
            return await self._app(scope, receive, send)
        return await refuse(await self._refusal(kind, limit, client), scope, receive, send)

    async def _refusal(self, kind: str, limit: RateLimitItem, client: str) -> RateLimited:
        window = await self._windows.get_window_stats(limit, kind, client)
        wait = max(1, round(window.reset_time - time.time()))
        return RateLimited(
            f"expected at most {limit.amount} {kind} in {limit.get_expiry()} s from one client",
            extensions={"retry_after_s": wait},
            headers={"Retry-After": str(wait)},
        )


class BodyLimit:
    """Refuses bodies above a size, whether or not they say their length."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if _said_length(scope) > self._limit:
            return await refuse(self._refusal(), scope, receive, send)
        received, started = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._limit:
                    raise _Exceeded
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            return await self._app(scope, counted, noted)
        except _Exceeded:
            if started:
                raise
            return await refuse(self._refusal(), scope, receive, send)

    def _refusal(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"expected a body of at most {self._limit} bytes",
            extensions={"limit_bytes": self._limit},
            headers={"Connection": "close"},
        )


class _Exceeded(BaseException):
    """Passes through handlers of exceptions, which would take it for a bad body."""


def _said_length(scope: Scope) -> int:
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0
