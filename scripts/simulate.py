"""`wattline simulate`: the outside world of a devnet, for as long as it runs."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.manifest import load
from oracle.daemon.log import LogFormat, make_log
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line
from scripts.devnet.world import World, WorldSettings


def simulate(
    chain: Annotated[str, typer.Option("--chain", help="URL of the node.")],
    scenario: Annotated[Path, typer.Option(help="Folder of the scenario.")],
    manifest: Annotated[
        Path, typer.Option(help="The market's manifest, as `wattline deploy` wrote it.")
    ] = Path("market.json"),
    oracle: Annotated[
        str | None,
        typer.Option(help="URL of the oracle's set-points; without it the storage stands still."),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Of health, status and metrics; 0 for a free one.")
    ] = 9200,
    log_format: Annotated[LogFormat, typer.Option(help="One event a line.")] = LogFormat.JSON,
) -> None:
    """
    Play prosumers, meters, storage device and system operator of a market with development keys.

    Example: wattline simulate --chain http://127.0.0.1:8545 --scenario scenarios/village
    """
    with errors_in_one_line():
        settings = WorldSettings(
            chain=chain,
            manifest=load(manifest),
            scenario=load_scenario(scenario),
            oracle=oracle,
            port=port,
        )
        World(settings, make_log(log_format)).run()
