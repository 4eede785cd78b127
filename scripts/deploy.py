"""`wattline deploy`: a scenario's market put on a chain, and its manifest written."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oracle.chain.chains import open_chain
from oracle.chain.keys import load_key
from oracle.chain.manifest import as_json, write
from oracle.deploy import deploy_scenario
from oracle.domain.community import nobody
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.parties import Parties, parties_of
from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line
from scripts.start import start_index
from scripts.summary import json_text


def deploy(
    scenario: Annotated[Path, typer.Argument(help="Folder of the scenario.")],
    chain: Annotated[str, typer.Option("--chain", help="URL of the node.")],
    manifest: Annotated[
        Path, typer.Option(help="Where to write addresses, code hashes and settings.")
    ] = Path("market.json"),
    key: Annotated[
        Path | None,
        typer.Option(
            help="Keystore file of who deploys and takes the roles; without it, on a development"
            " chain, the keys that anybody can compute."
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the keystore's password.")
    ] = None,
    participants: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of addresses, with --key: name, owner, meter; a row per prosumer, and"
            " one named storage."
        ),
    ] = None,
    start: Annotated[
        str, typer.Option(help="Time of the scenario's first day that the market begins at.")
    ] = "00:00",
    as_json_text: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """
    Deploy the market of SCENARIO, and write its manifest.

    Example: wattline deploy scenarios/village --chain http://127.0.0.1:8545
    """
    with errors_in_one_line():
        if manifest.exists():
            raise InvalidInputError(f"{manifest}: expected no file there, it would be overwritten")
        loaded = load_scenario(scenario)
        parties = _parties(loaded, key, password_file, participants)
        with closing(open_chain(chain)) as opened:
            index = start_index(loaded, start)
            deployed = deploy_scenario(opened, loaded, parties=parties, start_index=index)
        write(deployed, manifest)

    if as_json_text:
        typer.echo(json_text(as_json(deployed)))
    else:
        typer.echo(f"{manifest}: Exchange {deployed.addresses['Exchange']}")


def _parties(
    scenario: Scenario, key: Path | None, password_file: Path | None, participants: Path | None
) -> Parties | None:
    if key is None and participants is None:
        return None
    if key is None or participants is None:
        raise InvalidInputError("expected --key and --participants together, got one of them")
    community = scenario.community or nobody(scenario.slot_count)
    return parties_of(load_key(key, password_file), participants, community)
