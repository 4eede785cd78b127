"""The `wattline` command: puts the subcommands together, one file each."""

from importlib.metadata import version
from typing import Annotated, ClassVar

import typer

from scripts.subcommands import Subcommand, SubcommandGroup


class Subcommands(SubcommandGroup):
    """What `wattline` can do."""

    subcommands: ClassVar[dict[str, Subcommand]] = {
        "demo": Subcommand(
            "scripts.demo:demo",
            "Run the reference day and a village day: dispatch, trades and settlement on a chain.",
            needs_arguments=False,
        ),
        "run": Subcommand(
            "scripts.run:run",
            "Run SCENARIO on a chain: dispatch, record orders, clear, deliver, settle.",
        ),
        "dispatch": Subcommand(
            "scripts.dispatch:dispatch",
            "Compute commitment, dispatch and trades of SCENARIO; no chain is used.",
        ),
        "compare": Subcommand(
            "scripts.compare.command:compare",
            "Clear one book, or every slot of SCENARIO, under several mechanisms, and compare.",
        ),
        "explain": Subcommand(
            "scripts.explain.command:explain",
            "Say why an order traded or did not, or show the whole book of a slot.",
        ),
        "export": Subcommand(
            "scripts.export:export",
            "Write everything that a market's contracts recorded; `wattline verify` re-derives it.",
        ),
        "verify": Subcommand(
            "scripts.verify:verify",
            "Re-derive an export; end with 1 and one line that names the first divergence, if there"
            " is one.",
        ),
        "import-simbench": Subcommand(
            "scripts.import_simbench:import_simbench",
            "Write a scenario folder from a low-voltage grid of SimBench and its profiles.",
        ),
        "serve": Subcommand(
            "scripts.serve:serve",
            "Serve a market: follow its chain, answer what is asked, post what was signed.",
        ),
        "devnet": Subcommand(
            "scripts.devnet.command:devnet",
            "Run a market on one machine until Ctrl-C: node, oracle, page and API, simulated"
            " prosumers.",
            needs_arguments=False,
        ),
        "step": Subcommand(
            "scripts.step:step",
            "Move the time of a devnet to the start of the next slot, and wait until all is done"
            " there.",
            needs_arguments=False,
        ),
        "deploy": Subcommand(
            "scripts.deploy:deploy",
            "Deploy the market of SCENARIO, and write its manifest.",
        ),
        "simulate": Subcommand(
            "scripts.simulate:simulate",
            "Play prosumers, meters, storage device and system operator of a market with"
            " development keys.",
        ),
        "oracle": Subcommand(
            "scripts.oracle:oracle",
            "Clear and settle every slot of a market, and dispatch its storage.",
        ),
        "bench": Subcommand(
            "scripts.bench.app:bench",
            "Measure what the market costs and how fast it is.",
        ),
        "index": Subcommand(
            "scripts.index:index",
            "Make the index of a market anew, or see how far it is.",
        ),
        "order": Subcommand(
            "scripts.order:order",
            "Sign an order with a key that stays on this machine, and hand it in at a service.",
        ),
    }


app = typer.Typer(
    cls=Subcommands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


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


def main() -> None:
    """Run the command."""
    app()
