"""The figures of bench.json as tables of text, for the page and for docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar

from scripts.bench.clearing.figures import ClearingFigures, growth
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.files import COLUMNS, main_rows
from scripts.bench.rounds.figures import PARTS
from scripts.bench.spread import significant
from scripts.tables import DASH

Row = dict[str, Any]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table whose first column is text; `notes` stand below."""

    data: ClassVar[str] = "synthetic data"  # every benchmark's, paper-day too

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def facts(document: Document) -> list[tuple[str, str]]:
    """Return what was measured on what, as names and values."""
    seeds = document["seeds"]
    return [
        ("date", document["made_at"]),
        *machine_facts(document["machine"]),
        ("load at the start", load_told(document["machine"])),
        ("commit", document["commit"] or DASH),
        ("versions", ", ".join(f"{name} {one}" for name, one in document["versions"].items())),
        ("hardfork", document["hardfork"] or DASH),
        (
            "seeds",
            "; ".join(f"{name} {', '.join(map(str, some))}" for name, some in seeds.items()),
        ),
        (
            "asked for",
            "; ".join(f"{name} {some or 'all'}" for name, some in document["asked"].items()),
        ),
        ("data", document["data"]),
    ]


def machine_facts(machine: Row) -> list[tuple[str, str]]:
    """Return what has to be equal where times are to be compared, as names and values."""
    return [
        ("machine", f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']:g} GB"),
        ("system", f"{machine['system']} {machine['architecture']}"),
    ]


def load_told(machine: Row) -> str:
    """Return how busy the machine was, over 1, 5 and 15 minutes."""
    return ", ".join(f"{load:g}" for load in machine["load_average"])


def tables(document: Document) -> dict[str, list[TextTable]]:
    """Return the tables of each benchmark that has figures, by its name."""
    clearing = [ClearingFigures(**row) for row in document["clearing"]]
    found = {
        "dispatch": [
            dispatch_table(document["dispatch"]),
            dispatch_parts_table(document["dispatch"]),
            steps_table(document["dispatch"]),
        ],
        "clearing": [
            *(clearing_table(book, clearing) for book in ("lines", "pool")),
            ratio_table(clearing),
        ],
        "rounds": [rounds_table(document["rounds"]), shares_table(document["rounds"])],
        "gas": [gas_table([GasFigures(**row) for row in document["gas"]])],
    }
    return {name: [one for one in some if one.rows] for name, some in found.items()}


def dispatch_table(rows: Sequence[Row]) -> TextTable:
    """Return build + solve of each system, ours and the others'."""
    libraries = list(dict.fromkeys(name for row in rows for name in row["parts"]))
    runs = min((part["runs"] for row in rows for part in row["parts"].values()), default=0)
    cells = []
    notes: dict[tuple[str, str], str] = {}
    for row in rows:
        for name, reason in (row["skipped"] | row["failed"]).items():
            why = reason.removeprefix(f"{name}: ")
            notes.setdefault((name, why), f"{name}, {row['system']}: {why}.")
        cells.append(
            (
                row["system"],
                *(_whole(row["parts"].get(library)) for library in libraries),
                _share(row["ratio_to_best"]),
            )
        )
    return TextTable(
        title=f"Build + solve in seconds, medians of {runs} runs (least – most)",
        columns=("system", *libraries, "ours to the best other"),
        rows=tuple(cells),
        notes=tuple(notes.values()),
    )


def dispatch_parts_table(rows: Sequence[Row]) -> TextTable:
    """Return building, solving, memory and growth of each system and library."""
    libraries = list(dict.fromkeys(name for row in rows for name in row["parts"]))
    return TextTable(
        title="Building + solving in seconds; memory; growth of time over columns from paper-day",
        columns=("system", "columns", *libraries),
        rows=tuple(
            (
                row["system"],
                f"{row['columns']:,}",
                *(_parts(row["parts"].get(library)) for library in libraries),
            )
            for row in rows
        ),
    )


def steps_table(rows: Sequence[Row]) -> TextTable:
    """Return the steps of a day's rolling horizon, from the day's basis and without."""
    some = [(row["system"], row["steps"]) for row in rows if row["steps"]]
    runs = min((steps["runs"] for _, steps in some), default=0)
    return TextTable(
        title=f"All steps of a day in one process, in seconds, medians of {runs} days",
        columns=("", "steps", "median", "most", "median without", "most without", "all to without"),
        rows=tuple(
            (
                f"{system}, from the day's basis",
                f"{steps['count']}",
                *(
                    significant(steps[key])
                    for key in ("median_s", "most_s", "cold_median_s", "cold_most_s")
                ),
                f"{spanned(median(steps['ratios']), min(steps['ratios']), max(steps['ratios']))} ×",
            )
            for system, steps in some
        ),
        notes=tuple(
            f"The basis takes {significant(steps['basis_s'])} s, once a day." for _, steps in some
        ),
    )


def clearing_table(book: str, figures: Sequence[ClearingFigures]) -> TextTable:
    """Return a row for each contender over one kind of book, a column for each size."""
    some = [one for one in figures if one.book == book]
    sizes = sorted({one.orders for one in some})
    exponents = dict(growth(some))
    rows = []
    notes = {}
    for name in dict.fromkeys(one.mechanism for one in some):
        cells = []
        for size in sizes:
            one = next(one for one in some if (one.mechanism, one.orders) == (name, size))
            if one.stopped and name not in notes:
                notes[name] = f"{name}, {size:,} orders: {one.stopped}."
            cells.append(
                DASH
                if one.seconds is None
                else spanned(one.seconds, one.seconds_least or 0.0, one.seconds_most or 0.0)
            )
        exponent = f"{exponents[name]:.2f}" if name in exponents else DASH
        rows.append((name, *cells, exponent))
    runs = min((one.runs for one in some if one.runs), default=0)
    what = "over lines at fees" if book == "lines" else "in one free pool"
    return TextTable(
        title=f"Clearing {what}, in seconds by number of orders, medians of {runs} (least – most)",
        columns=("", *(f"{size:,}" for size in sizes), "growth"),
        rows=tuple(rows),
        notes=tuple(notes.values()),
    )


def ratio_table(figures: Sequence[ClearingFigures]) -> TextTable:
    """Return our time as a share of another's, where both have the same sums."""
    ours = {(one.mechanism, one.orders): one.seconds for one in figures}
    some = [one for one in figures if one.equals]
    sizes = sorted({one.orders for one in some})
    rows = []
    for name, equal in dict.fromkeys((one.mechanism, one.equals) for one in some):
        cells = [DASH] * len(sizes)
        for one in some:
            own = ours.get((equal, one.orders))
            if one.mechanism == name and one.seconds and own:
                cells[sizes.index(one.orders)] = _share(own / one.seconds)
        rows.append((f"{equal} to {name}", *cells))
    return TextTable(
        title="Our time as a share of an equal algorithm's, by number of orders",
        columns=("", *(f"{size:,}" for size in sizes)),
        rows=tuple(rows),
    )


def rounds_table(rows: Sequence[Row]) -> TextTable:
    """Return whole rounds by chain and number of prosumers."""
    runs = min((row["runs"] for row in rows), default=0)
    return TextTable(
        title=f"Whole rounds, medians of {runs} (least – most)",
        columns=("chain", "prosumers", "round, s", "rounds/s", "transactions", "trades"),
        rows=tuple(
            (
                row["chain"],
                f"{row['prosumers']:,}",
                spanned(row["round_s"], row["round_s_least"], row["round_s_most"]),
                significant(row["rounds_per_s"]),
                f"{row['transactions']}",
                f"{row['trades']:,}",
            )
            for row in rows
        ),
    )


def shares_table(rows: Sequence[Row]) -> TextTable:
    """Return where the time of a round goes, as shares of the sum of the parts' medians."""
    cells = []
    for row in rows:
        whole = sum(row[part] for part in PARTS)
        cells.append(
            (
                f"{row['chain']}, {row['prosumers']:,}",
                *(f"{100 * row[part] / whole:.0f} %" for part in PARTS),
            )
        )
    return TextTable(
        title="Where the time of a round goes",
        columns=("", *PARTS.values()),
        rows=tuple(cells),
    )


def gas_table(figures: Sequence[GasFigures]) -> TextTable:
    """Return gas per order, as `wattline bench gas` tells it."""
    return TextTable(
        title="Gas per order, from receipts",
        columns=tuple(COLUMNS),
        rows=tuple(map(tuple, main_rows(figures))),
    )


def spanned(middle: float, least: float, most: float) -> str:
    """Return a median with its spread behind it."""
    return f"{significant(middle)} ({significant(least)} – {significant(most)})"


def _parts(part: Row | None) -> str:
    if part is None:
        return DASH
    seconds = f"{significant(part['build_s'])} + {significant(part['solve_s'])}"
    growth_of_time = "" if part["growth"] is None else f"; {part['growth']:.2f}"
    return f"{seconds}; {part['memory_mb']:,.0f} MB{growth_of_time}"


def _whole(part: Row | None) -> str:
    return DASH if part is None else spanned(part["total_s"], *part["spread_s"])


def _share(value: float | None) -> str:
    return DASH if value is None else f"{value:.2g} ×"
