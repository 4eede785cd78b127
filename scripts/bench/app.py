"""The subcommands of `wattline bench`."""

from typing import ClassVar

import typer

from scripts.subcommands import Subcommand, SubcommandGroup


class Benchmarks(SubcommandGroup):
    """What `wattline bench` can measure."""

    subcommands: ClassVar[dict[str, Subcommand]] = {
        "gas": Subcommand(
            "scripts.bench.gas.command:gas",
            "Measure what a slot costs, per order, from receipts: recording, clearing, settling,"
            " voiding.",
            needs_arguments=False,
        ),
        "clearing": Subcommand(
            "scripts.bench.clearing.command:clearing",
            "Time the clearing of random books of growing size, without a chain, beside what others"
            " have.",
            needs_arguments=False,
        ),
        "dispatch": Subcommand(
            "scripts.bench.dispatch.command:dispatch",
            "Time building and solving the real-time dispatch, ours and in linopy, Pyomo and PuLP.",
            needs_arguments=False,
        ),
        "rounds": Subcommand(
            "scripts.bench.rounds.command:rounds",
            "Time whole rounds of a slot: sign, post in signed batches, clear, read meters,"
            " settle.",
            needs_arguments=False,
        ),
        "service": Subcommand(
            "scripts.bench.service:service",
            "Ask a running service for all it has, at a steady rate; end with 1 if anything fails.",
            needs_arguments=False,
        ),
        "scale": Subcommand(
            "scripts.bench.scale.command:scale",
            "Clear a day of many feeders off the chain, and estimate what settling it would cost on"
            " one.",
            needs_arguments=False,
        ),
        "all": Subcommand(
            "scripts.bench.together.command:all_benchmarks",
            "Run dispatch, clearing, rounds and gas, one after the other; write one page and one"
            " JSON file.",
            needs_arguments=False,
        ),
    }


bench = typer.Typer(cls=Benchmarks, no_args_is_help=True, add_completion=False)


@bench.callback()
def benchmarks() -> None:
    """
    Measure what the market costs and how fast it is.

    Example: wattline bench gas --orders 10
    """
