"""The SimBench data set on disk: tables of one grid, and profiles of some consecutive days."""

import csv
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oracle.errors import InvalidInputError
from oracle.units import SLOT_SECONDS, SLOTS_PER_DAY

FloatArray = npt.NDArray[np.float64]

FIRST_ROW = datetime(2015, 12, 31, 23, tzinfo=UTC)
"""
Start of the profiles' first row, labelled 01.01.2016 00:00 in German local time. The rows are a
quarter of an hour apart throughout; the labels jump with daylight saving time.
"""

LABEL = "%d.%m.%Y %H:%M"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One of SimBench's three scenarios: 0 is today, 1 and 2 are futures."""

    folder: Path

    def rows(self, table: str, columns: tuple[str, ...], grid: str) -> list[dict[str, str]]:
        """Return the rows of a table that belong to a grid."""
        return [row for row in self._rows(table, columns) if row.get("subnet") == grid]

    def all_rows(self, table: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """Return the rows of a table that belong to no grid, such as types of lines, by id."""
        return {row["id"]: row for row in self._rows(table, columns)}

    def _rows(self, table: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
        path = self.folder / f"{table}.csv"
        if not path.exists():
            return
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines, delimiter=";")
            for column in columns:
                if column not in (reader.fieldnames or ()):
                    raise InvalidInputError(f"{path}, line 1: expected a column {column}")
            yield from reader


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profiles:
    """Per-unit profiles over whole days, and the clock they are labelled with."""

    first_slot: datetime  # with the local offset from UTC
    local_hours: tuple[int, ...]  # hour of the local clock, per slot
    values: dict[str, FloatArray]  # (T,) each


def open_data_set(scenario: int, source: Path | None) -> DataSet:
    """Return a scenario's data set in the folder `source`, or in the installed package."""
    networks = installed_networks() if source is None else source
    folder = networks / f"1-complete_data-mixed-all-{scenario}-sw"
    if not (folder / "Load.csv").exists():
        raise InvalidInputError(
            f"{folder}: expected the CSV files of SimBench's scenario {scenario}"
        )
    return DataSet(folder)


def read_profiles(
    data: DataSet, table: str, columns: Iterable[str], first_day: date, days: int
) -> Profiles:
    """Return the named columns of a profile table for some whole days."""
    path = data.folder / f"{table}.csv"
    wanted = sorted(set(columns))
    start = f"{first_day:%d.%m.%Y} 00:00;"
    with path.open(encoding="utf-8", newline="") as lines:
        headings = next(lines).rstrip("\r\n").split(";")
        for column in wanted:
            if column not in headings:
                raise InvalidInputError(f"{path}, line 1: expected a column {column}")
        position, first = _first_line(lines, start)
        rest = islice(lines, days * SLOTS_PER_DAY - 1)
        rows = [row.rstrip("\r\n").split(";") for row in (first, *rest)] if first else []
    if len(rows) < days * SLOTS_PER_DAY:
        raise InvalidInputError(
            f"--from, --days: expected days within the profiles, which are of the year 2016, "
            f"got {days} from {first_day}"
        )

    at = [headings.index(column) for column in wanted]
    try:
        cells = np.array([[float(row[column]) for column in at] for row in rows])
    except (IndexError, ValueError) as error:
        raise InvalidInputError(f"{path}, {first_day}: expected numbers: {error}") from error
    labels = [datetime.strptime(row[0], LABEL).replace(tzinfo=UTC) for row in rows]
    moment = FIRST_ROW + timedelta(seconds=position * SLOT_SECONDS)
    return Profiles(
        first_slot=moment.astimezone(timezone(labels[0] - moment)),
        local_hours=tuple(label.hour for label in labels),
        values={column: cells[:, place] for place, column in enumerate(wanted)},
    )


def _first_line(lines: Iterator[str], start: str) -> tuple[int, str]:
    """Return the first line that begins so, and its position; an empty one if there is none."""
    for position, line in enumerate(lines):
        if line.startswith(start):
            return position, line
    return 0, ""


def installed_networks(package: str = "simbench") -> Path:
    """Return the package's data folder without importing the package, which needs pandapower."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise InvalidInputError(
            f"{package}: expected this package with the grid data; install it with "
            "pip install '.[simbench]', or name its folder of networks with --source"
        )
    return Path(found.submodule_search_locations[0]) / "networks"
