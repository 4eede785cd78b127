"""`wattline bench dispatch`: the real-time dispatch, by us and by general libraries."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from scripts.bench.dispatch.figures import Steps, SystemFigures, as_rows, require_equal
from scripts.bench.dispatch.measurement import OURS
from scripts.bench.dispatch.systems import Size, reference_case
from scripts.bench.dispatch.timing import MISSING, timed
from scripts.bench.machine import circumstances
from scripts.bench.spread import sizes
from scripts.console import err, errors_in_one_line, out, progress_bars
from scripts.tables import DASH, text_table


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
        Path | None,
        typer.Option("--out", help="Where to write dispatch.json, with machine and versions."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """
    Time building and solving the real-time dispatch, ours and in linopy, Pyomo and PuLP.

    All have the same formulation, the same HiGHS in one thread, and each run a process of its own,
    which solves something small before the clock starts; the libraries run by turns. The systems
    are the reference case, one step of its rolling horizon, and larger ones; data are synthetic.
    Ends with 1 where objectives differ, or a library fails for another reason than time or memory.

    Example: wattline bench dispatch --units 10 --storages 1 --days 1 --runs 1
    """
    with errors_in_one_line():
        counts = product(
            sizes("--days", days), sizes("--units", units, least=0), sizes("--storages", storages)
        )
        larger = [Size(units=n, storages=s, days=d) for d, n, s in counts if n]
        before = {}
        if out_dir is not None:
            out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
            before = circumstances()
        with progress_bars("dispatch") as report:
            figures: list[SystemFigures] = []
            for one in timed(
                reference_case(),
                larger,
                runs=runs,
                seed=seed,
                time_limit_s=time_limit,
                report=report,
            ):
                figures.append(one)
                if out_dir is not None:  # at once, for a run takes hours
                    write_dispatch(figures, before, out_dir)
        if as_json:
            typer.echo(json.dumps(as_rows(figures), indent=1))
        else:
            out.print(dispatch_table(figures))
        for library in dict.fromkeys(name for one in figures for name in one.skipped):
            reasons = {one.skipped[library] for one in figures if library in one.skipped}
            if MISSING in reasons:
                err.print(f"{library}: {MISSING}", highlight=False, markup=False)
        require_equal(figures)


def write_dispatch(
    figures: Sequence[SystemFigures], measured_on: dict[str, Any], folder: Path
) -> None:
    """Write dispatch.json, of a whole run or of a part."""
    document = {**measured_on, "data": "synthetic", "dispatch": as_rows(figures)}
    text = json.dumps(document, indent=1)
    (folder / "dispatch.json").write_text(text + "\n", encoding="utf-8")


def dispatch_table(figures: Sequence[SystemFigures]) -> Group:
    """Return what the terminal shows, in at most 80 columns: a row per system."""
    others = list(dict.fromkeys(name for one in figures for name in one.others))
    runs = min(part.runs for one in figures for part in one.parts.values())
    table = text_table(
        f"Build + solve in s, medians of {runs}; synthetic data",
        ["system", "ours", "least", "most", *others, "ratio"],
    )
    notes: dict[str, str] = {}
    for one in figures:
        least, most = one.parts[OURS].spread_s
        table.add_row(
            one.system,
            _seconds(one.ours_s),
            _seconds(least),
            _seconds(most),
            *(_seconds(one.others[name]) if name in one.others else DASH for name in others),
            _ratio(one.ratio_to_best),
        )
        for reason in (one.skipped | one.failed).values():
            if reason != MISSING:  # which is said apart
                notes.setdefault(reason, f"{one.system}: {reason}")
    return Group(
        table,
        *map(Text, notes.values()),
        *(Text(_told(one.steps)) for one in figures if one.steps is not None),
        Text("ratio: ours to the best other", style="dim"),
    )


def _told(steps: Steps) -> str:
    least, most = min(steps.ratios), max(steps.ratios)
    return (
        f"{steps.count} steps of a day from its basis: median {_seconds(steps.median_s)} s, most "
        f"{_seconds(steps.most_s)} s; without it {_seconds(steps.cold_median_s)} s and "
        f"{_seconds(steps.cold_most_s)} s; all {_ratio(median(steps.ratios))} "
        f"({_ratio(least)} – {_ratio(most)}) of the time"
    )


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _ratio(number: float | None) -> str:
    return DASH if number is None else f"{number:.2f}"
