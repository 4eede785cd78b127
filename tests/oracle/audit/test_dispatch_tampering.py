"""Every kind of tampering with a dispatch, and with what ties it to its market, is named."""

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.oracle.audit.exports import PAPER_DAY, Forgery, more
from tests.oracle.audit.tampers import (
    Tamper,
    all_of,
    assert_named,
    in_cell,
    in_event,
    in_value,
    verify,
)

pytestmark = pytest.mark.contract


def in_scenario(old: str, new: str) -> Tamper:
    def tamper(forgery: Forgery) -> None:
        path = forgery.folder / "scenario" / "scenario.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return tamper


def one_column_less(columns: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in columns.items() if name != "wind_mw_40"}


def plus(amount: float) -> Callable[[float], float]:
    return lambda value: value + amount


DAY_AHEAD, WITHOUT, WITH = ("optimisations", 0), ("optimisations", 1), ("optimisations", 2)

TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "a planned trade": (
        in_value("dispatch.json", "trades", 40, "trades", 0, "energy", change=more(-1)),
        r"slot 41, dispatch.json trades: the contract refused: NotOptimal",
    ),
    "a missing slot of the plan": (
        in_value("dispatch.json", "trades", change=lambda slots: slots[:-1]),
        r"slot 96, dispatch.json trades: expected 96 slots, came 95",
    ),
    "a column of the commitment": (
        in_value("dispatch.json", *DAY_AHEAD, "columns", "on_0_3", change=lambda on: 1 - on),
        r"slot 13, dispatch.json day-ahead: E\w+_0_3\w*: expected from .* to .*, came ",
    ),
    "a column that is no integer": (
        in_value("dispatch.json", *DAY_AHEAD, "columns", "on_0_3", change=lambda on: 0.5),
        r"slot 13, dispatch.json day-ahead: on_0_3: expected 0 or 1, came 0.5",
    ),
    "a column of the dispatch": (
        in_value("dispatch.json", *WITH, "columns", "wind_mw_40", change=plus(-0.01)),
        r"slot 41, dispatch.json real-time with sharing: E27_balance_40: expected from .* came ",
    ),
    "a column beyond its limit": (
        in_value("dispatch.json", *WITH, "columns", "charge_mw_7", change=plus(1e3)),
        r"slot 8, dispatch.json real-time with sharing: charge_mw_7: expected from 0 to 40, came ",
    ),
    "a missing column": (
        in_value("dispatch.json", *WITH, "columns", change=one_column_less),
        r"slot 41, dispatch.json real-time with sharing: columns: expected wind_mw_40, came ",
    ),
    "a dual": (
        in_value("dispatch.json", *WITHOUT, "duals", "E27_balance_40", change=plus(0.5)),
        r"no slot, dispatch.json real-time without sharing: bound_usd: expected .*, came ",
    ),
    "a bound": (
        in_value("dispatch.json", *WITH, "bound_usd", change=plus(1.0)),
        r"no slot, dispatch.json real-time with sharing: bound_usd: expected .*, came ",
    ),
    "a gap": (
        in_value("dispatch.json", *DAY_AHEAD, "gap", change=lambda gap: gap / 2),
        r"no slot, dispatch.json day-ahead: gap: expected .*, came ",
    ),
    "an objective": (
        in_value("dispatch.json", *WITH, "objective_usd", change=plus(-1.0)),
        r"no slot, dispatch.json real-time with sharing: objective_usd: expected .*, came ",
    ),
    "a lost optimisation": (
        in_value("dispatch.json", "optimisations", change=lambda all_: all_[:2]),
        r"no slot, dispatch.json real-time with sharing: expected this optimisation, came none",
    ),
    "the scenario's price of carbon": (
        in_scenario("price_usd_per_t = 12", "price_usd_per_t = 13"),
        r"no slot, dispatch.json day-ahead: objective_usd: expected .*, came ",
    ),
    "the storage's compensation of the scenario": (
        in_scenario("compensation_usd_per_mwh = 240.0", "compensation_usd_per_mwh = 241.0"),
        r"slot \d+, constants.json: storage.compensation: expected 241000000 by the scenario, came",
    ),
    "the storage's power of the market": (
        in_value("constants.json", "storage", "max_slot", change=lambda _: 10**9),
        r"slot \d+, constants.json: storage.max_slot: expected 10000000 by the scenario, came 1000",
    ),
    "the ladder of the scenario": (
        in_scenario("interval_km = 50.0", "interval_km = 50.001"),
        r"slot 41, dispatch.json trades: the contract refused: WrongFee",
    ),
    "a reputation of the scenario": (
        in_scenario("reputation = 0.82", "reputation = 0.83"),
        r"slot 0, record 1 ParticipantRegistered: initialScoreBps by the scenario: expected 8300",
    ),
    "the day of the scenario": (
        in_scenario("2024-01-15T00:00:00Z", "2024-01-15T00:15:00Z"),
        r"slot \d+, events.jsonl: first slot: expected \d+ or that of a later day by the scenario",
    ),
    "the storage's first value": (
        all_of(
            in_event("StorageRecorded", "storedWh", nth=0),
            in_cell("storage.csv", "stored_wh", row=0),
        ),
        r"slot \d+, record \d+ StorageRecorded: storedWh",
    ),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_is_named_with_slot_and_record(run_forgery: Forgery, kind: str) -> None:
    tamper, expected = TAMPERINGS[kind]
    tamper(run_forgery)
    run_forgery.sign()

    assert_named(verify(run_forgery), expected)


def test_an_honest_run_passes_and_is_compared_in_full(run_forgery: Forgery) -> None:
    result = verify(run_forgery, "--json")

    assert result.exit_code == 0, result.stderr
    checked = json.loads(result.stdout)["checked"]
    assert checked["dispatch optimisations"] == 3
    assert checked["slots of the storage as dispatched"] == 96
    assert checked["orders as in the scenario"] == 30
    assert checked["trades as planned"] == checked["planned trades"] == 15


def test_the_scenario_is_that_of_the_run(run_forgery: Forgery) -> None:
    copied = {path.name for path in (run_forgery.folder / "scenario").iterdir()}

    assert copied == {path.name for path in PAPER_DAY.iterdir()}


def test_the_dispatch_of_another_market_is_refused(forgery: Forgery, run_forgery: Forgery) -> None:
    """Each part is right by itself."""
    shutil.copy(run_forgery.folder / "dispatch.json", forgery.folder)
    shutil.copytree(run_forgery.folder / "scenario", forgery.folder / "scenario")
    manifest = json.loads((run_forgery.folder / "manifest.json").read_text())
    (forgery.folder / "manifest.json").write_text(json.dumps(manifest))
    forgery.sign()

    result = verify(forgery)

    assert result.exit_code == 1
    assert re.match(r"error: slot 3400000, events.jsonl: first slot: expected", result.stderr)


def without_dispatch(forgery: Forgery, **said: Any) -> None:
    """Take the dispatch away, from the manifest's files, too."""
    (forgery.folder / "dispatch.json").unlink()
    shutil.rmtree(forgery.folder / "scenario")
    path = forgery.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    kept = {
        name: entry
        for name, entry in manifest["files"].items()
        if not name.startswith(("dispatch.json", "scenario/"))
    }
    path.write_text(json.dumps(manifest | said | {"files": kept}))


def test_who_takes_the_dispatch_away_must_say_so(run_forgery: Forgery) -> None:
    without_dispatch(run_forgery)

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert result.stderr == (
        "error: manifest.json, files: expected dispatch.json, by what is said of a dispatch\n"
    )


def test_a_lost_dispatch_is_named(run_forgery: Forgery) -> None:
    (run_forgery.folder / "dispatch.json").unlink()

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: dispatch.json: expected this file in ")


def test_a_dispatch_that_is_said_not_to_be_there_is_refused(run_forgery: Forgery) -> None:
    run_forgery.value("manifest.json", lambda content: content.update(dispatch=False))

    result = verify(run_forgery)

    assert result.exit_code == 1
    assert "manifest.json, files: expected no dispatch.json" in result.stderr


def test_that_there_was_no_dispatch_is_said_plainly(run_forgery: Forgery) -> None:
    """As of an export of a chain, which is as good, and says less."""
    without_dispatch(run_forgery, dispatch=False)

    table = verify(run_forgery)
    said = json.loads(verify(run_forgery, "--json").stdout)

    assert table.exit_code == 0, table.stderr
    assert "not in the export: not checked" in table.stdout
    assert said["dispatch"] == {"checked": False, "optimisations": []}
    assert not any("dispatch" in what or "plan" in what for what in said["checked"])
