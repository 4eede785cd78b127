"""`wattline bench dispatch`: the real-time dispatch, by us and by general libraries."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from oracle.errors import InvalidInputError
from scripts.bench.dispatch.figures import SystemFigures, as_rows, require_equal
from scripts.bench.dispatch.measurement import OURS
from scripts.bench.dispatch.systems import Size, reference_case
from scripts.bench.dispatch.timing import MISSING, timed
from scripts.console import err, errors_in_one_line, out, progress_bars

DASH = "–"


def dispatch(
    units: Annotated[
        str, typer.Option(help="Numbers of units, with commas between; 0 for the reference only.")
    ] = "10,50,200",
    storages: Annotated[str, typer.Option(help="Numbers of storages, likewise.")] = "1,10,100",
    days: Annotated[str, typer.Option(help="Numbers of days, likewise.")] = "1,7",
    runs: Annotated[int, typer.Option(help="Of each library on each system.", min=1)] = 5,
    time_limit: Annotated[
        float, typer.Option(help="Seconds for one solve, at most.", min=1.0)
    ] = 300.0,
    seed: Annotated[int, typer.Option(help="Of the larger systems.", min=0)] = 1,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Where to write dispatch.json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """
    Time building and solving the real-time dispatch, ours and in linopy, Pyomo and PuLP.

    All have the same formulation, the same HiGHS in one thread, and each run a process of its own;
    the libraries run by turns. The systems are the reference case, one step of its rolling horizon,
    and larger ones of synthetic data. Ends with 1 where the objectives differ.

    Example: wattline bench dispatch --units 10 --storages 1 --days 1 --runs 1
    """
    with errors_in_one_line():
        counts = product(
            _numbers("--days", days), _numbers("--units", units), _numbers("--storages", storages)
        )
        sizes = [Size(units=n, storages=s, days=d) for d, n, s in counts]
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
        with progress_bars("dispatch") as report:
            figures = timed(
                reference_case(),
                sizes,
                runs=runs,
                seed=seed,
                time_limit_s=time_limit,
                report=report,
            )
        text = json.dumps(as_rows(figures), indent=1)
        if out_dir is not None:
            (out_dir / "dispatch.json").write_text(text + "\n", encoding="utf-8")
        if as_json:
            typer.echo(text)
        else:
            out.print(_table(figures))
        for library in dict.fromkeys(name for one in figures for name in one.skipped):
            reasons = {one.skipped[library] for one in figures if library in one.skipped}
            if MISSING in reasons:
                err.print(f"{library}: {MISSING}", highlight=False, markup=False)
        require_equal(figures)


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInputError(
            f"{option} {text}: expected whole numbers with commas between, such as 10,50"
        ) from error
    if min(numbers) < 0:
        raise InvalidInputError(f"{option} {text}: expected numbers from 0")
    return [number for number in numbers if number]


def _table(figures: Sequence[SystemFigures]) -> Table:
    others = list(dict.fromkeys(name for one in figures for name in one.others))
    runs = figures[0].parts[OURS].runs
    table = Table(
        title=f"Build + solve in s, median of {runs}; the larger systems are synthetic",
        caption="ratio: ours to the best other by the clock, and by the processor's time",
    )
    for heading in ("system", "ours", "from … to", *others, "ratio", "cpu"):
        table.add_column(heading, justify="left" if heading == "system" else "right", no_wrap=True)
    for one in figures:
        least, most = one.parts[OURS].spread_s
        table.add_row(
            one.system,
            f"{one.ours_s:.3f}",
            f"{least:.3f} … {most:.3f}",
            *(f"{one.others[name]:.3f}" if name in one.others else DASH for name in others),
            _ratio(one.ratio_to_best),
            _ratio(one.cpu_ratio_to_best),
        )
    return table


def _ratio(number: float | None) -> str:
    return DASH if number is None else f"{number:.2f}"
