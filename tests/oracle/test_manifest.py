"""Manifests: what is written is read, what is wrong is said in one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from oracle.chain.embedded import EmbeddedChain
from oracle.chain.manifest import Manifest, check_manifest, deployment_of, load, write
from oracle.chain.market import Market
from oracle.deploy import deploy_scenario
from oracle.errors import InvalidInputError
from oracle.units import SLOTS_PER_DAY, MicroUsd
from tests.oracle.communities import a_community, a_line, a_scenario, a_tariff

pytestmark = pytest.mark.contract

SCENARIO = a_scenario(
    a_community(
        [[20.0] * 4, [-30.0] * 4],
        [a_line(0, 1, 1)],
        tariff=a_tariff([0.3, 0.25, 0.3, 0.35], [0.05] * 4),
    )
)


@pytest.fixture(scope="module")
def chain() -> EmbeddedChain:
    return EmbeddedChain()


@pytest.fixture(scope="module")
def manifest(chain: EmbeddedChain) -> Manifest:
    return deploy_scenario(chain, SCENARIO, start_index=2)


@pytest.fixture
def file(manifest: Manifest, tmp_path: Path) -> Path:
    path = tmp_path / "market.json"
    write(manifest, path)
    return path


Change = Callable[[dict[str, Any]], Any]


def changed(file: Path, change: Change) -> Path:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return file


def test_what_is_written_is_read(manifest: Manifest, file: Path) -> None:
    assert load(file) == manifest
    assert [path.name for path in file.parent.iterdir()] == ["market.json"]


def test_names_the_slots_of_the_scenario_and_of_the_start(manifest: Manifest) -> None:
    first = int(SCENARIO.first_slot.timestamp()) // 900

    assert manifest.start_slot == manifest.first_slot + 2
    assert (manifest.first_slot - first) % SLOTS_PER_DAY == 0


def test_tells_how_far_its_clocks_are_from_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    scenario = replace(SCENARIO, first_slot=SCENARIO.first_slot.astimezone(zone))

    manifest = deploy_scenario(EmbeddedChain(), scenario)

    assert manifest.utc_offset_minutes == 330


def test_a_chain_is_its_manifests(chain: EmbeddedChain, file: Path) -> None:
    manifest = load(file)

    check_manifest(chain, manifest)

    market = Market(chain, deployment_of(chain, manifest))
    assert market.next_storage_slot() == manifest.start_slot
    prices = [market.real_time_price(slot) for slot in (manifest.start_slot + i for i in range(4))]  # type: ignore[arg-type]
    assert [price / 1e9 for price in prices] == [0.3, 0.35, 0.3, 0.25]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(chain_id=5), "expected chain id 5, came"),
        (lambda m: m["code_hashes"].update(Exchange="0x00"), "expected code hash of Exchange at"),
        (lambda m: m["settings"].update(memory_bps=1), "expected settings"),
        (lambda m: m["mechanism"].update(parameters=[7]), r"expected mechanism parameters \[7\]"),
    ],
    ids=["chain id", "code", "settings", "parameters"],
)
def test_a_chain_that_is_not_the_manifests_is_refused(
    chain: EmbeddedChain, file: Path, change: Change, said: str
) -> None:
    other = load(changed(file, change))

    with pytest.raises(InvalidInputError, match=said):
        check_manifest(chain, other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(version=2), "version: "),
        (lambda m: m.pop("first_slot"), "first_slot: "),
        (lambda m: m.update(more=1), "more: "),
        (lambda m: m["addresses"].pop("Exchange"), "addresses: expected"),
        (lambda m: m["addresses"].update(Exchange="0x12"), "0x12 is no checksummed address"),
        (lambda m: m["mechanism"].update(contract="Other"), "no contract Other is known here"),
        (lambda m: m["participants"][0].update(number="1"), r"participants\.0\.number: "),
    ],
)
def test_a_file_that_is_no_manifest_is_refused_with_the_field(
    file: Path, change: Change, said: str
) -> None:
    other = changed(file, change)

    with pytest.raises(InvalidInputError, match=said):
        load(other)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no manifest there"):
        load(tmp_path / "market.json")


def test_people_of_a_development_chain_have_money(chain: EmbeddedChain, manifest: Manifest) -> None:
    market = Market(chain, deployment_of(chain, manifest))

    free = [market.account(one.owner).free for one in manifest.participants]  # type: ignore[arg-type]

    assert free == [MicroUsd(200_000_000)] * 2
