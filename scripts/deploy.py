"""`wattline deploy`: a scenario's market put on a chain, and its manifest written."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.chains import open_chain
from oracle.chain.manifest import as_json, write
from oracle.deploy import deploy_scenario
from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line
from scripts.summary import json_text


def deploy(
    scenario: Annotated[Path, typer.Argument(help="Folder of the scenario.")],
    chain: Annotated[str, typer.Option("--chain", help="URL of the node.")],
    manifest: Annotated[
        Path, typer.Option(help="Where to write addresses, code hashes and settings.")
    ] = Path("market.json"),
    start: Annotated[
        int, typer.Option(help="Slot of the scenario to begin with, from 0.", min=0)
    ] = 0,
    as_json_text: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """
    Deploy the market of SCENARIO, and write its manifest.

    Example: wattline deploy scenarios/village --chain http://127.0.0.1:8545
    """
    with errors_in_one_line():
        if manifest.exists():
            raise InvalidInputError(f"{manifest}: expected no file there, it would be overwritten")
        with closing(open_chain(chain)) as opened:
            deployed = deploy_scenario(opened, load_scenario(scenario), start_index=start)
        write(deployed, manifest)

    if as_json_text:
        typer.echo(json_text(as_json(deployed)))
    else:
        typer.echo(f"{manifest}: Exchange {deployed.addresses['Exchange']}")
