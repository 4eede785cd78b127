"""`wattline oracle`: what it refuses before it asks anything of a chain."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts.cli import app

ZERO = "0x" + "0" * 40
CONTRACTS = ("TestDollar", "Registry", "LineLease", "StorageLedger", "Exchange", "PairwiseNash")


def a_manifest(folder: Path, **changes: Any) -> Path:
    manifest = {
        "version": 1,
        "chain_id": 31337,
        "hardfork": "prague",
        "first_block": 0,
        "first_slot": 3_400_000,
        "start_slot": 3_400_000,
        "scenario": "village",
        "devnet": True,
        "addresses": dict.fromkeys(CONTRACTS, ZERO),
        "code_hashes": dict.fromkeys(CONTRACTS, "0x"),
        "mechanism": {"name": "pairwise-nash", "contract": "PairwiseNash", "parameters": []},
        "settings": {
            "price_cap_micro_usd_per_mwh": 1,
            "bond_micro_usd_per_mwh": 1,
            "compensation_micro_usd_per_mwh": 1,
            "memory_bps": 1,
            "full_value_micro_usd": 1,
            "challenge_seconds": 0,
            "seal_bond_micro_usd": 0,
            "storage": {
                "max_slot_wh": 0,
                "min_stored_wh": 0,
                "max_stored_wh": 0,
                "charge_efficiency_bps": 10_000,
                "discharge_efficiency_bps": 10_000,
                "compensation_micro_usd_per_mwh": 0,
            },
        },
        "export_price_micro_usd_per_mwh": None,
        "participants": [],
    }
    path = folder / "market.json"
    path.write_text(json.dumps(manifest | changes))
    return path


def refusal(*arguments: str) -> str:
    node = ["--chain", "http://127.0.0.1:1", "--port", "0"]
    said = CliRunner().invoke(app, ["oracle", *node, *arguments])
    assert said.exit_code == 1
    return said.stderr.splitlines()[-1]


def test_a_market_that_is_no_devnet_needs_a_key(tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path, devnet=False)

    assert refusal("--manifest", str(manifest)) == (
        "error: --key: expected a keystore file, as this market is no devnet"
    )


def test_a_missing_manifest_is_said_in_one_line(tmp_path: Path) -> None:
    assert "no manifest there" in refusal("--manifest", str(tmp_path / "none.json"))


@pytest.mark.parametrize("key", ["no file", "not a keystore"])
def test_a_bad_key_is_refused(tmp_path: Path, key: str) -> None:
    manifest, path, password = a_manifest(tmp_path), tmp_path / "key", tmp_path / "password"
    password.write_text("secret\n")
    if key != "no file":
        path.write_text("nothing")

    line = refusal(
        *("--manifest", str(manifest), "--key", str(path), "--password-file", str(password))
    )

    assert line.startswith(f"error: {path}: expected a keystore")
    assert "secret" not in line


def test_another_scenario_than_the_market_s_is_refused(tmp_path: Path) -> None:
    manifest = a_manifest(tmp_path)
    paper_day = str(Path(__file__).parents[2] / "scenarios" / "paper-day")

    line = refusal("--manifest", str(manifest), "--scenario", paper_day)

    assert line.endswith("expected scenario village, as the manifest has it, got paper-day")
