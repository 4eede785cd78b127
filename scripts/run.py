"""`wattline run`: a scenario computed, traded and settled on a chain."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from oracle.chain.chains import Chain, open_chain
from oracle.chain.record import read_market
from oracle.day import OrderRoute, run_scenario
from oracle.domain.record import MarketRecord
from oracle.domain.results import RunResult
from oracle.domain.scenario import Scenario
from oracle.duals import dispatch_record
from oracle.errors import InvalidInputError
from oracle.export_files.export import make_ready, write_export
from oracle.market.registry import MECHANISMS
from oracle.progress import Progress
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line, out, progress_bars
from scripts.files import write_outputs
from scripts.summary import json_text, run_summary
from scripts.tables import run_tables

ChainOption = Annotated[
    str,
    typer.Option(
        "--chain", help="embedded (in this process), anvil (started for the run), or a node's URL."
    ),
]

MechanismOption = Annotated[
    str | None,
    typer.Option(
        help=f"Another mechanism than the scenario's: {', '.join(MECHANISMS)}. Where it does not"
        " clear the scenario's trade graph, its own one takes its place."
    ),
]


def run(
    scenario: Annotated[Path, typer.Argument(help="Folder of the scenario.")],
    chain: ChainOption = "embedded",
    orders: Annotated[
        OrderRoute,
        typer.Option(
            help="How orders come into an open book: signed by their owners and posted in batches,"
            " or each in its owner's own transaction. Sealed markets commit and reveal."
        ),
    ] = OrderRoute.SIGNED,
    market: Annotated[
        str | None,
        typer.Option(
            help="Address of the Exchange of an interrupted run of SCENARIO, to go on with; with"
            " the node's URL as --chain."
        ),
    ] = None,
    mechanism: MechanismOption = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write summary, tables, report and export."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(help="Only the first days of the scenario.", min=1)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Run SCENARIO on a chain: dispatch, record orders, clear, deliver, settle.

    Example: wattline run scenarios/village --days 1 --chain anvil --out out/village
    """
    with errors_in_one_line():
        if market is not None and not chain.startswith(("http://", "https://")):
            raise InvalidInputError(
                f"--market {market}: expected --chain with the URL of its node, got {chain}"
            )
        if out_dir is not None:
            make_ready(out_dir / "export", scenario)  # before the work: a bad path costs no run
        loaded = load_scenario(scenario, days, mechanism)
        if out_dir is None:
            result = run_on(loaded, chain, orders, market)
        else:
            result, record = run_and_read(loaded, chain, orders, market)
            write_outputs(result, out_dir)
            planned = dispatch_record(result.plan, days, mechanism)
            write_export(out_dir / "export", record, planned, scenario)

    if as_json:
        typer.echo(json_text(run_summary(result)))
    else:
        show(result, out_dir)


def run_on(
    scenario: Scenario,
    chain_name: str,
    route: OrderRoute = OrderRoute.SIGNED,
    market: str | None = None,
) -> RunResult:
    """Run a scenario on the chain of that name, with progress on standard error."""
    with closing(open_chain(chain_name)) as chain, progress_bars(scenario.name) as report:
        return _timed_run(scenario, chain, route, market, report)


def run_and_read(
    scenario: Scenario, chain_name: str, route: OrderRoute, market: str | None
) -> tuple[RunResult, MarketRecord]:
    """Do the same and return what the contracts recorded, too."""
    with closing(open_chain(chain_name)) as chain, progress_bars(scenario.name) as report:
        first_block = 0 if market else chain.block_number()
        result = _timed_run(scenario, chain, route, market, report)
        exchange = result.addresses["Exchange"]
        return result, read_market(chain, exchange, first_block=first_block, progress=report)


def _timed_run(
    scenario: Scenario, chain: Chain, route: OrderRoute, market: str | None, report: Progress
) -> RunResult:
    started = perf_counter()
    result = run_scenario(scenario, chain, route=route, market=market, progress=report)
    return replace(result, seconds=perf_counter() - started)


def show(result: RunResult, folder: Path | None) -> None:
    """Print the tables of a run, and where its files are."""
    out.print(run_tables(result, folder=folder))
    if folder is not None:
        out.print(f"report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
