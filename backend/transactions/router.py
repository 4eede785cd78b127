"""The /transactions resource."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy import select
from starlette.responses import Response

from backend.answers import answer
from backend.dependencies import IndexDep
from backend.errors import NotFound
from backend.fields import EXAMPLE_HASH
from backend.index.tables import Block, Event, Transaction
from backend.index_view import View, instant
from backend.openapi import ONE_OR_NONE, PREFIX
from backend.transactions.schemas import EventRead, TransactionRead

router = APIRouter(prefix=f"{PREFIX}/transactions", tags=["transactions"])

HashPath = Annotated[
    str, Path(pattern=r"^0x[0-9a-fA-F]{64}$", description="Its hash.", examples=[EXAMPLE_HASH])
]


@router.get(
    "/{hash}",
    summary="Get a transaction",
    response_model=TransactionRead,
    responses=ONE_OR_NONE,
)
def get_transaction(request: Request, index: IndexDep, hash: HashPath) -> Response:
    """Return a transaction and the events that it left."""
    with index.view() as view:
        found = _transaction(view, hash.lower())
        if found is None:
            raise NotFound("no transaction with this hash left an event of this market")
        return answer(request, view, found)


def _transaction(view: View, number: str) -> TransactionRead | None:
    row = view.session.execute(
        select(Transaction, Block.time)
        .join(Block, Block.number == Transaction.block)
        .where(Transaction.hash == number)
    ).first()
    if row is None:
        return None
    transaction, time = row
    events = view.session.scalars(
        select(Event).where(Event.transaction_hash == number).order_by(Event.log_index)
    )
    return TransactionRead(
        hash=transaction.hash,
        block=transaction.block,
        at=instant(time),
        contract=transaction.contract,
        function=transaction.function,
        sender=transaction.sender,
        gas_used=transaction.gas_used,
        status=transaction.status,
        events=[
            EventRead(
                log_index=event.log_index,
                contract=event.contract,
                name=event.name,
                slot=event.slot,
                fields=event.fields,
            )
            for event in events
        ],
    )
