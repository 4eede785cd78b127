"""`wattline index`: the database that the service answers from, made anew or looked at."""

import json
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import URL

from backend.index.database import Database
from backend.index.follower import Follower
from oracle.chain.chains import open_chain
from oracle.chain.manifest import Manifest, load
from oracle.chain.source import MarketSource
from scripts.console import errors_in_one_line, progress_bars

HELP = """
Make the index of a market anew, or see how far it is.

Example: wattline index status --chain http://127.0.0.1:8545 --manifest out/devnet/market.json
"""
FILE = "index.sqlite"  # beside the manifest, where no database is named

ChainUrl = Annotated[str, typer.Option("--chain", help="URL of the node.")]
ManifestFile = Annotated[
    Path, typer.Option(help="The market's manifest, as `wattline deploy` wrote it.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        help="sqlite:///PATH or postgresql://USER@HOST/NAME; index.sqlite beside the manifest."
    ),
]
Confirmations = Annotated[
    int, typer.Option(help="Blocks that must follow one before it is indexed.", min=0)
]

index = typer.Typer(no_args_is_help=True, add_completion=False, help=HELP)


def database_beside(manifest: Path) -> str:
    """Return the URL of the database where none is named."""
    return URL.create(
        "sqlite", database=str(manifest.absolute().with_name(FILE))
    ).render_as_string()


@index.command(no_args_is_help=True)
def rebuild(
    chain: ChainUrl,
    manifest: ManifestFile = Path("market.json"),
    database: DatabaseUrl = None,
    confirmations: Confirmations = 0,
) -> None:
    """
    Empty the index and fill it from the chain; a service that runs goes on with it.

    Example: wattline index rebuild --chain http://127.0.0.1:8545 --manifest out/devnet/market.json
    """
    with errors_in_one_line():
        market = load(manifest)
        opened = Database(database or database_beside(manifest))
        follower = _follower(opened, chain, market, confirmations)
        opened.rebuild(follower.identity)
        with progress_bars(market.scenario) as report:
            while follower.step() is not None:
                done, head = follower.state.indexed or 0, follower.state.chain_head or 0
                first, last = market.first_block, head - confirmations
                report("blocks", done - first + 1, last - first + 1)
        typer.echo(f"{opened}: indexed up to block {follower.state.indexed}")
        opened.close()


@index.command(no_args_is_help=True)
def status(
    chain: ChainUrl,
    manifest: ManifestFile = Path("market.json"),
    database: DatabaseUrl = None,
    confirmations: Confirmations = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Say what the index is of and how far it is; refuse one of another market.

    Example: wattline index status --chain http://127.0.0.1:8545 --manifest out/devnet/market.json
    """
    with errors_in_one_line():
        opened = Database(database or database_beside(manifest))
        follower = _follower(opened, chain, load(manifest), confirmations)
        state = follower.look()
        answer = {
            "database": str(opened),
            **follower.identity,
            "indexed_block": state.indexed,
            "chain_block": state.chain_head,
            "behind_blocks": state.behind,
        }
        opened.close()
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for name, value in answer.items():
        typer.echo(f"{name.replace('_', ' ')}: {'none' if value is None else value}")


def _follower(database: Database, url: str, manifest: Manifest, confirmations: int) -> Follower:
    source = MarketSource(
        open_chain(url), manifest.address("Exchange"), first_block=manifest.first_block
    )
    names = {one.number: one.name for one in manifest.participants}
    return Follower(database, source, confirmations=confirmations, names=names)
