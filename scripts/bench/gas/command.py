"""`wattline bench gas`: the gas of recording, clearing, settling and voiding, from receipts."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.errors import InvalidInputError
from scripts.bench.gas.community import SHAPES, Shape
from scripts.bench.gas.files import json_list, write_gas
from scripts.bench.gas.measurement import measured
from scripts.bench.gas.tables import gas_tables
from scripts.console import errors_in_one_line, out, progress_bars

BOTH = "both"


def gas(
    orders: Annotated[
        str,
        typer.Option(help="Numbers of orders, even, from 10 to 1024, with commas between."),
    ] = "10,50,100,200,500,1000",
    shape: Annotated[
        str,
        typer.Option(
            help="one-to-one (each order has one trade), dense (orders split over their lines), "
            "or both."
        ),
    ] = BOTH,
    chain: Annotated[
        str,
        typer.Option(
            "--chain",
            help="embedded (in this process), anvil (started for the run), or a development "
            "node's URL.",
        ),
    ] = "embedded",
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write gas.json, gas.csv, gas.md and gas.html."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """
    Measure what a slot costs, per order, from receipts: recording, clearing, settling, voiding.

    The data are synthetic: prosumers on a ring, each with 8 lines, to its 4 neighbours on either
    side; sellers and buyers alternate, so each seller has 4 lines to buyers and 4 to other sellers.

    Example: wattline bench gas --orders 10,100 --out out/gas
    """
    with errors_in_one_line():
        sizes, shapes = _sizes(orders), _shapes(shape)
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
        with progress_bars("gas") as report:
            figures = measured(sizes, shapes, chain, report)
        if out_dir is not None:
            write_gas(figures, out_dir)

    if as_json:
        typer.echo(json_list(figures))
        return
    out.print(gas_tables(figures))
    if out_dir is not None:
        out.print(f"page: {out_dir / 'gas.html'}", highlight=False, soft_wrap=True)


def _sizes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInputError(
            f"--orders {text}: expected whole numbers with commas between, such as 10,100"
        ) from error


def _shapes(text: str) -> tuple[Shape, ...]:
    if text == BOTH:
        return SHAPES
    for shape in SHAPES:
        if text == shape:
            return (shape,)
    raise InvalidInputError(f"--shape {text}: expected one of {', '.join(SHAPES)}, {BOTH}")
