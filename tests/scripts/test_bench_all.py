"""`wattline bench all`: every benchmark's figures on one page, in one file, and in the docs."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from oracle.errors import ChainUnavailable, InvalidInputError
from scripts.bench import machine
from scripts.bench.together import command
from scripts.bench.together.budgets import budget_table
from scripts.bench.together.command import FULL, QUICK
from scripts.bench.together.page import bench_html
from scripts.bench.together.tables import (
    clearing_table,
    dispatch_parts_table,
    dispatch_table,
    steps_table,
    tables,
)
from scripts.cli import app
from scripts.performance_tables import (
    BEGIN,
    END,
    TARGET,
    read_bench,
    with_tables,
)
from tests.scripts.test_bench_clearing import a_row

SMALL = {
    "dispatch": ["--units", "0", "--runs", "1"],
    "clearing": [
        "--orders", "20,40", "--lines", "3", "--runs", "2", "--mechanisms", "pairwise-nash,uniform",
    ],
    "rounds": ["--prosumers", "10", "--runs", "2"],
    "gas": ["--orders", "10", "--shape", "dense"],
}  # fmt: skip


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", "all", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all benchmarks, at small sizes and without anvil, have left what they do."""
    path = tmp_path_factory.mktemp("bench") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "QUICK", SMALL)
        patch.setattr(command, "anvil_version", lambda: None)
        result = invoke("--out", path, "--quick")
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture
def document(folder: Path) -> dict[str, Any]:
    return read_bench(folder / "bench.json")


@pytest.mark.slow
@pytest.mark.contract
def test_writes_one_page_and_one_file_of_all_benchmarks(
    folder: Path, document: dict[str, Any]
) -> None:
    page = (folder / "bench.html").read_text()

    assert {file.name for file in folder.iterdir()} == {"bench.html", "bench.json"}
    assert all(document[name] for name in FULL)
    assert (document["hardfork"], document["data"]) == ("prague", "synthetic")
    assert document["asked"]["dispatch"] == "--units 0 --runs 1"
    assert document["failed"] == []
    assert document["seeds"].keys() == FULL.keys()
    assert {"cores", "memory_gb", "cpu"} <= document["machine"].keys()
    assert {"python", "numpy", "highspy", "web3"} <= document["versions"].keys()
    assert document["made_at"].endswith("+00:00")
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)  # it needs nothing else
    assert page.count("<svg") >= 8
    assert "paper-day" in page
    assert "A round on embedded" in page


@pytest.mark.slow
@pytest.mark.contract
def test_the_page_of_the_docs_holds_the_figures(document: dict[str, Any]) -> None:
    page = with_tables(f"Before.\n\n{BEGIN}old\n{END}\nAfter.\n", document)

    again = with_tables(page, document)
    assert again == page
    assert page.startswith("Before.")
    assert page.endswith("After.\n")
    assert "old" not in page
    (round_row,) = re.findall(r"^\| embedded \| 10 \| ([\d.]+) \(", page, re.M)
    assert float(round_row) == pytest.approx(document["rounds"][0]["round_s"], rel=0.01)
    assert f"| {document['gas'][0]['record_own_gas']:,} |" in page
    assert "| dispatch of paper-day, build + solve | ≤ 0.3 s |" in page
    assert "dispatch of paper-day, build + solve" in bench_html(document)


def answers(rows: dict[str, list[dict[str, Any]]]) -> Any:
    """Return what stands for a process of each benchmark; those without rows fail."""

    def run(arguments: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        name = arguments[5]
        code = 0 if name in rows else 1
        return subprocess.CompletedProcess(arguments, code, stdout=json.dumps(rows.get(name)))

    return run


@pytest.fixture
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask no process for versions: `subprocess.run` answers for benchmarks."""
    monkeypatch.setattr(command, "anvil_version", lambda: None)
    monkeypatch.setattr(machine, "versions", dict)
    monkeypatch.setattr(machine, "commit", lambda: None)


@pytest.mark.usefixtures("nothing_asked")
def test_what_fails_is_said_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [vars_of(a_row("uniform", 10, 0.5))]
    monkeypatch.setattr("subprocess.run", answers({"clearing": rows}))

    result = invoke("--out", tmp_path, "--quick")

    assert result.exit_code == 1
    assert "error: failed, see above: dispatch, rounds, gas" in " ".join(result.output.split())
    document = read_bench(tmp_path / "bench.json")
    assert document["clearing"] == rows
    page = (tmp_path / "bench.html").read_text()
    assert "<strong>gas</strong> failed" in page
    assert 'id="clearing"' in page
    assert 'section id="gas"' not in page


@pytest.mark.usefixtures("nothing_asked")
def test_what_is_measured_is_written_before_the_next_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = vars_of(a_row("uniform", 10, 0.5))
    measured = answers({"dispatch": [], "clearing": [row]})

    def ended_in_rounds(arguments: list[str], **_: Any) -> Any:
        if arguments[5] == "rounds":
            raise KeyboardInterrupt
        return measured(arguments)

    monkeypatch.setattr("subprocess.run", ended_in_rounds)

    result = invoke("--out", tmp_path, "--quick")

    assert result.exit_code == 130
    assert read_bench(tmp_path / "bench.json")["clearing"] == [row]
    assert 'id="clearing"' in (tmp_path / "bench.html").read_text()


def test_the_commit_is_told_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.CompletedProcess([], 0, stdout="0123456789ab, changed\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: said)
    assert machine.commit() == "0123456789ab, changed"

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr("subprocess.run", missing)
    assert machine.commit() is None


def test_every_chain_that_is_there_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "anvil_version", lambda: "1.0")

    asked = command._asked(quick=False, days="1", chain="http://127.0.0.1:8545")

    assert asked["rounds"] == [
        "--chain", "embedded", "--chain", "anvil", "--chain", "http://127.0.0.1:8545",
    ]  # fmt: skip
    assert asked["dispatch"] == ["--days", "1"]
    assert asked.keys() == QUICK.keys()
    assert FULL["rounds"] == []


def test_no_anvil_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise ChainUnavailable("anvil is not installed")

    monkeypatch.setattr(machine, "find_anvil", none)

    assert machine.anvil_version() is None
    assert "anvil" not in machine.versions()


def vars_of(figures: Any) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in figures.__dataclass_fields__}


def test_a_clearing_that_was_stopped_is_a_dash_and_a_note() -> None:
    rows = [a_row("uniform", 10, 0.5), a_row("uniform", 100, None), a_row("uniform", 1000, None)]

    table = clearing_table("pool", rows)

    assert table.rows == (("uniform", "0.500 (0.500 – 0.500)", "–", "–", "–"),)
    assert table.notes == ("uniform, 100 orders: stopped after 9 s.",)


def test_ratios_are_ours_to_an_equal_algorithm() -> None:
    rows = [
        a_row("uniform", 10, 0.5),
        a_row("plain crossing", 10, 0.25, equals="uniform", system="plain"),
        a_row("pymarket muda", 10, 0.1, system="pymarket"),
        a_row("matching", 20, 3.0, book="lines"),
        a_row("plain LP", 20, 2.0, book="lines", equals="matching", system="plain"),
    ]
    document = {
        "dispatch": [], "rounds": [], "gas": [], "clearing": [vars_of(row) for row in rows],
    }  # fmt: skip

    *_, ratios = tables(document)["clearing"]

    assert ratios.columns == ("", "10", "20")
    assert ratios.rows == (
        ("uniform to plain crossing", "2 ×", "–"),
        ("matching to plain LP", "–", "1.5 ×"),
    )


def a_system(name: str, ratio: float, **skipped: str) -> dict[str, Any]:
    part = {"runs": 5, "build_s": 0.5, "solve_s": 1.5, "memory_mb": 1_234.4}
    ours = {**part, "total_s": 2.0, "spread_s": [1.0, 3.0], "growth": None}
    theirs = 2.0 / ratio
    linopy = {**part, "total_s": theirs, "spread_s": [theirs, 2 * theirs], "growth": 1.234}
    return {
        "system": name,
        "ours_s": 2.0,
        "others": {"linopy": theirs},
        "ratio_to_best": ratio,
        "columns": 5_472,
        "parts": {"ours": ours, "linopy": linopy},
        "skipped": skipped,
        "failed": {},
        "steps": None,
    }


def test_a_library_that_found_no_optimum_in_time_has_a_note() -> None:
    late = "pyomo: no optimum within 9 s"
    rows = [a_system("small", 0.5), *(a_system(name, 0.5, pyomo=late) for name in ("A", "B"))]

    table = dispatch_table(rows)

    assert table.rows[0] == ("small", "2.00 (1.00 – 3.00)", "4.00 (4.00 – 8.00)", "0.5 ×")
    assert table.notes == ("pyomo, A: no optimum within 9 s.",)


def test_a_library_that_contradicts_us_has_a_note() -> None:
    row = {**a_system("small", 0.5), "failed": {"pyomo": "pyomo: no optimum: infeasible"}}

    assert dispatch_table([row]).notes == ("pyomo, small: no optimum: infeasible.",)


def test_a_table_tells_the_fewest_runs_of_its_rows() -> None:
    once = a_system("large", 0.5)
    once["parts"]["linopy"] = {**once["parts"]["linopy"], "runs": 1}

    assert "medians of 1 runs" in dispatch_table([a_system("small", 0.5), once]).title


def test_the_steps_of_a_day_are_told_with_and_without_its_basis() -> None:
    steps = {
        "count": 96, "runs": 5, "basis_s": 0.05, "median_s": 0.006, "most_s": 0.015,
        "cold_median_s": 0.04, "cold_most_s": 0.05, "ratios": [0.2, 0.1, 0.3],
    }  # fmt: skip

    table = steps_table([a_system("a day", 0.5), {**a_system("a step", 0.5), "steps": steps}])

    cells = ("96", "0.00600", "0.0150", "0.0400", "0.0500", "0.200 (0.100 – 0.300) ×")
    assert table.rows == (("a step, from the day's basis", *cells),)
    assert table.notes == ("The basis takes 0.0500 s, once a day.",)


def test_building_solving_memory_and_growth_are_told_of_each_library() -> None:
    table = dispatch_parts_table([a_system("small", 0.5)])

    assert table.columns == ("system", "columns", "ours", "linopy")
    ours, linopy = "0.500 + 1.50; 1,234 MB", "0.500 + 1.50; 1,234 MB; 1.23"
    assert table.rows == (("small", "5,472", ours, linopy),)


@pytest.mark.parametrize(("ratio", "kept"), [(0.5, "yes"), (0.51, "no")])
def test_the_dispatch_has_a_budget_beside_the_others(ratio: float, kept: str) -> None:
    name = "200 units, 100 storages, 1 d"

    table = budget_table({"dispatch": [a_system(name, ratio)], "rounds": [], "clearing": []})

    (row,) = table.rows
    assert row == (f"dispatch of {name}, to the best other", "≤ 0.5 ×", f"{ratio:.3f} ×", kept)


@pytest.mark.parametrize(("seconds", "kept"), [(1.0, "yes"), (1.001, "no")])
def test_a_budget_is_kept_up_to_its_limit(seconds: float, kept: str) -> None:
    rows = [a_row("pairwise-nash", 1_000, seconds), a_row("pairwise-nash", 100, 9.0)]

    table = budget_table({"dispatch": [], "rounds": [], "clearing": [vars_of(row) for row in rows]})

    assert [row[0] for row in table.rows] == ["clearing 1,000 orders, pairwise-nash"]
    assert table.rows[0][-1] == kept


@pytest.mark.parametrize("text", ["[]", "no JSON", '{"machine": {}}'])
def test_refuses_what_is_no_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text)

    with pytest.raises(InvalidInputError, match=r"expected bench\.json"):
        read_bench(path)


def test_refuses_a_page_without_marks() -> None:
    with pytest.raises(InvalidInputError, match="expected the marks"):
        with_tables("No marks.", {})


def test_the_docs_have_their_marks() -> None:
    text = TARGET.read_text()

    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)
