"""`wattline bench rounds`: whole rounds on a chain, and where their time goes."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from scripts.bench.gas.community import require_size
from scripts.bench.rounds.measurement import measure_rounds, require_chains
from scripts.bench.rounds.tables import rounds_tables
from scripts.bench.spread import sizes
from scripts.console import errors_in_one_line, out, progress_bars

MOST_RUNS = 10  # deposits last for as many, and one more


def rounds(
    prosumers: Annotated[
        str, typer.Option(help="Numbers of prosumers, even, from 10 to 1024, with commas between.")
    ] = "10,100,1000",
    chain: Annotated[
        list[str] | None,
        typer.Option(
            "--chain",
            help="embedded (in this process), anvil (started for the run), or a development "
            "node's URL; may be given again. Without it: embedded and anvil.",
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(help="Rounds of each market that count.", min=1, max=MOST_RUNS)
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """
    Time whole rounds of a slot: sign, post in signed batches, clear, read meters, settle.

    The data are synthetic: those of `wattline bench gas`, each prosumer with an order, orders split
    over their lines, `pairwise-nash`. The chain's clock is moved, so nothing waits for slots.

    Example: wattline bench rounds --prosumers 10,100 --chain embedded
    """
    with errors_in_one_line():
        counts = sizes("--prosumers", prosumers)
        for count in counts:
            require_size(count, "--prosumers")
        chains = chain or ["embedded", "anvil"]
        require_chains(chains)  # before the work: a wrong one costs no round on the others
        with progress_bars("rounds") as report:
            figures = [
                measure_rounds(name, count, runs, report) for name in chains for count in counts
            ]

    if as_json:
        typer.echo(json.dumps([asdict(one) for one in figures], indent=1))
        return
    out.print(rounds_tables(figures))
