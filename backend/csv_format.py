"""Lists as CSV (RFC 4180): a header of field names with their units, one line an item."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

CSV = "text/csv; charset=utf-8"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(kind: type[BaseModel], items: Iterable[BaseModel]) -> str:
    """Return the items of a list; nothing stands for null."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(kind.model_fields)
    for item in items:
        writer.writerow([_cell(value) for value in item.model_dump(mode="json").values()])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return what a spreadsheet shows; a text that it would compute gets a quote in front."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
