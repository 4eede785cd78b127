"""
Write the tables of docs/performance.md from bench.json, between its two marks.

No figure of the page is typed by hand.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from oracle.errors import InvalidInputError
from scripts.bench.together.budgets import budget_table
from scripts.bench.together.page import SECTIONS
from scripts.bench.together.tables import TextTable, facts, tables
from scripts.console import errors_in_one_line

TARGET = Path(__file__).parents[1] / "docs" / "performance.md"
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
            document["dispatch"] += more_systems(path, document["dispatch"])
        target.write_text(with_tables(text, document), encoding="utf-8")


def read_bench(path: Path) -> dict[str, Any]:
    """
    Return what `wattline bench all` wrote.

    Raises
    ------
    InvalidInputError
        If the file is none of these.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInputError(f"{path}: expected bench.json, which is JSON") from error
    if not isinstance(document, dict) or not {"machine", "asked", *SECTIONS} <= document.keys():
        raise InvalidInputError(f"{path}: expected bench.json of `wattline bench all`")
    return document


def more_systems(path: Path, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return the systems of another run that the first has not measured.

    Raises
    ------
    InvalidInputError
        If the file is none of `wattline bench dispatch`.
    """
    expected = f"{path}: expected dispatch.json of `wattline bench dispatch --out`"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInputError(f"{expected}, which is JSON") from error
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"system", "parts"} <= row.keys() for row in rows
    ):
        raise InvalidInputError(expected)
    names = {row["system"] for row in known}
    return [row for row in rows if row["system"] not in names]


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
    yield "".join(f"- {name}: {value}\n" for name, value in facts(document))
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
