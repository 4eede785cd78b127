"""The /storage resource."""

from typing import Annotated

import httpx
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy import func, select
from starlette.responses import Response

from backend.answers import Holds, answer_page
from backend.dependencies import IndexDep, ServiceDep
from backend.errors import ChainUnavailable, NotFound
from backend.index.tables import StorageRecord
from backend.index_view import View, starts_at
from backend.openapi import LIST, PREFIX, read_responses
from backend.pagination import Page, equal_to, read_page
from backend.storage.schemas import PlanQuery, StorageFilter, StoragePlan, StorageRead

router = APIRouter(prefix=f"{PREFIX}/storage", tags=["storage"])


@router.get("", summary="List storage records", response_model=Page[StorageRead], responses=LIST)
def list_storage(
    request: Request, index: IndexDep, query: Annotated[StorageFilter, Query()]
) -> Response:
    """Return what the storage did and held, slot by slot, the latest first."""
    with index.view() as view:
        return answer_page(request, view, query, StorageRead, _records(view, query), Holds.OUTCOME)


@router.get(
    "/plan",
    summary="Get the storage's plan",
    response_model=StoragePlan,
    responses=read_responses(NotFound, ChainUnavailable),
)
async def get_plan(
    request: Request, service: ServiceDep, query: Annotated[PlanQuery, Query()]
) -> StoragePlan:
    """Return what the oracle would have the storage do from a slot on."""
    slot = query.slot
    if slot is None:
        slot = await service.index.read(_next_slot)
    return await _plan(service.oracle, slot)


async def _plan(oracle: httpx.AsyncClient | None, slot: int) -> StoragePlan:
    if oracle is None:
        raise ChainUnavailable("this service was started without the address of an oracle")
    try:
        came = await oracle.get("/storage/setpoints", params={"slot": slot})
    except httpx.HTTPError as error:
        raise ChainUnavailable("the oracle does not answer") from error
    if came.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(f"slot {slot}: the oracle has no plan for it yet")
    try:
        return StoragePlan.model_validate_json(came.raise_for_status().content)
    except (httpx.HTTPError, ValidationError) as error:
        raise ChainUnavailable("expected a plan from the oracle, got something else") from error


def _next_slot(view: View) -> int:
    latest = view.session.scalar(select(func.max(StorageRecord.slot)))
    return int(view.head.slot) if latest is None else latest + 1


def _records(view: View, query: StorageFilter) -> tuple[list[StorageRead], str | None]:
    statement = select(StorageRecord).where(*equal_to(StorageRecord, slot=query.slot))
    rows, cursor = read_page(view.session, statement, (StorageRecord.slot,), query, descending=True)
    records = [
        StorageRead(
            slot=row[0].slot,
            starts_at=starts_at(row[0].slot),
            charge_wh=row[0].charge_wh,
            discharge_wh=row[0].discharge_wh,
            stored_wh=row[0].stored_wh,
            transaction_hash=row[0].transaction_hash,
        )
        for row in rows
    ]
    return records, cursor
