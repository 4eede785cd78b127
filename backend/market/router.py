"""The /market and /clock resources."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.answers import Holds, answer
from backend.dependencies import ServiceDep
from backend.market.schemas import ClockRead, MarketRead
from backend.market.service import clock_read, market_read
from backend.openapi import ONE, PREFIX

router = APIRouter(prefix=PREFIX, tags=["market"])


@router.get("/market", summary="Get the market", response_model=MarketRead, responses=ONE)
def get_market(request: Request, service: ServiceDep) -> Response:
    """Return the manifest and constants, and what a wallet needs to sign for this market."""
    with service.index.view() as view:
        market = market_read(
            service.manifest,
            service.settings.devnet_file,
            takes_orders=service.orders_relay is not None,
        )
        return answer(request, view, market, Holds.BLOCK)


@router.get("/clock", summary="Get the clock", response_model=ClockRead, responses=ONE)
def get_clock(request: Request, service: ServiceDep) -> Response:
    """Return the chain's time, the slot being delivered and the next whose gate closes."""
    with service.index.view() as view:
        return answer(
            request, view, clock_read(view.head, service.settings.devnet_file), Holds.BLOCK
        )
