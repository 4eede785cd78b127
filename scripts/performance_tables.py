"""
Write the tables of docs/performance.md from bench.json, between its two marks.

No figure of the page is typed by hand.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from oracle.errors import InvalidInputError
from scripts.bench.together.budgets import budget_table
from scripts.bench.together.page import SECTIONS
from scripts.bench.together.tables import TextTable, facts, load_told, machine_facts, tables
from scripts.console import errors_in_one_line
from scripts.tables import DASH

TARGET = Path(__file__).parents[1] / "docs" / "performance.md"
ADDED = "systems added"  # to a run from others: where each comes from
LEAST_RUNS = 5  # of a figure, as the page says of all
BEGIN, END = "<!-- begin of the last run -->\n", "<!-- end of the last run -->\n"


def main(
    measured: Annotated[Path, typer.Argument(help="bench.json of `wattline bench all`.")],
    dispatch: Annotated[
        list[Path] | None,
        typer.Option(help="dispatch.json of `wattline bench dispatch --out`, for more systems."),
    ] = None,
    target: Annotated[Path, typer.Option(help="Page to write.")] = TARGET,
) -> None:
    """
    Write the tables of the last run into the page.

    Example: python -m scripts.performance_tables out/bench/bench.json
    """
    with errors_in_one_line():
        text = target.read_text(encoding="utf-8")
        document = read_bench(measured)
        for path in dispatch or ():
            add_systems(document, path)
        target.write_text(with_tables(text, document), encoding="utf-8")


def read_bench(path: Path) -> dict[str, Any]:
    """
    Return what `wattline bench all` wrote.

    Raises
    ------
    InvalidInputError
        If the file is none of these, or lacks a figure.
    """
    expected = f"{path}: expected bench.json of `wattline bench all`"
    document = _read(path, {"machine", "asked", *SECTIONS}, expected)
    with _refusing_what_no_table_shows(expected):
        markdown(document)
    return document


def add_systems(document: dict[str, Any], path: Path) -> None:
    """
    Add the systems of another run of the dispatch to those of `wattline bench all`.

    Raises
    ------
    InvalidInputError
        If the file is none of `wattline bench dispatch`, lacks a figure, holds one of too few
        runs, or was measured on another machine.
    """
    expected = f"{path}: expected dispatch.json of `wattline bench dispatch --out`"
    more = _read(path, {"machine", "dispatch"}, expected)
    alone: dict[str, Any] = {**dict.fromkeys(SECTIONS, ()), "dispatch": more["dispatch"]}
    with _refusing_what_no_table_shows(expected):
        tables(alone)
        budget_table(alone)
        runs = {row["system"]: _fewest_runs(row) for row in more["dispatch"]}
        ours, theirs = (dict(machine_facts(one["machine"])) for one in (document, more))
        told = (
            f"{more['made_at']}, commit {more['commit'] or DASH}, load {load_told(more['machine'])}"
        )
    short = [f"{runs[name]} of {name}" for name in runs if runs[name] < LEAST_RUNS]
    if short:
        raise InvalidInputError(
            f"{path}: expected at least {LEAST_RUNS} runs of each library, as the page says, got "
            f"{', '.join(short)}"
        )
    if ours != theirs:
        raise InvalidInputError(
            f"{path}: expected the machine of the other run, {', '.join(ours.values())}, got "
            f"{', '.join(theirs.values())}"
        )
    known = {row["system"] for row in document["dispatch"]}
    added = [row for row in more["dispatch"] if row["system"] not in known]
    document["dispatch"] += added
    if added:
        names = "; ".join(row["system"] for row in added)
        document.setdefault(ADDED, []).append(f"{told}: {names}")


def _read(path: Path, keys: set[str], expected: str) -> dict[str, Any]:
    """Return the JSON object of a file, which has these keys."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInputError(f"{expected}, which is JSON") from error
    if not isinstance(document, dict) or not keys <= document.keys():
        raise InvalidInputError(expected)
    return document


@contextmanager
def _refusing_what_no_table_shows(expected: str) -> Iterator[None]:
    """Say what was expected where making the tables fails, for they check no figure."""
    try:
        yield
    except KeyError as error:
        raise InvalidInputError(f"{expected}, got one without {error}") from error
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{expected}, got one with {error!r}") from error


def _fewest_runs(row: dict[str, Any]) -> int:
    """Return how many runs are behind each figure of a system, at least."""
    steps = [row["steps"]] if row["steps"] else []
    return min((one["runs"] for one in [*row["parts"].values(), *steps]), default=0)


def with_tables(text: str, document: dict[str, Any]) -> str:
    """
    Return a page with the tables of a run between its marks.

    Raises
    ------
    InvalidInputError
        If the page has not both marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInputError(f"expected the marks {BEGIN.strip()} and {END.strip()} in the page")
    return f"{before}{BEGIN}\n{markdown(document)}\n{END}{after}"


def markdown(document: dict[str, Any]) -> str:
    """Return the tables of a run as Markdown."""
    return "\n".join(_chapters(document))


def _chapters(document: dict[str, Any]) -> Iterator[str]:
    added = [("dispatch in a run of its own", one) for one in document.get(ADDED, ())]
    yield "".join(f"- {name}: {value}\n" for name, value in (*facts(document), *added))
    budgets = budget_table(document)
    if budgets.rows:
        yield _table(budgets)
    shown = tables(document)
    for name, (title, _) in SECTIONS.items():
        if shown[name]:
            yield f"### {title}\n"
            yield from map(_table, shown[name])


def _table(table: TextTable) -> str:
    rule = ["---", *["--:"] * (len(table.columns) - 1)]
    rows = "".join(f"| {' | '.join(row)} |\n" for row in (table.columns, rule, *table.rows))
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return f"{table.title}; {table.data}:\n\n{rows}{notes}"


if __name__ == "__main__":
    typer.run(main)
