"""Rows that wait to be inserted together."""

from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from backend.index.tables import Base

MAX_EXACT = 2**53 - 1  # what every reader of JSON takes as it is


class Rows:
    """Collects rows by table and inserts them in the order that foreign keys need."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, table: type[Base], **values: Any) -> None:
        """Add a row; all rows of a table name the same columns."""
        self._rows.setdefault(table.__tablename__, []).append(values)

    def insert(self, session: Session) -> None:
        connection = session.connection()
        for table in Base.metadata.sorted_tables:
            if rows := self._rows.get(table.name):
                connection.execute(insert(table), rows)


def plain(value: Any) -> Any:
    """Return a value for JSON: integers that some readers would round as texts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_EXACT:
        return str(value)
    return value
