"""`wattline bench scale`: many feeders' markets, cleared in parallel, settled on one chain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from oracle.errors import InvalidInputError
from oracle.region.day import FeederDay
from oracle.region.feeder import RegionTerms
from oracle.region.schedulers import SCHEDULERS, SchedulerName
from oracle.region.settlement import Chain, settlement_of
from scripts.bench.scale.gas import measured_costs, read_costs
from scripts.bench.scale.summary import COLUMNS, region_summary, rows_of, timing_summary
from scripts.bench.scale.tables import region_tables
from scripts.bench.scale.timing import ignore, timed
from scripts.console import errors_in_one_line, out, progress_bars
from scripts.files import write_csv
from scripts.summary import json_text

BLOCK_GAS = 60_000_000  # the default of Ethereum's clients since EIP-7935
BLOCK_SECONDS = 12


def scale(
    feeders: Annotated[int, typer.Option(help="Markets, each with contracts of its own.")] = 1000,
    prosumers: Annotated[int, typer.Option(help="Of each feeder.")] = 100,
    scheduler: Annotated[
        str,
        typer.Option(
            help="Where feeders are cleared: serial (in this process), process (a pool of local "
            "ones), dask (a Dask cluster, by default a local one of its own)."
        ),
    ] = "process",
    workers: Annotated[
        int, typer.Option(help="Processes that are started, with one thread each.")
    ] = 2,
    address: Annotated[
        str | None,
        typer.Option(help="A running Dask scheduler, such as tcp://host:8786, with its workers."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the feeders.")] = 1,
    runs: Annotated[
        int,
        typer.Option(
            help="Clear the region so many times by one process and under the scheduler, in turn, "
            "and say how many times as fast that is.",
            min=0,
        ),
    ] = 0,
    gas: Annotated[
        Path | None,
        typer.Option(
            help="gas.json of `wattline bench gas --out`; where not given, two sizes are measured."
        ),
    ] = None,
    block_gas: Annotated[int, typer.Option(help="Gas limit of the chain's blocks.")] = BLOCK_GAS,
    block_seconds: Annotated[int, typer.Option(help="From block to block.")] = BLOCK_SECONDS,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write slots.csv, by feeder and slot, summary.json."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Clear a day of many feeders off the chain, and estimate what settling it would cost on one.

    Each feeder is a synthetic community of its own, made from the seed; every round is cleared by
    pairwise-nash and checked by its `verify`. The results are the same to the byte whatever the
    scheduler and the number of workers: the digest says so. Gas is measured, not the region's.

    Example: wattline bench scale --feeders 20 --scheduler dask --workers 2 --out out/scale
    """
    with errors_in_one_line():
        terms = RegionTerms(feeders=feeders, prosumers=prosumers, seed=seed)
        chain = Chain(block_gas=block_gas, block_seconds=block_seconds)
        name = _scheduler(scheduler)
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
        with progress_bars("scale") as report:
            costs = measured_costs(prosumers, report) if gas is None else read_costs(gas)

            def take(days: Iterator[FeederDay]) -> None:
                if out_dir is None:
                    ignore(days)
                else:
                    rows = (row for day in days for row in rows_of(day))
                    write_csv(out_dir / "slots.csv", COLUMNS, rows)

            region, timing = timed(terms, name, workers, address, take, progress=report, runs=runs)
        found = settlement_of(region.slots, feeders, costs, chain)
        summary = region_summary(region, costs, chain, found)
        if out_dir is not None:
            (out_dir / "summary.json").write_text(json_text(summary) + "\n", encoding="utf-8")

    if as_json:
        typer.echo(json_text(summary | {"timing": timing_summary(timing)}))
        return
    out.print(region_tables(region, costs, chain, found, timing))


def _scheduler(name: str) -> SchedulerName:
    for scheduler in SCHEDULERS:
        if name == scheduler:
            return scheduler
    raise InvalidInputError(f"--scheduler {name}: expected one of {', '.join(SCHEDULERS)}")
