"""`wattline index`: made anew and looked at, beside the manifest or where it is told."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from oracle.chain.chains import AnvilChain
from scripts.cli import app

pytestmark = [pytest.mark.contract, pytest.mark.node]

SCENARIO = Path(__file__).parents[2] / "scenarios" / "paper-day"


@pytest.fixture(scope="module")
def chain() -> Iterator[AnvilChain]:
    with closing(AnvilChain()) as chain:
        yield chain


@pytest.fixture(scope="module")
def market(chain: AnvilChain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a market on the chain."""
    path = tmp_path_factory.mktemp("market") / "market.json"
    result = invoke("deploy", SCENARIO, "--chain", url_of(chain), "--manifest", path)
    assert result.exit_code == 0, result.stderr
    return path


def url_of(chain: AnvilChain) -> str:
    return str(chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def index(command: str, chain: AnvilChain, market: Path, *more: object) -> Result:
    return invoke("index", command, "--chain", url_of(chain), "--manifest", market, *more)


def told(chain: AnvilChain, market: Path, *more: object) -> dict[str, Any]:
    result = index("status", chain, market, "--json", *more)
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_an_index_is_filled_and_its_place_is_told(chain: AnvilChain, market: Path) -> None:
    before, head = told(chain, market), chain.block_number()

    result = index("rebuild", chain, market)

    manifest = json.loads(market.read_text())
    file = market.with_name("index.sqlite")
    assert (before["indexed_block"], before["chain_block"]) == (None, head)
    assert before["behind_blocks"] == head - manifest["first_block"] + 1
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"sqlite:///{file}: indexed up to block {head}\n"
    assert told(chain, market) == {
        "database": f"sqlite:///{file}",
        "chain_id": str(chain.chain_id),
        "exchange": manifest["addresses"]["Exchange"].lower(),
        "first_block": str(manifest["first_block"]),
        "indexed_block": head,
        "chain_block": head,
        "behind_blocks": 0,
    }
    assert "behind blocks: 0" in index("status", chain, market).stdout


def test_the_last_blocks_wait_where_confirmations_are_asked_for(
    chain: AnvilChain, market: Path, tmp_path: Path
) -> None:
    options = ["--database", f"sqlite:///{tmp_path / 'late.sqlite'}", "--confirmations", 2]

    index("rebuild", chain, market, *options)

    answer = told(chain, market, *options)
    assert answer["indexed_block"] == chain.block_number() - 2
    assert answer["behind_blocks"] == 0


def test_the_index_of_another_market_is_refused_until_it_is_rebuilt(
    chain: AnvilChain, market: Path, tmp_path: Path
) -> None:
    other = tmp_path / "market.json"
    assert invoke("deploy", SCENARIO, "--chain", url_of(chain), "--manifest", other).exit_code == 0
    options = ["--database", f"sqlite:///{tmp_path / 'index.sqlite'}"]
    index("rebuild", chain, market, *options)

    refused = index("status", chain, other, *options)
    index("rebuild", chain, other, *options)

    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "run `wattline index rebuild`" in refused.stderr
    assert told(chain, other, *options)["behind_blocks"] == 0
