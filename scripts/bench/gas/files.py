"""The files of `wattline bench gas --out`: gas.json, gas.csv, gas.md (for the README), gas.html."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.page import gas_html
from scripts.files import write_csv

COLUMNS = [
    "orders",
    "book",
    "own transaction",
    "in a batch of 100",
    "readings",
    "clear + settle",
    "its floor",
    "with the readings",
    "void",
    "largest transaction",
]


def json_list(figures: Sequence[GasFigures]) -> str:
    """Return the figures as a JSON list."""
    return json.dumps([asdict(one) for one in figures], indent=2)


def main_rows(figures: Sequence[GasFigures]) -> list[list[str]]:
    """Return the main figures as text under `COLUMNS`, the floor of clearing beside them."""
    return [
        [
            f"{one.orders:,}",
            one.shape,
            f"{one.record_own_gas:,}",
            f"{one.record_batch_gas_per_order:,}",
            f"{one.readings_gas_per_order:,}",
            f"{one.clear_settle_gas_per_order:,}",
            f"{one.floor_gas_per_order:,}",
            f"{one.clear_settle_with_readings_gas_per_order:,}",
            f"{one.void_gas_per_order:,}",
            f"{one.largest_transaction_gas:,}",
        ]
        for one in figures
    ]


def markdown_table(figures: Sequence[GasFigures]) -> str:
    """Return the main figures, the floor of clearing and settling beside them."""
    rule = ["--:", "---", *["--:"] * (len(COLUMNS) - 2)]
    rows = (COLUMNS, rule, *main_rows(figures))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write_gas(figures: Sequence[GasFigures], folder: Path) -> None:
    """Write every file into `folder`."""
    (folder / "gas.json").write_text(json_list(figures) + "\n", encoding="utf-8")
    columns = [field.name for field in fields(GasFigures)]
    rows = ([asdict(one)[column] for column in columns] for one in figures)
    write_csv(folder / "gas.csv", columns, rows)
    (folder / "gas.md").write_text(markdown_table(figures), encoding="utf-8")
    (folder / "gas.html").write_text(gas_html(figures), encoding="utf-8")
