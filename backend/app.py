"""The application: routes, and around them what every request goes through."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from backend.access_log import AccessLog
from backend.accounts.router import router as accounts
from backend.cache import AnswerCache
from backend.chain import ChainRelay
from backend.deliveries.router import router as deliveries
from backend.gas.router import router as gas
from backend.health import router as health
from backend.index.database import Database
from backend.index.follower import Follower
from backend.limits import BodyLimit, RateLimits
from backend.lines.router import router as lines
from backend.live.router import router as live
from backend.market.router import router as market
from backend.market.schemas import MarketManifest
from backend.openapi import DESCRIPTION, PREFIX, describe
from backend.orders.router import router as orders
from backend.participants.router import router as participants
from backend.readings.router import router as readings
from backend.refusals import add_handlers
from backend.rounds.router import router as rounds
from backend.security import (
    AllowedOrigins,
    SecurityHeaders,
    TrustedHosts,
    content_security_policy,
)
from backend.service import Service
from backend.settings import ServiceSettings
from backend.slots.router import router as slots
from backend.storage.router import router as storage
from backend.trades.router import router as trades
from backend.transactions.router import router as transactions
from backend.web.page import add_page, script_hashes

ROUTERS = (
    market,
    participants,
    lines,
    slots,
    orders,
    rounds,
    trades,
    deliveries,
    readings,
    storage,
    accounts,
    gas,
    transactions,
    live,
)


def create_app(
    settings: ServiceSettings,
    manifest: MarketManifest,
    database: Database,
    follower: Follower | None = None,
    relay: ChainRelay | None = None,
) -> FastAPI:
    """Return the application of one market; without a relay it takes no orders or readings."""
    service = Service(settings, manifest, database, follower, relay)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title="Wattline",
        version=version("wattline"),
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(health)
    if settings.serves_page:
        add_page(app)
    add_handlers(app)
    describe(app)
    for wrap in reversed(_around(service)):
        app.add_middleware(wrap)
    return app


def _around(service: Service) -> list[Callable[[ASGIApp], ASGIApp]]:
    """Return what a request goes through before it comes to a route, outermost first."""
    settings = service.settings
    policy = content_security_policy(script_hashes() if settings.serves_page else ())
    return [
        lambda app: _behind(settings.trusted_proxies, app),
        lambda app: AccessLog(app, service.metrics),
        lambda app: SecurityHeaders(app, policy),
        lambda app: TrustedHosts(app, settings.allowed_hosts),
        lambda app: AllowedOrigins(app, settings.allowed_origins),
        lambda app: RateLimits(app, settings),
        lambda app: BodyLimit(app, settings.body_limit),
        lambda app: AnswerCache(
            app,
            service.watch,
            service.metrics.kept,
            prefix=f"{PREFIX}/",
            entries=settings.cache_entries,
            size=settings.cache_bytes,
        ),
    ]


def _behind(proxies: Sequence[str], app: Any) -> Any:
    """Take X-Forwarded-For from these alone; its types are not those of Starlette."""
    return ProxyHeadersMiddleware(app, [*proxies])
