"""The command as people and machines call it: output, exit codes, one line where it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scripts.cli import app

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PAPER_DAY = SCENARIOS / "paper-day"

COSTS = {
    "total_cost_usd",
    "operation_cost_usd",
    "carbon_cost_usd",
    "co2_t",
    "demand_response_cost_usd",
    "wind_used_share",
    "unserved_mwh",
}


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(*arguments: object) -> Any:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def changed(folder: Path, old: str, new: str) -> Path:
    """Return a copy of paper-day with one text of its scenario.toml changed."""
    copy = folder / "changed"
    shutil.copytree(PAPER_DAY, copy)
    text = (copy / "scenario.toml").read_text()
    assert old in text
    (copy / "scenario.toml").write_text(text.replace(old, new, 1))
    return copy


def test_says_its_version() -> None:
    result = invoke("--version")

    assert result.exit_code == 0
    assert result.stdout.startswith("wattline 0.")


@pytest.mark.parametrize(
    "subcommand",
    ["demo", "run", "dispatch", "compare", "explain", "export", "verify", "import-simbench"],
)
def test_every_help_has_an_example(subcommand: str) -> None:
    result = invoke(subcommand, "--help")

    assert result.exit_code == 0
    assert f"Example: wattline {subcommand}" in result.stdout


def test_dispatch_prints_one_object_with_the_reference_case() -> None:
    plan = printed("dispatch", PAPER_DAY, "--json")

    assert set(plan["without_sharing"]) == COSTS
    assert set(plan["with_sharing"]) == COSTS | {
        "p2p_cost_usd",
        "storage_cost_usd",
        "storage_profit_usd",
    }
    assert {key: len(series) for key, series in plan["storage"].items()} == {
        "charge_mw": 96,
        "discharge_mw": 96,
        "stored_mwh": 96,
    }
    assert set(plan["p2p"][0]) == {
        "slot",
        "seller",
        "buyer",
        "energy_kwh",
        "price_usd_per_kwh",
        "lease_fee_usd_per_kwh",
    }
    assert {len(hours) for hours in plan["day_ahead"]["commitment"].values()} == {24}
    assert set(plan["solver"]) == {"build_s", "solve_s", "gap"}
    assert plan["with_sharing"]["total_cost_usd"] == pytest.approx(243_131, rel=1e-3)


def test_dispatch_leaves_out_what_the_scenario_lacks() -> None:
    plan = printed("dispatch", SCENARIOS / "village", "--days", 1, "--json")

    assert set(plan) == {"storage", "p2p", "solver"}


def test_dispatch_prints_tables_that_say_what_is_synthetic() -> None:
    result = invoke("dispatch", PAPER_DAY)

    assert result.exit_code == 0
    assert "Against the paper's table" in result.stdout
    assert "synthetic" in result.stdout


def an_old_export(folder: Path) -> Path:
    """Write what an older version of this program may have left."""
    folder.mkdir(parents=True)
    (folder / "forgotten.csv").write_text("slot\n")
    (folder / "notes.txt").write_text("not of the export\n")
    files = {name: {"holds": "slots"} for name in ("forgotten.csv", "../lost.csv", "lost.csv")}
    manifest = {"format": "wattline-export", "version": 1, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_run_prints_one_object_and_writes_the_files_over_older_ones(tmp_path: Path) -> None:
    old = an_old_export(tmp_path / "out" / "export")

    summary = printed("run", PAPER_DAY, "--json", "--out", tmp_path / "out")

    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary.pop("seconds") > 0  # the file has no durations: runs leave the same bytes
    assert {"build_s", "solve_s"} <= summary["dispatch"]["solver"].keys()
    solver = {"gap": summary["dispatch"]["solver"]["gap"]}
    assert written == summary | {"dispatch": summary["dispatch"] | {"solver": solver}}
    assert summary["money"]["difference_micro_usd"] == 0
    assert summary["slots_settled"] == len(summary["trades"]) == 15
    assert summary["chain"] == "embedded"
    assert {"count", "min", "median", "max"} == set(summary["gas"]["clear"])
    assert summary["gas"]["post"]["count"] == 15
    assert (tmp_path / "out" / "report.html").stat().st_size > 50_000

    assert not (old / "forgotten.csv").exists()
    (old / "notes.txt").unlink()  # nobody's file is deleted, and none but the export's is verified
    checked = printed("verify", old, "--json")["checked"]
    assert checked["slots settled"] == checked["planned trades"] == 15
    assert checked["stored-energy values"] == 96
    assert checked["dispatch optimisations"] == 3


def test_run_lets_each_owner_send_its_orders_where_asked() -> None:
    summary = printed("run", PAPER_DAY, "--orders", "own", "--json")

    assert summary["gas"]["placeOffer"]["count"] == summary["gas"]["placeBid"]["count"] == 15
    assert "post" not in summary["gas"]
    assert summary["money"]["difference_micro_usd"] == 0


@pytest.mark.parametrize("subcommand", ["dispatch", "run"])
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "charge_efficiency = 0.98",
            "charge_efficiency = 1.2",
            "scenario.toml, line 108, [storage] charge_efficiency: expected",
        ),
        ('between = ["P1", "P2"]', 'between = ["P1", "P9"]', "scenario.toml, line 179"),
        ("min_mw = 140.0", "min_mw = 500.0", "scenario.toml, line 33, [[thermal_units]] max_mw"),
    ],
)
def test_a_broken_scenario_ends_with_1_and_one_line(
    tmp_path: Path, subcommand: str, old: str, new: str, line: str
) -> None:
    result = invoke(subcommand, changed(tmp_path, old, new), "--json")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {line}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["dispatch", "nowhere"], "error: nowhere: expected the folder of a scenario"),
        (["run", PAPER_DAY, "--chain", "ganache"], "error: --chain ganache: expected embedded"),
        (
            ["run", PAPER_DAY, "--market", "nowhere"],
            "error: --market nowhere: expected --chain with the URL of its node, got embedded",
        ),
        (["run", PAPER_DAY, "--chain", "http://127.0.0.1:1"], "error: http://127.0.0.1:1: no "),
        (["dispatch", PAPER_DAY, "--time-limit-s", "0.1", "--days", "2"], "error: scenario.toml"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[object], error: str) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(error)


def test_an_output_folder_that_cannot_be_made_costs_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = invoke("run", PAPER_DAY, "--out", tmp_path / "file" / "out")

    assert result.exit_code == 1
    assert "Not a directory" in result.stderr
    assert "dispatch" not in result.stderr


@pytest.mark.parametrize(
    "manifest", ["{", "[]", '{"files": {}}', '{"format": "wattline-export", "files": 1}']
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", PAPER_DAY, "--out"],
        ["export", "--chain", "http://127.0.0.1:1", "--exchange", "0x", "--out"],
    ],
    ids=["run", "export"],
)
def test_a_manifest_of_something_else_costs_no_run(
    tmp_path: Path, arguments: list[object], manifest: str
) -> None:
    path = an_old_export(tmp_path / "export") / "manifest.json"
    path.write_text(manifest)

    result = invoke(*arguments, path.parents[arguments[0] == "run"])

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {path}: expected the manifest of an older export, or none; use another folder\n"
    )
    assert len(list(path.parent.iterdir())) == 3


def test_the_scenario_of_an_old_export_is_not_run_into_the_same_folder(tmp_path: Path) -> None:
    export = an_old_export(tmp_path / "export")
    shutil.copytree(PAPER_DAY, export / "scenario")

    result = invoke("run", export / "scenario", "--out", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {export / 'scenario'}: expected a scenario outside")


def test_a_market_without_the_url_of_its_node_costs_no_dispatch() -> None:
    result = invoke("run", PAPER_DAY, "--market", "0x" + 20 * "ab", "--chain", "anvil")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("expected --chain with the URL of its node, got anvil\n")


def test_a_wrong_option_ends_with_2() -> None:
    assert invoke("run", PAPER_DAY, "--fast").exit_code == 2


def test_a_missing_solver_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "highspy.py").write_text("raise ImportError('not here')\n")

    result = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", "from scripts.cli import main; main()", "dispatch", PAPER_DAY],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert result.stderr == (
        "error: the solver HiGHS is missing: install it with `pip install highspy`\n"
    )


@pytest.mark.parametrize(
    ("given", "got"),
    [((), "neither"), (("--exchange", "0x", "--manifest", "market.json"), "both")],
    ids=["neither", "both"],
)
def test_an_export_wants_an_address_or_a_manifest(
    given: tuple[str, ...], got: str, tmp_path: Path
) -> None:
    result = invoke("export", "--chain", "http://127.0.0.1:1", *given, "--out", tmp_path / "export")

    assert result.exit_code == 1
    assert result.stderr == (
        f"error: expected either --exchange ADDRESS or --manifest FILE, got {got}\n"
    )
    assert not (tmp_path / "export").exists()
