"""The /orders resource: entries of books, and signed orders for them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status
from starlette.concurrency import run_in_threadpool

from backend.answers import answer_page, until_its_events
from backend.dependencies import IndexDep, ServiceDep
from backend.errors import (
    AttemptsSpent,
    BodyTooLarge,
    ChainUnavailable,
    ForeignChain,
    GateClosed,
    IndexBehind,
    InsufficientFunds,
    InvalidRequest,
    NonceSpent,
    NotAParticipant,
    NotFound,
    NotOpenYet,
    OrderExists,
    OutboxFull,
    PriceAboveCap,
    WrongSignature,
    ZeroEnergy,
)
from backend.fields import EXAMPLE_HASH
from backend.openapi import LIST, PREFIX, refusals
from backend.orders.queries import orders, outbox_order
from backend.orders.schemas import OrderFilter, OrderPost, OrderRead, OutboxRead
from backend.pagination import Page

router = APIRouter(prefix=f"{PREFIX}/orders", tags=["orders"])

REFUSALS = refusals(
    ForeignChain,
    InvalidRequest,
    ZeroEnergy,
    PriceAboveCap,
    GateClosed,
    NotOpenYet,
    NotAParticipant,
    WrongSignature,
    NonceSpent,
    OrderExists,
    InsufficientFunds,
    AttemptsSpent,
    BodyTooLarge,
    OutboxFull,
    IndexBehind,
    ChainUnavailable,
)


@router.get("", summary="List orders", response_model=Page[OrderRead], responses=LIST)
def list_orders(
    request: Request, index: IndexDep, query: Annotated[OrderFilter, Query()]
) -> Response:
    """Return entries of slots' books, the latest slot first."""
    with index.view() as view:
        page = orders(view, query)
        return answer_page(request, view, query, OrderRead, page, until_its_events(query.slot))


@router.post(
    "",
    summary="Post an order",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        202: {
            "headers": {
                "Location": {
                    "description": "Where the order's state is.",
                    "schema": {"type": "string"},
                }
            }
        },
        **REFUSALS,
    },
)
async def post_order(body: OrderPost, service: ServiceDep, response: Response) -> OutboxRead:
    """
    Hand in an order that its owner has signed.

    It is checked here, then posted to the chain together with others, and again if the chain takes
    it back while its gate is open. The same order a second time is refused with `order-exists`
    and its id, unless it was skipped or has failed meanwhile: then it is tried again, so often as
    the service pays for. After that all of the participant's for the slot is refused with
    `attempts-spent`.
    """
    service.require_ready()
    taken = await run_in_threadpool(service.orders.take, body)
    response.headers["Location"] = f"/api/v1/orders/{taken.id}"
    return taken


@router.get(
    "/{id}", summary="Get a posted order", responses=refusals(NotFound, InvalidRequest, IndexBehind)
)
def get_order(
    index: IndexDep,
    id: Annotated[
        str,
        Path(
            pattern=r"^0x[0-9a-fA-F]{64}$",
            description="As `POST /orders` has given it: the hash that the owner signed.",
            examples=[EXAMPLE_HASH],
        ),
    ],
) -> OutboxRead:
    """Return where a signed order has got to."""
    with index.view() as view:
        found = outbox_order(view, id.lower())
    if found is None:
        raise NotFound("no order with this id was handed in here")
    return found
