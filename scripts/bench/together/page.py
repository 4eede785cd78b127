"""bench.html: all benchmarks of one run as one self-contained page."""

from importlib.resources import files
from typing import Any

from markupsafe import Markup

from scripts.bench.together import charts
from scripts.bench.together.budgets import budget_table
from scripts.bench.together.tables import facts, tables
from scripts.report.page import environment

SECTIONS = {
    "dispatch": (
        "Dispatch",
        "The real-time dispatch built and solved by us and by general libraries, all with HiGHS in "
        "one thread and the same objective.",
    ),
    "clearing": (
        "Clearing",
        "Random books, cleared off the chain: each mechanism, pymarket's and plain algorithms "
        "(dashed). Growth is the exponent of time over orders.",
    ),
    "rounds": (
        "Rounds",
        "A whole slot: sign, post in signed batches, clear, read meters, settle. The chain's clock "
        "is moved, so nothing waits.",
    ),
    "gas": ("Gas", "What a slot costs on the chain, per order, read from receipts."),
}


def bench_html(document: dict[str, Any]) -> str:
    """Return the page as the text of one HTML file."""
    style = files("scripts.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    shown = tables(document)
    return (
        environment()
        .get_template("bench.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  # ours
            sections=SECTIONS,
            facts=facts(document),
            failed=document["failed"],
            budgets=budget_table(document),
            tables=shown,
            bars={
                "dispatch": charts.dispatch_charts(document["dispatch"]),
                "rounds": charts.rounds_charts(document["rounds"]),
            },
            curves={
                "clearing": charts.clearing_charts(document["clearing"]),
                "gas": charts.all_gas_charts(document["gas"]),
            },
        )
    )
