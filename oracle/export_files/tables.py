"""CSV files: one header line, one row per record, LF; read back without mercy."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oracle.errors import InvalidInputError
from oracle.export_files.values import Kind, taken, text_of

Columns = dict[str, Kind]


def write_table(path: Path, columns: Columns, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of integers and texts; no text of an export holds a comma or a quote."""
    lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read_table(path: Path, columns: Columns) -> list[dict[str, Any]]:
    """
    Return the rows of a file by column.

    Raises
    ------
    InvalidInputError
        With file, line and column where it is not what `write_table` writes.
    """
    text = text_of(path)
    lines = text.split("\n")
    if lines[0] != ",".join(columns):
        raise InvalidInputError(f"{path.name}, line 1: expected the columns {','.join(columns)}")
    if lines[-1] != "":
        raise InvalidInputError(f"{path.name}, line {len(lines)}: expected a line feed at the end")
    rows = []
    for number, line in enumerate(lines[1:-1], start=2):
        cells = line.split(",")
        if len(cells) != len(columns):
            raise InvalidInputError(
                f"{path.name}, line {number}: expected {len(columns)} cells, got {len(cells)}"
            )
        place = f"{path.name}, line {number}"
        rows.append(taken(place, dict(zip(columns, cells, strict=True)), columns))
    return rows
