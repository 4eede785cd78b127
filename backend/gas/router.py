"""The /gas resource."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Select, func, select, tuple_
from starlette.responses import Response

from backend.answers import answer_page
from backend.dependencies import IndexDep
from backend.gas.schemas import GasFilter, GasRead
from backend.index.tables import Transaction
from backend.index_view import View
from backend.openapi import LIST, PREFIX
from backend.pagination import Page, cut, decoded_as

router = APIRouter(prefix=f"{PREFIX}/gas", tags=["gas"])


@router.get("", summary="List gas by function", response_model=Page[GasRead], responses=LIST)
def list_gas(request: Request, index: IndexDep, query: Annotated[GasFilter, Query()]) -> Response:
    """Return per function how often it was called, and what it cost."""
    with index.view() as view:
        return answer_page(request, view, query, GasRead, _gas(view, query))


def _gas(view: View, query: GasFilter) -> tuple[list[GasRead], str | None]:
    statement = _by_function()
    if query.cursor is not None:
        place = tuple_(*decoded_as(query.cursor, (str, str)))
        statement = statement.where(
            tuple_(statement.selected_columns.contract, statement.selected_columns.function) > place
        )
    rows, cursor = cut(
        view.session.execute(statement.limit(query.limit + 1)).all(),
        query.limit,
        lambda row: [row.contract, row.function],
    )
    return [GasRead(**row._asdict()) for row in rows], cursor


def _by_function() -> Select[*tuple[Any, ...]]:
    """Return the figures per function; no database's own median is the other's."""
    of_function = (Transaction.contract, Transaction.function)
    ranked = select(
        *of_function,
        Transaction.gas_used,
        func.row_number()
        .over(partition_by=of_function, order_by=(Transaction.gas_used, Transaction.hash))
        .label("place"),
        func.count().over(partition_by=of_function).label("calls"),
    ).subquery()
    middle = (
        select(ranked.c.contract, ranked.c.function, ranked.c.gas_used)
        .where(ranked.c.place == (ranked.c.calls + 1) // 2)
        .subquery()
    )
    return (
        select(
            ranked.c.contract,
            ranked.c.function,
            func.max(ranked.c.calls).label("calls"),
            func.min(ranked.c.gas_used).label("min_gas"),
            func.max(middle.c.gas_used).label("median_gas"),
            func.max(ranked.c.gas_used).label("max_gas"),
            func.sum(ranked.c.gas_used).label("total_gas"),
        )
        .join(
            middle,
            (middle.c.contract == ranked.c.contract) & (middle.c.function == ranked.c.function),
        )
        .group_by(ranked.c.contract, ranked.c.function)
        .order_by(ranked.c.contract, ranked.c.function)
    )
