"""Forged routes, capacities, surpluses and parameters of an export are named."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from oracle.chain.embedded import EmbeddedChain
from oracle.chain.record import read_market
from oracle.day import run_scenario
from oracle.export_files.export import write_export
from tests.integration.noons import a_hybrid_noon
from tests.oracle.audit.exports import Forgery, Row
from tests.oracle.audit.tampers import Tamper, assert_named, in_cell, in_event, verify

pytestmark = [pytest.mark.contract, pytest.mark.slow]


@pytest.fixture(scope="module")
def honest_hybrid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hybrid") / "export"
    with closing(EmbeddedChain()) as chain:
        result = run_scenario(a_hybrid_noon(), chain)
        write_export(folder, read_market(chain, result.addresses["Exchange"]))
    return folder


@pytest.fixture
def hybrid(honest_hybrid: Path, tmp_path: Path) -> Forgery:
    return Forgery(Path(shutil.copytree(honest_hybrid, tmp_path / "export")))


def test_the_honest_export_is_verified(hybrid: Forgery) -> None:
    assert verify(hybrid, "--strict").exit_code == 0


def of_capacities(change: str) -> Tamper:
    def changed(rows: list[Row]) -> list[Row]:
        other = {**rows[0], "capacity_wh": "1"}
        return {"repeat": [rows[0], *rows], "contradict": [other, *rows], "drop": rows[1:]}[change]

    return lambda forgery: forgery.rows("capacities.csv", changed)


CLEARED = r"record \d+ SlotCleared"


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (of_capacities("repeat"), "capacities.csv line 3"),
        (of_capacities("contradict"), "capacities.csv line 3"),
        (of_capacities("drop"), r"record \d+ CapacitiesAnnounced"),
        (in_cell("capacities.csv", "capacity_wh", lambda _: 7), r"record \d+ CapacitiesAnnounced"),
        (in_cell("capacities.csv", "buyer", lambda _: 1031), r"record \d+ CapacitiesAnnounced"),
        (in_cell("mechanisms.csv", "parameters", lambda _: ""), "mechanisms.csv"),
        (in_cell("mechanisms.csv", "parameters", lambda _: "3"), "mechanisms.csv"),
        (in_cell("mechanisms.csv", "parameters", lambda _: "1 1"), "mechanisms.csv"),
        (in_cell("mechanisms.csv", "parameters", lambda _: "2"), CLEARED),
        (in_event("SlotCleared", "trades", 0, "surplus"), CLEARED),
        (in_event("SlotCleared", "trades", 0, "price"), CLEARED),
        (in_event("SlotCleared", "trades", 0, "pooled", change=lambda old: not old), CLEARED),
    ],
)
def test_a_forgery_is_named(hybrid: Forgery, tamper: Tamper, expected: str) -> None:
    tamper(hybrid)
    hybrid.sign()

    assert_named(verify(hybrid), rf"slot \d+, {expected}")
