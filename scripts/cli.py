"""The `wattline` command: puts the subcommands together, one file each."""

from importlib.metadata import version
from typing import Annotated

import typer

from scripts.bench.app import bench
from scripts.compare.command import compare
from scripts.demo import demo
from scripts.deploy import deploy
from scripts.devnet.command import devnet
from scripts.dispatch import dispatch
from scripts.explain.command import explain
from scripts.export import export
from scripts.import_simbench import import_simbench
from scripts.index import index
from scripts.oracle import oracle
from scripts.order import order
from scripts.run import run
from scripts.serve import serve
from scripts.simulate import simulate
from scripts.step import step
from scripts.verify import verify

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wattline {version('wattline')}")
        raise typer.Exit


@app.callback()
def wattline(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    """A peer-to-peer energy market that settles on a chain which checks the results."""


app.command(no_args_is_help=False)(demo)
app.command(no_args_is_help=True)(run)
app.command(no_args_is_help=True)(dispatch)
app.command(no_args_is_help=True)(compare)
app.command(no_args_is_help=True)(explain)
app.command(no_args_is_help=True)(export)
app.command(no_args_is_help=True)(verify)
app.command(no_args_is_help=True)(import_simbench)
app.command(no_args_is_help=True)(serve)
app.command(no_args_is_help=False)(devnet)
app.command(no_args_is_help=False)(step)
app.command(no_args_is_help=True)(deploy)
app.command(no_args_is_help=True)(simulate)
app.command(no_args_is_help=True)(oracle)
app.add_typer(bench, name="bench")
app.add_typer(index, name="index")
app.add_typer(order, name="order")


def main() -> None:
    """Run the command."""
    app()
