"""`wattline bench all`: every benchmark, one after the other, on one page."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.bench.machine import anvil_version, circumstances
from scripts.bench.rounds.measurement import require_chains
from scripts.bench.spread import sizes
from scripts.bench.together.page import bench_html
from scripts.console import err, errors_in_one_line, out
from scripts.summary import json_text

# What each benchmark is asked for, beside what it does anyway.
QUICK = {
    "dispatch": ["--units", "10", "--storages", "1", "--days", "1"],
    "clearing": ["--orders", "100,1000", "--limit", "60"],
    "rounds": ["--prosumers", "10,50"],
    "gas": ["--orders", "10,50"],
}
FULL: dict[str, list[str]] = {"dispatch": [], "clearing": [], "rounds": [], "gas": []}


def all_benchmarks(
    out_dir: Annotated[Path, typer.Option("--out", help="Where to write bench.json, bench.html.")],
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes only: minutes.")] = False,
    days: Annotated[
        str,
        typer.Option(help="Of larger systems of the dispatch, without --quick."),
    ] = "1,7",
    chain: Annotated[
        str | None, typer.Option(help="URL of a development node, for rounds there too.")
    ] = None,
) -> None:
    """
    Run dispatch, clearing, rounds and gas, one after the other; write one page and one JSON file.

    Each runs in a process of its own, five times per figure. Without --quick that is hours of an
    idle machine, with --days 1 half an hour; it should do nothing else meanwhile. What is measured
    is written as soon as its benchmark is done. Ends with 1 where one fails.

    Example: wattline bench all --out out/bench --quick
    """
    with errors_in_one_line():
        out_dir.mkdir(parents=True, exist_ok=True)  # before the work: a bad path costs no run
        sizes("--days", days)
        require_chains([chain] if chain else [])  # nor does a wrong name
        asked = _asked(quick=quick, days=days, chain=chain)
        document: dict[str, Any] = {
            **circumstances(),
            "asked": {name: " ".join(arguments) for name, arguments in asked.items()},
            "data": "synthetic",
            "failed": [],
            **{name: [] for name in asked},
        }
        for place, (name, arguments) in enumerate(asked.items(), 1):
            err.print(f"{place} of {len(asked)}: bench {name} …", highlight=False)
            document[name] = _rows(name, arguments)
            if not document[name]:
                document["failed"].append(name)
            document["hardfork"] = _told(document, "hardfork")
            document["seeds"] = {one: _seeds(document[one]) for one in asked}
            write_bench(document, out_dir)
        out.print(f"page: {out_dir / 'bench.html'}", highlight=False, soft_wrap=True)
        if document["failed"]:
            err.print(f"error: failed, see above: {', '.join(document['failed'])}")
            raise typer.Exit(code=1)


def write_bench(document: dict[str, Any], folder: Path) -> None:
    """Write bench.json and bench.html."""
    (folder / "bench.json").write_text(json_text(document) + "\n", encoding="utf-8")
    (folder / "bench.html").write_text(bench_html(document), encoding="utf-8")


def _asked(*, quick: bool, days: str, chain: str | None) -> dict[str, list[str]]:
    """Return the arguments of each benchmark."""
    asked = {name: [*arguments] for name, arguments in (QUICK if quick else FULL).items()}
    if not quick:
        asked["dispatch"] += ["--days", days]
    chains = ["embedded"]
    if anvil_version() is None:
        err.print("rounds: without anvil, which is not installed", highlight=False)
    else:
        chains.append("anvil")
    for one in [*chains, *([chain] if chain else [])]:
        asked["rounds"] += ["--chain", one]
    return asked


def _rows(name: str, arguments: list[str]) -> list[dict[str, Any]]:
    """Return what a benchmark prints; nothing where it fails, which it says itself."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", "-m", "scripts", "bench", name, *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        return []
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _told(document: dict[str, Any], key: str) -> str:
    """Return what the benchmarks on chains say, all of them the same."""
    rows = [*document["rounds"], *document["gas"]]
    return ", ".join(sorted({row[key] for row in rows}))


def _seeds(rows: list[dict[str, Any]]) -> list[int]:
    return sorted({row["seed"] for row in rows if row["seed"] is not None})
