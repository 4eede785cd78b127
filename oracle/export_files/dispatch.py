"""The dispatch part of an export: dispatch.json, and a copy of the scenario's files."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oracle.domain.book import Trade
from oracle.domain.record import DispatchRecord, Optimisation, PlannedOutcome
from oracle.errors import InvalidInputError
from oracle.export_files.market import write_json
from oracle.export_files.values import (
    BYTES,
    NUMBER,
    TEXT,
    TRADE,
    Kind,
    list_of,
    object_of,
    parsed,
    taken,
    text_of,
    uint,
)

FILE = "dispatch.json"
HOLDS = (
    "what was computed for the scenario: planned trades with their certificates; per optimisation "
    "the value of each column, the dual value of each row, the objective, the bound that the dual "
    "values prove, and the gap between them"
)
SCENARIO = "scenario"
SCENARIO_HOLDS = "a file of the scenario that was run"


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError
    return {name: NUMBER.read(number) for name, number in value.items()}


def _days(value: Any) -> int | None:
    days: int | None = None if value is None else uint(16).read(value)
    return days


def _mechanism(value: Any) -> str | None:
    name: str | None = None if value is None else TEXT.read(value)
    return name


NUMBERS = Kind("an object of numbers", _numbers)
SLOTS = list_of(uint(16))
OUTCOME = object_of(slot=uint(16), trades=list_of(TRADE), certificate=BYTES)
OPTIMISATION = {
    "name": TEXT,
    "objective_usd": NUMBER,
    "bound_usd": NUMBER,
    "gap": NUMBER,
    "exclusive_slots": SLOTS,
    "columns": NUMBERS,
    "duals": NUMBERS,
}
DISPATCH = {
    "days": Kind("a number of days or null", _days),
    "mechanism": Kind("the id of a mechanism or null", _mechanism),
    "trades": list_of(OUTCOME),
    "optimisations": Kind("a list of objects", lambda value: _list(value)),
}


def write_dispatch(folder: Path, record: DispatchRecord, scenario: Path) -> dict[str, str]:
    """Write the dispatch and copy the scenario's files; return what was written and holds what."""
    write_json(
        folder / FILE,
        {
            "days": record.days,
            "mechanism": record.mechanism,
            "trades": [
                {
                    "slot": one.slot,
                    "trades": [_fields(trade) for trade in one.trades],
                    "certificate": "0x" + one.certificate.hex(),
                }
                for one in record.outcomes
            ],
            "optimisations": [asdict(one) for one in record.optimisations],
        },
    )
    (folder / SCENARIO).mkdir(exist_ok=True)
    files = {FILE: HOLDS}
    for path in sorted(scenario.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, folder / SCENARIO / path.name)
            files[f"{SCENARIO}/{path.name}"] = SCENARIO_HOLDS
    return files


def read_dispatch(folder: Path) -> DispatchRecord:
    """
    Return the dispatch of a folder.

    Raises
    ------
    InvalidInputError
        With file and key where it is not what `write_dispatch` writes.
    """
    fields = taken(FILE, parsed(FILE, text_of(folder / FILE)), DISPATCH)
    optimisations = []
    for position, entry in enumerate(fields["optimisations"]):
        one = taken(f"{FILE}, optimisations {position}", entry, OPTIMISATION)
        one["exclusive_slots"] = tuple(one["exclusive_slots"])
        optimisations.append(Optimisation(**one))
    if len({one.name for one in optimisations}) != len(optimisations):
        raise InvalidInputError(f"{FILE}, optimisations: expected each name once")
    return DispatchRecord(
        days=fields["days"],
        mechanism=fields["mechanism"],
        outcomes=tuple(
            PlannedOutcome(
                slot=one["slot"],
                trades=tuple(Trade(**trade) for trade in one["trades"]),
                certificate=bytes.fromhex(one["certificate"][2:]),
            )
            for one in fields["trades"]
        ),
        optimisations=tuple(optimisations),
    )


def _fields(trade: Trade) -> dict[str, int]:
    return {name: value for name, value in asdict(trade).items() if name != "delivered"}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value
