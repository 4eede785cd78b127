"""`wattline order`: what it signs is what the contract takes, and no key leaves it."""

import json
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner

from backend.orders.schemas import OrderPost
from oracle.audit.typed_data import domain_hash, order_digest, signer_of
from oracle.chain.signatures import development_key
from oracle.domain.book import Kind, Order
from oracle.units import MicroUsdPerMwh, Slot, Wh
from scripts.cli import app

EXCHANGE = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OWNER = development_key("B01 owner")


def a_manifest(folder: Path, *, devnet: bool = True) -> Path:
    """Write what `wattline deploy` would have written of a market."""
    contracts = ("TestDollar", "Registry", "LineLease", "StorageLedger", "Exchange", "PairwiseNash")
    storage = {
        "max_slot_wh": 1,
        "min_stored_wh": 0,
        "max_stored_wh": 1,
        "charge_efficiency_bps": 9_000,
        "discharge_efficiency_bps": 9_000,
        "compensation_micro_usd_per_mwh": 1,
    }
    settings = {
        "price_cap_micro_usd_per_mwh": 10**9,
        "bond_micro_usd_per_mwh": 1,
        "compensation_micro_usd_per_mwh": 1,
        "memory_bps": 9_000,
        "full_value_micro_usd": 1,
        "challenge_seconds": 0,
        "seal_bond_micro_usd": 0,
        "storage": storage,
    }
    path = folder / "market.json"
    content = {
        "version": 1,
        "chain_id": 31_337,
        "hardfork": "prague",
        "first_block": 0,
        "first_slot": 1_000,
        "start_slot": 1_000,
        "scenario": "village",
        "devnet": devnet,
        "addresses": dict.fromkeys(contracts, EXCHANGE),
        "code_hashes": dict.fromkeys(contracts, "0x00"),
        "mechanism": {"name": "pairwise-nash", "contract": "PairwiseNash", "parameters": []},
        "settings": settings,
        "export_price_micro_usd_per_mwh": None,
        "participants": [
            {"number": 1, "name": "B01", "owner": OWNER.address, "meter": OWNER.address}
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def sign(manifest: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(
        app,
        [
            "order",
            "sign",
            f"--manifest={manifest}",
            "--slot=1040",
            "--kind=bid",
            "--energy-kwh=0.5",
            "--price-usd-per-kwh=0.12",
            *arguments,
        ],
    )
    return result.exit_code, result.stdout, result.stderr


def test_a_development_owner_signs_what_the_contract_takes(tmp_path: Path) -> None:
    code, printed, _ = sign(a_manifest(tmp_path), "--development-owner=B01", "--nonce=4")

    body = OrderPost.model_validate_json(printed)
    order = Order(
        kind=Kind.BID,
        participant=1,
        energy=Wh(500),
        price=MicroUsdPerMwh(120_000_000),
        nonce=4,
    )
    domain = domain_hash("Wattline Exchange", 31_337, EXCHANGE.lower())
    signer = signer_of(order_digest(domain, Slot(1_040), order), bytes.fromhex(body.signature[2:]))
    assert code == 0
    assert signer == OWNER.address.lower()
    assert (body.kind, body.participant, body.nonce, body.terms) == ("bid", 1, 4, "0")
    assert OWNER.key.hex() not in printed


def test_a_keystore_signs_the_same(tmp_path: Path) -> None:
    keystore, password = tmp_path / "owner.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(OWNER.key, "secret", iterations=2)))
    password.write_text("secret\n")
    manifest = a_manifest(tmp_path)

    mine = sign(manifest, f"--key={keystore}", f"--password-file={password}")

    assert mine == sign(manifest, "--development-owner=B01")
    assert mine[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected one of --key and --development-owner"),
        (("--development-owner=B99",), "no participant owned by"),
        (("--development-owner=B01", "--nonce=1048576"), "does not fit its bits"),
    ],
)
def test_what_cannot_be_signed_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, printed, error = sign(a_manifest(tmp_path), *arguments)

    assert (code, printed) == (1, "")
    assert said in error
    assert error.count("\n") == 1


def test_a_real_market_has_no_development_owners(tmp_path: Path) -> None:
    code, _, error = sign(a_manifest(tmp_path, devnet=False), "--development-owner=B01")

    assert code == 1
    assert "no devnet" in error


def test_a_file_that_is_no_order_is_refused_without_repeating_it(tmp_path: Path) -> None:
    file = tmp_path / "order.json"
    file.write_text('{"chain_id": 1, "private_key": "0x5e5e"}')

    result = CliRunner().invoke(app, ["order", "post", str(file)])

    assert result.exit_code == 1
    assert "expected a signed order" in result.stderr
    assert "5e5e" not in result.stderr


def test_a_service_that_does_not_answer_is_named(tmp_path: Path) -> None:
    _, printed, _ = sign(a_manifest(tmp_path), "--development-owner=B01")
    file = tmp_path / "order.json"
    file.write_text(printed)

    result = CliRunner().invoke(app, ["order", "post", str(file), "--service=http://127.0.0.1:9"])

    assert result.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in result.stderr


def test_without_a_slot_the_service_is_asked_for_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            "order",
            "sign",
            f"--manifest={a_manifest(tmp_path)}",
            "--development-owner=B01",
            "--kind=bid",
            "--energy-kwh=0.5",
            "--price-usd-per-kwh=0.12",
            "--service=http://127.0.0.1:9",
        ],
    )

    assert result.exit_code == 1
    assert "http://127.0.0.1:9 does not answer" in result.stderr
