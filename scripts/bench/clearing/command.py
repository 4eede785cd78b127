"""`wattline bench clearing`: how long clearing takes, ours and others', on equal books."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from oracle.errors import InvalidInputError
from oracle.market.registry import MECHANISMS
from scripts.bench.clearing.measurement import measure_clearing
from scripts.bench.clearing.systems import contenders, has_pymarket
from scripts.bench.clearing.tables import clearing_tables
from scripts.bench.spread import sizes
from scripts.console import err, errors_in_one_line, out, progress_bars

ALL = "all"


def clearing(
    orders: Annotated[
        str, typer.Option(help="Numbers of orders, even, with commas between.")
    ] = "100,1000,10000,100000",
    mechanisms: Annotated[
        str, typer.Option(help="Ids of mechanisms with commas between, or all.")
    ] = ALL,
    others: Annotated[bool, typer.Option(help="Time pymarket's and plain algorithms, too.")] = True,
    runs: Annotated[int, typer.Option(help="How often each book is cleared.", min=1)] = 5,
    limit: Annotated[
        float, typer.Option(help="Seconds for one book with all its runs and checks.", min=1.0)
    ] = 120.0,
    lines: Annotated[int, typer.Option(help="Lines of each offer to bids.", min=1)] = 8,
    seed: Annotated[int, typer.Option(help="Of the random books.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """
    Time the clearing of random books of growing size, without a chain, beside what others have.

    The same orders go to every mechanism: those that know lines clear them over random lines to
    bids at random fees, the others in one free pool. pymarket (extra `bench`) and plain algorithms
    have the same books; where one of them is the algorithm of a mechanism of ours, volume, welfare
    or fees are compared. Over lines a book has at most 32,766 orders: where more are asked for, it
    has as many. Who takes longer than the limit for a book gets no larger one.

    Example: wattline bench clearing --orders 100,1000 --mechanisms pairwise-nash,uniform
    """
    with errors_in_one_line():
        wanted = [*MECHANISMS] if mechanisms == ALL else mechanisms.split(",")
        unknown = [name for name in wanted if name not in MECHANISMS]
        if unknown:
            raise InvalidInputError(
                f"--mechanisms {unknown[0]}: expected {ALL}, or some of {', '.join(MECHANISMS)}"
            )
        counts = sizes("--orders", orders)
        odd = [count for count in counts if count % 2]
        if odd:
            raise InvalidInputError(f"--orders {odd[0]}: expected an even number")
        if others and not has_pymarket():
            err.print(
                "pymarket is not installed: pip install -e '.\\[bench]' to have it beside ours"
            )
        with progress_bars("clearing") as report:
            figures = measure_clearing(
                contenders(wanted, with_others=others),
                counts,
                runs=runs,
                lines=lines,
                seed=seed,
                limit_s=limit,
                progress=report,
            )

    if as_json:
        typer.echo(json.dumps([asdict(one) for one in figures], indent=1))
        return
    out.print(clearing_tables(figures))
