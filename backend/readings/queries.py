"""Readings from the index."""

from sqlalchemy import select

from backend.index.tables import Reading
from backend.index_view import View
from backend.pagination import equal_to, read_page
from backend.readings.schemas import ReadingFilter, ReadingRead


def readings(view: View, query: ReadingFilter) -> tuple[list[ReadingRead], str | None]:
    """Return a page of readings, the latest slot first."""
    chosen = equal_to(Reading, slot=query.slot, participant=query.participant)
    key = (Reading.slot, Reading.sequence)
    rows, cursor = read_page(
        view.session, select(Reading).where(*chosen), key, query, descending=True
    )
    return [ReadingRead.of(row[0]) for row in rows], cursor
