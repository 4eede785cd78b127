"""Answers of reads: JSON or CSV, with the block they are of, kept for the next who asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from backend.csv_format import CSV, csv_of
from backend.errors import UnsupportedFormat
from backend.index_view import Head, View
from backend.pagination import ListQuery, Page

JSON = "application/json"
BLOCK_HEADER = "X-Wattline-Block"
KEPT = "kept"  # under this name a request's state says how long its answer holds


class Holds(Enum):
    """How long an answer stays the same."""

    BLOCK = "until the next block"  # the chain's clock is part of it
    SLOT = (
        "until the next event or slot"  # gates close, and what was announced holds, where it begins
    )
    OUTCOME = "until the next event that is not of a book: a clearing, a settlement, …"
    OUTCOME_OR_SLOT = "until that, or the next slot"
    EVENT = "until the next event"

    def token(self, head: Head) -> str:
        """Return a text that stays the same as long as the answer does."""
        match self:
            case Holds.BLOCK:
                return head.hash
            case Holds.SLOT:
                return f"{head.slot} {head.revision}"
            case Holds.EVENT:
                return head.revision
            case Holds.OUTCOME_OR_SLOT:
                return str(head.slot)
            case Holds.OUTCOME:
                return ""


@dataclass(frozen=True, slots=True)
class OfSlot:
    """What is only told of one slot: it holds until an event of that slot."""

    slot: int
    ends_with_slot: bool = False  # of delivery: gates close where the next begins

    def token(self, head: Head) -> str:
        """Return a text that stays the same as long as the answer does."""
        return str(head.slot) if self.ends_with_slot else ""


def answer(
    request: Request, view: View, content: BaseModel, holds: Holds | OfSlot = Holds.EVENT
) -> Response:
    """Return one thing as JSON."""
    if not _accepts(request, JSON):
        raise _unsupported("application/json")
    return _kept(request, view.head, content.model_dump_json(), JSON, holds)


def answer_page(
    request: Request,
    view: View,
    query: ListQuery,
    kind: type[BaseModel],
    page: tuple[Sequence[Any], str | None],
    holds: Holds | OfSlot = Holds.EVENT,
) -> Response:
    """Return a page of things of a kind as JSON or CSV."""
    items, cursor = page
    if _format(request, query) == "csv":
        response = _kept(request, view.head, csv_of(kind, items), CSV, holds)
    else:
        content = Page.model_construct(items=list(items), next_cursor=cursor)
        response = _kept(request, view.head, content.model_dump_json(), JSON, holds)
    if cursor is not None:
        following = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return response


def until_its_events(slot: int | None, of_all: Holds = Holds.EVENT) -> Holds | OfSlot:
    """Return how long a list holds that is of one slot, or of all."""
    return of_all if slot is None else OfSlot(slot)


def _kept(
    request: Request, head: Head, body: str, media_type: str, holds: Holds | OfSlot
) -> Response:
    setattr(request.state, KEPT, (holds, holds.token(head)))
    return Response(body, headers={BLOCK_HEADER: str(head.number)}, media_type=media_type)


def _format(request: Request, query: ListQuery) -> str:
    if query.format is not None:
        if query.format not in ("json", "csv"):
            raise _unsupported("format=json or format=csv")
        return query.format
    if _accepts(request, JSON, before="text/csv"):
        return "json"
    if _accepts(request, "text/csv"):
        return "csv"
    raise _unsupported("application/json or text/csv")


def _unsupported(expected: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"this resource is to be had as {expected}")


def _accepts(request: Request, media_type: str, *, before: str | None = None) -> bool:
    """Return whether the client takes a type, and likes it no less than another."""
    accept = request.headers.get("accept", "*/*") or "*/*"
    weight = _weight(accept, media_type)
    return weight > 0 and (before is None or weight >= _weight(accept, before))


def _weight(accept: str, media_type: str) -> float:
    """Return the weight of a type in an Accept header (RFC 9110, 12.5.1)."""
    best, weight = -1, 0.0
    ranges = ("*/*", f"{media_type.partition('/')[0]}/*", media_type)
    for part in accept.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        if name in ranges and ranges.index(name) > best:
            best = ranges.index(name)
            weight = _quality(parameters)
    return weight


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
