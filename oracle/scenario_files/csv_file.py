"""A CSV file of non-negative numbers with one row per slot or hour, checked cell by cell."""

import csv
import difflib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oracle.errors import InvalidInputError
from oracle.scenario_files.fields import printable
from oracle.scenario_files.text_file import read_text

FloatArray = npt.NDArray[np.float64]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CsvFile:
    """The columns of a file, and the line that each row came from."""

    name: str
    columns: dict[str, FloatArray]
    lines: tuple[int, ...]

    def fault(self, row: int, column: str, problem: str) -> InvalidInputError:
        """Return the error to raise about one cell."""
        return InvalidInputError(f"{self.name}, line {self.lines[row]}, {column}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """What a file has to look like; `rows` is None where any number of whole days will do."""

    index: str  # heading of the first column: "slot" or "hour"
    columns: tuple[str, ...]
    rows: int | None
    rows_per_day: int
    at_most: float = float("inf")


def read_csv(path: Path, expected: CsvFormat) -> CsvFile:
    """Return the file's columns as arrays, or say which cell is at fault."""
    numbered = numbered_rows(path)
    if not numbered:
        raise InvalidInputError(f"{path.name}, line 1: expected headings, got an empty file")
    headings = [heading.strip() for heading in numbered[0].cells]
    check_headings(path.name, headings, (expected.index, *expected.columns))
    rows = numbered[1:]
    for position, row in enumerate(rows):
        if position == expected.rows:
            raise _wrong_row_count(path.name, len(rows), row.line, expected)
        _check_row(path.name, row, position, headings, expected)
    if not rows or len(rows) % expected.rows_per_day or len(rows) != (expected.rows or len(rows)):
        raise _wrong_row_count(path.name, len(rows), numbered[-1].line + 1, expected)

    cells = np.array([_numbers(path.name, row, headings, expected) for row in rows])
    return CsvFile(
        name=path.name,
        columns={name: cells[:, headings.index(name)] for name in expected.columns},
        lines=tuple(row.line for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row and the line it ends on."""

    line: int
    cells: list[str]


def numbered_rows(path: Path) -> list[Row]:
    """Return the rows of a file that are not empty."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        return [Row(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InvalidInputError(
            f"{path.name}, line {reader.line_num}: expected comma-separated values, got: {error}"
        ) from error


def check_headings(name: str, headings: Sequence[str], known: Sequence[str]) -> None:
    """Refuse headings that are not the known ones, in any order, each once."""
    for position, heading in enumerate(headings):
        if heading not in known:
            close = difflib.get_close_matches(heading, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "nothing describes this one"
            raise InvalidInputError(
                f'{name}, line 1, column "{printable(heading)}": expected a known column, {hint}'
            )
        if heading in headings[:position]:
            raise InvalidInputError(f"{name}, line 1, {heading}: expected this column only once")
    for heading in known:
        if heading not in headings:
            raise InvalidInputError(
                f"{name}, line 1, {heading}: expected this column, but it is missing"
            )


def _check_row(
    name: str, row: Row, position: int, headings: list[str], expected: CsvFormat
) -> None:
    if len(row.cells) != len(headings):
        raise InvalidInputError(
            f"{name}, line {row.line}: expected {len(headings)} values, got {len(row.cells)}"
        )
    cell = row.cells[headings.index(expected.index)].strip()
    if cell != str(position + 1):
        raise InvalidInputError(
            f"{name}, line {row.line}, {expected.index}: expected {position + 1}, got {said(cell)}"
        )


def _wrong_row_count(name: str, count: int, line: int, expected: CsvFormat) -> InvalidInputError:
    """Return the error to raise; `line` is where a row is missing, or the first one too many."""
    if expected.rows is None:
        wanted = f"whole days of {expected.rows_per_day} rows"
    else:
        wanted = f"{expected.rows} rows ({expected.index}s 1 to {expected.rows})"
    return InvalidInputError(f"{name}, line {line}: expected {wanted}, got {count}")


def _numbers(name: str, row: Row, headings: list[str], expected: CsvFormat) -> list[float]:
    return [
        _number(name, row.line, heading, cell.strip(), expected.at_most)
        for heading, cell in zip(headings, row.cells, strict=True)
    ]


def _number(name: str, line: int, heading: str, cell: str, at_most: float) -> float:
    value = float(cell) if _NUMBER.fullmatch(cell) else -1.0
    if not 0.0 <= value <= at_most or value == float("inf"):
        limits = "of at least 0" if at_most == float("inf") else f"in [0, {at_most:.15g}]"
        raise InvalidInputError(
            f"{name}, line {line}, {heading}: expected a number {limits}, got {said(cell)}"
        )
    return abs(value)


def said(cell: str) -> str:
    """Return a cell as an error quotes it."""
    if not cell:
        return "an empty cell"
    return printable(cell if len(cell) <= 40 else cell[:37] + "...")
