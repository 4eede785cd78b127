"""
Measure which lines and branches of the contracts the tests in Python reach.

A copy of the project gets contracts with marks, and its tests run on them. Tests of figures that
marks change, such as gas, are left out. Which lines each file of tests reaches is kept in
out/coverage/lines_by_test.json.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from solcx.exceptions import SolcError

from oracle.errors import OracleError
from scripts.compile import CONTRACTS, ROOT, compile_contracts, reason_of, write
from scripts.copies import copy_project
from scripts.coverage.figures import Figures, figures_by_file, figures_of, lines_by_test
from scripts.coverage.marks import SETTINGS, MarkedSources, marked
from scripts.sources import analysed, standard_input

OUT = ROOT / "out" / "coverage"
LEFT_OUT = (
    "test_artifacts.py",
    "test_capacity.py",
    "test_gas.py",
    "test_storage_layout.py",
    "mechanisms/test_full_books.py",
)
SEQUENCES = 3  # of random calls; what only luck finds would not be found again

# OpenZeppelin's assembly leaves the memory alone but does not say so; unless all of it does, the
# compiler moves no variable to memory where marks make the stack too deep.
SILENT = Path("node_modules/@openzeppelin/contracts/utils/structs/Checkpoints.sol")


def mark_contracts() -> MarkedSources:
    """Return the product's contracts with marks."""
    question = standard_input({"": ["ast"]})
    trees = {name: source["ast"] for name, source in analysed(question)["sources"].items()}
    texts = {name: source["content"] for name, source in question["sources"].items()}
    return marked(texts, trees)


def make_copy(folder: Path, sources: MarkedSources) -> None:
    """Make a copy of the project with marked contracts and their artifacts."""
    copy_project(folder)
    for package in ("@openzeppelin", "solady"):
        place = Path("node_modules", package)
        shutil.copytree(CONTRACTS / place, folder / "contracts" / place)
    silent = folder / "contracts" / SILENT
    spoken = silent.read_text(encoding="utf-8").replace("assembly {", 'assembly ("memory-safe") {')
    silent.write_text(spoken, encoding="utf-8")
    for name, text in sources.texts.items():
        (folder / "contracts" / name).write_text(text, encoding="utf-8")
    write(compile_contracts(folder / "contracts", settings=SETTINGS).artifacts, root=folder)


def run_tests(folder: Path) -> Mapping[str, Sequence[int]]:
    """Return the marks that the tests of a copy reach, by file of tests."""
    marks = folder / "out" / "marks"
    done = subprocess.run(  # noqa: S603
        [
            *[sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"],
            *["-p", "scripts.coverage.evm", "--marks", str(marks)],
            *["-p", "no:cacheprovider", "--hypothesis-seed", "0", "tests/contracts"],
            *[f"--ignore=tests/contracts/{name}" for name in LEFT_OUT],
        ],
        cwd=folder,
        env={
            **os.environ,
            "INVARIANT_SEQUENCES": str(SEQUENCES),
            "PYTHONPATH": str(folder),
            "WATTLINE_TEST_CHAIN": "embedded",  # the one that we look into
        },
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        typer.echo("error: a test fails on the marked contracts", err=True)
        raise typer.Exit(code=1)
    reached: dict[str, set[int]] = {}
    for path in marks.glob("*.json"):
        for test, numbers in json.loads(path.read_text(encoding="utf-8")).items():
            reached.setdefault(test, set()).update(numbers)
    return {test: sorted(numbers) for test, numbers in reached.items()}


def print_table(figures: Sequence[Figures], total: Figures) -> None:
    typer.echo(f"{'contracts/':28}{'lines':>23}{'branches':>23}")
    for one in [*figures, total]:
        tallies = [
            f"{tally.reached:>6} of {tally.total:>4} {tally.percent:>6} %"
            for tally in (one.lines, one.branches)
        ]
        typer.echo(f"{one.name:28}{''.join(tallies)}")
    for place in total.missed:
        typer.echo(f"not reached: contracts/{place}")


def coverage_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print figures for machines.")] = False,
) -> None:
    """
    Measure the coverage of the contracts; end with 1 below 100 % of lines or 95 % of branches.

    Example: python -m scripts.coverage --json
    """
    folder = OUT / "project"
    try:
        sources = mark_contracts()
        make_copy(folder, sources)
    except (OracleError, SolcError) as error:
        typer.echo(f"error: {reason_of(error)}", err=True)
        raise typer.Exit(code=1) from error
    marks = run_tests(folder)
    by_test = json.dumps(lines_by_test(sources.places, marks), indent=1)
    (OUT / "lines_by_test.json").write_text(by_test, encoding="utf-8")

    reached = {number for numbers in marks.values() for number in numbers}
    files = figures_by_file(sources.places, reached)
    total = figures_of("all", sources.places, reached)
    if as_json:
        typer.echo(json.dumps({"all": total.as_json(), "files": [f.as_json() for f in files]}))
    else:
        print_table(files, total)
    if not total.suffice:
        raise typer.Exit(code=1)


if __name__ == "__main__":
    typer.run(coverage_command)
