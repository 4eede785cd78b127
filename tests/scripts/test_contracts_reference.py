"""The reference of the contracts: it is there, it is whole, and it is the interfaces' own."""

import json
import re

import pytest
import typer

from scripts import contracts_reference
from scripts.compile import CONTRACTS, ROOT

pytestmark = pytest.mark.node


def test_is_what_the_interfaces_say() -> None:
    assert contracts_reference.TARGET.read_text() == contracts_reference.reference()


def test_names_every_function_event_and_error_of_the_exchange() -> None:
    text = contracts_reference.TARGET.read_text()
    artifact = json.loads((ROOT / "oracle" / "chain" / "artifacts" / "LineLease.json").read_text())
    declared = set(
        re.findall(
            r"^    (?:function|event|error) (\w+)\(",
            (CONTRACTS / "interfaces" / "IExchange.sol").read_text(),
            re.M,
        )
    )

    documented = set(re.findall(r"^\*\*`(\w+)\(", text, re.M))

    assert len(declared) > 30
    assert declared <= documented
    assert {e["name"] for e in artifact["abi"] if e["type"] == "error"} & documented


def test_selectors_are_the_contracts_own() -> None:
    text = contracts_reference.TARGET.read_text()

    # keccak256("withdraw(uint256)")[:4], as every ERC-4626-like vault has it
    assert re.search(r"\*\*`withdraw\(uint256 amount\)`\*\* · `0x2e1a7d4d`", text)


def test_a_stale_file_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = ROOT / "README.md"
    monkeypatch.setattr(contracts_reference, "TARGET", stale)

    with pytest.raises(typer.Exit) as ended:
        contracts_reference.write_reference(check=True)

    assert ended.value.exit_code == 1
    assert "expected what the interfaces say" in capsys.readouterr().err
