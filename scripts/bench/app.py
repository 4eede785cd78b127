"""The subcommands of `wattline bench`."""

import typer

from scripts.bench.clearing.command import clearing
from scripts.bench.dispatch.command import dispatch
from scripts.bench.gas.command import gas
from scripts.bench.rounds.command import rounds
from scripts.bench.scale.command import scale
from scripts.bench.service import service
from scripts.bench.together.command import all_benchmarks

HELP = """
Measure what the market costs and how fast it is.

Example: wattline bench gas --orders 10
"""

bench = typer.Typer(no_args_is_help=True, help=HELP)
bench.command(no_args_is_help=False)(gas)
bench.command(no_args_is_help=False)(clearing)
bench.command(no_args_is_help=False)(dispatch)
bench.command(no_args_is_help=False)(rounds)
bench.command(no_args_is_help=False)(service)
bench.command(no_args_is_help=False)(scale)
bench.command("all", no_args_is_help=False)(all_benchmarks)
