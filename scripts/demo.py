"""`wattline demo`: the main job, on both scenarios of the project."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from oracle.scenario import load_scenario
from scripts.console import errors_in_one_line, out
from scripts.files import write_outputs
from scripts.run import ChainOption, run_on, show

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CASES = {"paper-day": 1, "village": 1}  # folder → days


def demo(
    chain: ChainOption = "embedded",
    out_dir: Annotated[
        Path, typer.Option("--out", help="Where to write summaries, tables and reports.")
    ] = Path("out/demo"),
) -> None:
    """
    Run the reference day and a village day: dispatch, trades and settlement on a chain.

    Example: wattline demo --out out/demo
    """
    started = perf_counter()
    with errors_in_one_line():
        out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
        for name, days in CASES.items():
            result = run_on(load_scenario(SCENARIOS / name, days), chain)
            write_outputs(result, out_dir / name)
            show(result, out_dir / name)
    out.print(f"both days in {perf_counter() - started:.1f} s", highlight=False)
