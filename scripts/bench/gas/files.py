"""The files that `wattline bench gas --out` leaves: gas.json, gas.csv and gas.html."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.page import gas_html
from scripts.files import write_csv


def json_list(figures: Sequence[GasFigures]) -> str:
    """Return the figures as a JSON list."""
    return json.dumps([asdict(one) for one in figures], indent=2)


def write_gas(figures: Sequence[GasFigures], folder: Path) -> None:
    """Write every file into `folder`."""
    (folder / "gas.json").write_text(json_list(figures) + "\n", encoding="utf-8")
    columns = [field.name for field in fields(GasFigures)]
    rows = ([asdict(one)[column] for column in columns] for one in figures)
    write_csv(folder / "gas.csv", columns, rows)
    (folder / "gas.html").write_text(gas_html(figures), encoding="utf-8")
