"""Lists in pages: a cursor is the place of the last item, opaque to who passes it on."""

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.errors import NotFound
from backend.index.tables import Base

MOST = 500
LARGEST = 2**31 - 1  # the integers of all keys end here

Item = TypeVar("Item", bound=BaseModel)
Key = Sequence[InstrumentedAttribute[Any]]
Rows = Select[*tuple[Any, ...]]


class ListQuery(BaseModel):
    """What every list takes; a list's filters come besides. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MOST, description="Items of a page.")] = 100
    cursor: Annotated[
        str | None, Field(description="`next_cursor` of the page before.", max_length=512)
    ] = None
    format: Annotated[
        str | None,
        Field(
            description="`json` or `csv`; takes the place of `Accept`.",
            json_schema_extra={"enum": ["json", "csv"]},
        ),
    ] = None


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Give it as `cursor` to get the next page; null on the last.", examples=[None]
    )


def row_fields(kind: type[BaseModel], row: Base) -> dict[str, Any]:
    """Return those of a row's columns that a resource shows under their own names."""
    return {name: getattr(row, name) for name in kind.model_fields if hasattr(row, name)}


def equal_to(table: type[Base], **given: int | str | None) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that were given."""
    return [getattr(table, name) == one for name, one in given.items() if one is not None]


def cut(rows: Sequence[Any], limit: int, place_of: Any) -> tuple[Sequence[Any], str | None]:
    """Return a page of `rows`, of which one more than the limit was read, and its cursor."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encoded(place_of(rows[limit - 1]))


def read_page(
    session: Session,
    statement: Rows,
    key: Key,
    query: ListQuery,
    *,
    descending: bool = False,
) -> tuple[Sequence[Any], str | None]:
    """
    Return the rows of a page, in the order of `key`, and the next page's cursor.

    The first column of `statement` is the entity that has the key's attributes.
    """
    order = [column.desc() if descending else column.asc() for column in key]
    statement = statement.order_by(*order).limit(query.limit + 1)
    if query.cursor is not None:
        place = tuple_(*decoded(query.cursor, key))
        after = tuple_(*key) < place if descending else tuple_(*key) > place
        statement = statement.where(after)
    rows = session.execute(statement).all()
    return cut(rows, query.limit, lambda row: [getattr(row[0], one.key) for one in key])


def encoded(place: Sequence[int | str]) -> str:
    """Return the cursor of a place."""
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode().rstrip("=")


def decoded(cursor: str, key: Key) -> list[int | str]:
    """Return the place that a cursor of ours names; refuse any other."""
    return decoded_as(cursor, [one.type.python_type for one in key])


def decoded_as(cursor: str, kinds: Sequence[type]) -> list[int | str]:
    """Return the place of a cursor whose parts are of these kinds; refuse any other."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        place = None
    fits = (
        isinstance(place, list)
        and len(place) == len(kinds)
        and all(type(part) is kind for part, kind in zip(place, kinds, strict=True))
        and all(abs(part) <= LARGEST for part in place if isinstance(part, int))
        and all(part.isascii() and "\0" not in part for part in place if isinstance(part, str))
    )
    if not fits:
        raise NotFound("cursor: no page of this list begins there; expected one that it has given")
    return list(place)
