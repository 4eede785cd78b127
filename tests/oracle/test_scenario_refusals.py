"""Broken scenarios: each ends in one line that names file, line, key and what was expected."""

import shutil
from pathlib import Path

import pytest

from oracle.bidding import PRICE_CAP
from oracle.errors import InvalidInputError
from oracle.market.registry import MECHANISMS
from oracle.scenario import load_scenario
from oracle.scenario_files.limits import PRICE_CAP_USD_PER_KWH
from oracle.units import usd_per_kwh
from tests.oracle.scenario_folders import (
    Edit,
    a_copy,
    an_edited_copy,
    drop_last_line,
    repeat_last_line,
    replace,
    rewrite,
)

NEED = "expected a number"


def refusal(folder: Path) -> str:
    with pytest.raises(InvalidInputError) as caught:
        load_scenario(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        (5, 'first_slot = "2024-01-15T00:07:00Z"',
         "first_slot: expected a quarter of an hour of the years 1970 to 2399, "
         'got "2024-01-15T00:07:00Z"'),
        (5, 'first_slot = "2400-01-01T00:00:00Z"',
         "first_slot: expected a quarter of an hour of the years 1970 to 2399, "
         'got "2400-01-01T00:00:00Z"'),
        (5, 'first_slot = "9999-12-31T23:45:00-12:00"',
         "first_slot: expected a quarter of an hour of the years 1970 to 2399, "
         'got "9999-12-31T23:45:00-12:00"'),
        (5, 'first_slot = "tomorrow"',
         'first_slot: expected a time with its zone, such as "2016-05-09T00:00:00Z", '
         'got "tomorrow"'),
        (5, 'first_slot = 2024-01-15T00:00:00',
         'first_slot: expected a time with its zone, such as "2016-05-09T00:00:00Z", '
         "got 2024-01-15 00:00:00"),
        (5, "first_slot = 1705276800",
         'first_slot: expected a time with its zone, such as "2016-05-09T00:00:00Z", '
         "got 1705276800"),
        (6, "slot_minutes = 30", "slot_minutes: expected 15, got 30"),
        (6, "slot_minutes = true",
         "slot_minutes: expected a whole number of at least 1, got true"),
        (9, "price_usd = 12.0",
         "[carbon] price_usd: expected a known key, did you mean price_usd_per_t?"),
        (9, "colour = 12.0",
         "[carbon] colour: expected a known key, known are price_usd_per_t, allowance_t_per_mwh"),
        (13, 'reading = "power"', '[capture] reading: expected "energy" or "share", got "power"'),
        (14, "efficiency = 0", f"[capture] efficiency: {NEED} in [0.0001, 1], got 0"),
        (18, "load_fraction = 1.5", f"[reserve] load_fraction: {NEED} in [0, 1], got 1.5"),
        (24, "[unservd]", "unservd: expected a known key, did you mean unserved?"),
        (51, "max_mw = 100.0",
         "[[thermal_units]] max_mw: expected at least min_mw = 122.5, got 100.0"),
        (67, 'name = "U1"', '[[thermal_units]] name: expected another name, "U1" is taken'),
        (97, "min_up_h = 12.5",
         "[[thermal_units]] min_up_h: expected a whole number from 0 to 168, got 12.5"),
        (99, "capture = 1", "[[thermal_units]] capture: expected true or false, got 1"),
        (103, "power_mw = -40.0", f"[storage] power_mw: {NEED} in [0, 1000000], got -40"),
        (103, 'power_mw = "40"', f'[storage] power_mw: {NEED} in [0, 1000000], got "40"'),
        (103, "power_mw = true", f"[storage] power_mw: {NEED} in [0, 1000000], got true"),
        (103, "power_mw = nan", f"[storage] power_mw: {NEED} in [0, 1000000], got nan"),
        (103, "power_mw = inf", f"[storage] power_mw: {NEED} in [0, 1000000], got inf"),
        (103, "power_mw = 1" + 30 * "0",
         f"[storage] power_mw: {NEED} in [0, 1000000], got an integer of more than 20 digits"),
        (103, "power_mw = {}", f"[storage] power_mw: {NEED} in [0, 1000000], got a table"),
        (104, "capacity_mwh = 0", f"[storage] capacity_mwh: {NEED} in (0, 100000000], got 0"),
        (104, "capacity_mwh = 1e14",
         f"[storage] capacity_mwh: {NEED} in (0, 100000000], got 100000000000000"),
        (106, "max_soc = 0.1", "[storage] max_soc: expected at least min_soc = 0.2, got 0.1"),
        (107, "initial_soc = 0.95",
         f"[storage] initial_soc: {NEED} from min_soc = 0.2 to max_soc = 0.9, got 0.95"),
        (108, "charge_eficiency = 0.98",
         "[storage] charge_eficiency: expected a known key, did you mean charge_efficiency?"),
        (109, "discharge_efficiency = 1.2",
         f"[storage] discharge_efficiency: {NEED} in [0.0001, 1], got 1.2"),
        (108, "charge_efficiency = 1e-5",
         f"[storage] charge_efficiency: {NEED} in [0.0001, 1], got 1e-05"),
        (109, "discharge_efficiency = 1e-6",
         f"[storage] discharge_efficiency: {NEED} in [0.0001, 1], got 1e-06"),
        (9, "price_usd_per_t = 1e7",
         f"[carbon] price_usd_per_t: {NEED} in [0, 10000], got 10000000"),
        (34, "cost_usd_per_h = 1e10",
         f"[[thermal_units]] cost_usd_per_h: {NEED} in [0, 1000000000], got 10000000000"),
        (33, "max_mw = 1e300", f"[[thermal_units]] max_mw: {NEED} in [0, 1000000], got 1e+300"),
        (35, "cost_usd_per_mwh = 1e200",
         f"[[thermal_units]] cost_usd_per_mwh: {NEED} in [0, 1000000], got 1e+200"),
        (111, "compensation_usd_per_mwh = 1e30",
         f"[storage] compensation_usd_per_mwh: {NEED} in [0, 1000000], got 1e+30"),
        (122, "base_usd_per_kwh_km = 3000.0",
         "[line_lease] base_usd_per_kwh_km: expected a fee of at most 281474.976710655 USD/kWh "
         "over 1048.575 km, the chain's longest line, got 10999350"),
        (123, "interval_km = 0",
         f"[line_lease] interval_km: {NEED} in [0.001, 4294967.295], got 0"),
        (127, 'mechanism = "uniform-price"',
         "[market] mechanism: expected "
         + " or ".join(f'"{name}"' for name in MECHANISMS) + ', got "uniform-price"'),
        (128, 'battery_policy = "lazy"',
         '[market] battery_policy: expected "idle" or "self-consumption", got "lazy"'),
        (129, "first_trading_slot = 0",
         "[market] first_trading_slot: expected a whole number of at least 1, got 0"),
        (129, "first_trading_slot = 100",
         "[market] first_trading_slot: expected a slot of 1 to 96, got 100"),
        (130, "last_trading_slot = 97",
         "[market] last_trading_slot: expected a slot of 1 to 96, got 97"),
        (130, "last_trading_slot = 40",
         "[market] last_trading_slot: expected at least first_trading_slot = 41, got 40"),
        (132, "max_trade_kwh = 4.0",
         "[market] max_trade_kwh: expected at least min_trade_kwh = 5.0, got 4.0"),
        (132, "max_trade_kwh = 5e6",
         f"[market] max_trade_kwh: {NEED} in [0, 4294967.295], got 5000000"),
        (133, "floor_price_usd_per_kwh = 0.35",
         "[market] floor_price_usd_per_kwh: expected at most real_time_price_usd_per_kwh = 0.3, "
         "got 0.35"),
        (134, "real_time_price_usd_per_kwh = 3e5",
         f"[market] real_time_price_usd_per_kwh: {NEED} in [0, 281474.976710655], got 300000"),
        (138, "reputation = 0.99",
         "[[prosumers]] reputation: expected 0, for a newcomer, or a number in [0.05, 0.95], "
         "got 0.99"),
        (142, "cost_weight = 0.0",
         f"[[prosumers]] cost_weight: {NEED} in [0.0001, 1], got 0"),
        (143, "reputation_weight = 0.4",
         "[[prosumers]] reputation_weight: expected cost_weight + reputation_weight = 1, got 0.9"),
        (145, "battery_max_kwh = 10.0",
         "[[prosumers]] battery_max_kwh: expected at least battery_min_kwh = 15.0, got 10.0"),
        (146, "battery_initial_kwh = 7.0",
         f"[[prosumers]] battery_initial_kwh: {NEED} from battery_min_kwh = 15.0 "
         "to battery_max_kwh = 200.0, got 7.0"),
        (147, "battery_efficiency = 1.01",
         f"[[prosumers]] battery_efficiency: {NEED} in [0.0001, 1], got 1.01"),
        (151, 'name = "P1"', '[[prosumers]] name: expected another name, "P1" is taken'),
        (151, 'name = "P,2"',
         "[[prosumers]] name: expected a name of 1 to 31 letters, digits, spaces, '.', '_' or '-', "
         'got "P,2"'),
        (183, 'between = ["P1", "P4"]',
         '[[lines]] between: expected the name of a prosumer, got "P4"'),
        (183, 'between = ["P1", "P1"]',
         '[[lines]] between: expected two prosumers, got "P1" twice'),
        (183, 'between = ["P2", "P1"]',
         '[[lines]] between: expected one line per pair, got a second one of "P2", "P1"'),
        (183, 'between = "P1-P3"', '[[lines]] between: expected a list of two names, got "P1-P3"'),
        (188, "distance_km = 1200", f"[[lines]] distance_km: {NEED} in [0, 1048.575], got 1200"),
    ],
)  # fmt: skip
def test_a_bad_line_of_scenario_toml_is_named(
    tmp_path: Path, line: int, text: str, expected: str
) -> None:
    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", rewrite(line, text))

    assert refusal(folder) == f"scenario.toml, line {line}, {expected}"


@pytest.mark.parametrize(
    ("base", "edit", "expected"),
    [
        ("paper-day", replace("capacity_mwh = 180.0\n", ""),
         "line 102, [storage] capacity_mwh: expected a number in (0, 100000000], "
         "but the key is missing"),
        ("paper-day", replace("real_time_price_usd_per_kwh = 0.3\n", ""),
         "line 126, [market] real_time_price_usd_per_kwh: expected a price, as there is no "
         "tariff.csv, but the key is missing"),
        ("paper-day", replace("slot_minutes = 15\n", ""),
         "line 1, slot_minutes: expected a whole number of at least 1, but the key is missing"),
        ("paper-day", replace("[capture]", "[[capture]]"),
         "line 12, capture: expected tables headed [capture], got a list of tables"),
        ("paper-day", replace('[[demand_response]]\nname = "DR2"', '[x]\nname = "DR2"'),
         "line 117, x: expected a known key, known are name, description, synthetic, note, "
         "first_slot, slot_minutes, carbon, capture, reserve, wind, unserved, day_ahead, "
         "thermal_units, demand_response, storage, line_lease, market, mechanisms, strategies, "
         "prosumers, managers, lines, shortfalls"),
        ("paper-day", replace("[market]", "[[markets]]"),
         "line 126, markets: expected a known key, did you mean market?"),
        ("paper-day", replace("[market]", "[market]\nbond_usd_per_kwh = 0.1"),
         "line 127, [market] bond_usd_per_kwh: expected a bond of at least the compensation, "
         "got a bond of 0.1 and a compensation of 0.3 USD/kWh"),
        ("paper-day", replace("[market]", "[market]\nshortfall_compensation_usd_per_kwh = 0.5"),
         "line 127, [market] shortfall_compensation_usd_per_kwh: expected a bond of at least the "
         "compensation, got a bond of 0.3 and a compensation of 0.5 USD/kWh"),
        ("paper-day", replace("[market]", "[market]\nseal_bond_usd = -1.0"),
         "line 127, [market] seal_bond_usd: expected a number in [0, 1000000], got -1"),
        ("paper-day", replace("[market]", "[market]\nchallenge_minutes = 1.5"),
         "line 127, [market] challenge_minutes: expected a whole number from 0 to 10080, got 1.5"),
        ("paper-day", replace("[market]", "[market]\nreputation_memory = 1.0"),
         "line 127, [market] reputation_memory: expected a number in [0.0001, 0.96], got 1"),
        ("paper-day", replace("charge_ratio = 0.9\n", ""),
         "line 144, [[prosumers]] battery_min_kwh: expected all of battery_min_kwh, "
         "battery_max_kwh, battery_initial_kwh, battery_efficiency, charge_ratio, "
         "but charge_ratio is missing"),
        ("village", replace('name = "B01"', 'name = "B01"\nstores_purchases = true'),
         "line 33, [[prosumers]] stores_purchases: expected a battery to store in, got none"),
        ("village", replace('prosumer = "B11"', 'prosumer = "B04"'),
         'line 497, [[shortfalls]] prosumer: expected the name of a prosumer, got "B04"'),
        ("village", replace("slot = 54", "slot = 673"),
         "line 498, [[shortfalls]] slot: expected a slot of 1 to 672, got 673"),
        ("village", replace("delivered_share = 0.6", "delivered_share = 1.6"),
         "line 499, [[shortfalls]] delivered_share: expected a number in [0, 1], got 1.6"),
        ("paper-day", replace("[reserve]", "[reserve"),
         "line 17: expected valid TOML, got: Expected ']' at the end of a table declaration"),
        ("paper-day", replace("[wind]", "[wind]\ninstalled_mw = 1.0"),
         "line 23: expected valid TOML, got: Cannot overwrite a value"),
    ],
)  # fmt: skip
def test_a_bad_key_or_table_of_scenario_toml_is_named(
    tmp_path: Path, base: str, edit: Edit, expected: str
) -> None:
    folder = an_edited_copy(tmp_path, base, "scenario.toml", edit)

    assert refusal(folder) == f"scenario.toml, {expected}"


@pytest.mark.parametrize(
    ("file", "edit", "expected"),
    [
        ("paper-day/system.csv", replace("slot,load_mw,wind_mw,", "slot,load_mw,"),
         "line 1, wind_mw: expected this column, but it is missing"),
        ("paper-day/system.csv", replace("wind_mw", "wnd_mw"),
         'line 1, column "wnd_mw": expected a known column, did you mean wind_mw?'),
        ("paper-day/prosumers.csv", replace("P3_load_kw", "P3_load_kw,zebra"),
         'line 1, column "zebra": expected a known column, nothing describes this one'),
        ("paper-day/prosumers.csv", replace("P3_pv_kw", "P2_pv_kw"),
         "line 1, P2_pv_kw: expected this column only once"),
        ("paper-day/system.csv", drop_last_line,
         "line 97: expected 96 rows (slots 1 to 96), got 95"),
        ("paper-day/system.csv", repeat_last_line,
         "line 98: expected 96 rows (slots 1 to 96), got 97"),
        ("paper-day/prosumers.csv", drop_last_line,
         "line 97: expected 96 rows (slots 1 to 96), got 95"),
        ("paper-day/day_ahead.csv", drop_last_line,
         "line 25: expected 24 rows (hours 1 to 24), got 23"),
        ("village/prosumers.csv", drop_last_line,
         "line 673: expected whole days of 96 rows, got 671"),
        ("village/tariff.csv", drop_last_line,
         "line 673: expected 672 rows (slots 1 to 672), got 671"),
        ("paper-day/system.csv", replace("\n5,", "\n6,"), "line 6, slot: expected 5, got 6"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,-376.6"),
         "line 3, load_mw: expected a number in [0, 1000000], got -376.6"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,"),
         "line 3, load_mw: expected a number in [0, 1000000], got an empty cell"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,nan"),
         "line 3, load_mw: expected a number in [0, 1000000], got nan"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,1e999"),
         "line 3, load_mw: expected a number in [0, 1000000], got 1e999"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,1e300"),
         "line 3, load_mw: expected a number in [0, 1000000], got 1e300"),
        ("paper-day/day_ahead.csv", replace("\n2,374.0", "\n2,1e300"),
         "line 3, load_mw: expected a number in [0, 1000000], got 1e300"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,3_7"),
         "line 3, load_mw: expected a number in [0, 1000000], got 3_7"),
        ("paper-day/system.csv", replace("\n2,376.6", "\n2,376,6"),
         "line 3: expected 9 values, got 10"),
        ("paper-day/system.csv", replace("\n2,376.6", '\n2,"376.6'),
         "line 97: expected comma-separated values, got: unexpected end of data"),
        ("paper-day/system.csv", lambda content: "",
         "line 1: expected headings, got an empty file"),
        ("paper-day/system.csv", lambda content: content.splitlines()[0],
         "line 2: expected 96 rows (slots 1 to 96), got 0"),
        ("paper-day/prosumers.csv", replace("\n2,0.0,72.0", "\n2,0.0,2e10"),
         "line 3, P1_load_kw: expected a number in [0, 17179869.18], got 2e10"),
        ("paper-day/system.csv", replace("110.4,18.0,16.2,19.8", "110.4,18.0,18.5,19.8"),
         "line 3, DR1_expected_mw: expected a number in [18.5, 19.8], from minimum to maximum, "
         "got 18.0"),
        ("village/tariff.csv", replace("\n4,0.24,0.08", "\n4,0.24,0.31"),
         "line 5, export_usd_per_kwh: expected at most the import price 0.24 of slot 4, got 0.31"),
    ],
)  # fmt: skip
def test_a_bad_table_is_named_with_the_line(
    tmp_path: Path, file: str, edit: Edit, expected: str
) -> None:
    base, name = file.split("/")
    folder = an_edited_copy(tmp_path, base, name, edit)

    assert refusal(folder) == f"{name}, {expected}"


@pytest.mark.parametrize("file", ["scenario.toml", "system.csv", "day_ahead.csv", "prosumers.csv"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = a_copy(tmp_path, "paper-day")
    (folder / file).unlink()

    assert refusal(folder) == f"{file}: expected this file in {folder}"


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "paper-day")
    (folder / "system.csv").unlink()
    (folder / "system.csv").mkdir()

    assert refusal(folder) == "system.csv: cannot be read: Is a directory"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path / "nowhere")
        == f"{tmp_path / 'nowhere'}: expected the folder of a scenario"
    )


@pytest.mark.parametrize("file", ["scenario.toml", "prosumers.csv"])
def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path, file: str) -> None:
    folder = a_copy(tmp_path, "paper-day")
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content.replace(b"\n", b"\n\xe9", 1))

    assert refusal(folder) == f"{file}, line 2: expected UTF-8 text, got byte 0xe9"


def test_a_community_without_market_is_refused(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "paper-day")
    toml = folder / "scenario.toml"
    content = toml.read_text()
    start, end = content.index("[market]"), content.index("[[prosumers]]")
    toml.write_text(content[:start] + content[end:])

    assert refusal(folder) == (
        "scenario.toml, line 1, [market]: expected this table, as the scenario has prosumers"
    )


def test_a_table_without_what_describes_it_is_refused(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "village")
    shutil.copy(a_copy(tmp_path, "paper-day") / "system.csv", folder)

    assert refusal(folder) == (
        "scenario.toml, line 1, [[thermal_units]]: expected this table, "
        "as the scenario has a power system"
    )


def test_capturing_units_without_the_reading_of_their_efficiency_are_refused(
    tmp_path: Path,
) -> None:
    def without_capture(content: str) -> str:
        start, end = content.index("[capture]"), content.index("[reserve]")
        return content[:start] + content[end:]

    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", without_capture)

    assert refusal(folder) == (
        "scenario.toml, line 1, [capture]: expected this table, as a thermal unit captures"
    )


def test_a_scenario_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(
        'name = "nothing"\nfirst_slot = "2024-01-15T00:00:00Z"\nslot_minutes = 15\n'
    )

    assert refusal(tmp_path) == (
        "scenario.toml, line 1, [[thermal_units]] or [[prosumers]]: "
        "expected this table, as a scenario needs one"
    )


def test_a_storage_with_nothing_to_be_dispatched_against_is_refused(tmp_path: Path) -> None:
    edit = replace("[market]", "[market]\nreal_time_price_usd_per_kwh = 0.3")
    folder = an_edited_copy(tmp_path, "village", "scenario.toml", edit)
    (folder / "tariff.csv").unlink()

    assert refusal(folder) == (
        f"tariff.csv: expected this file in {folder}, "
        "as [storage] has no power system to be dispatched in"
    )


def test_more_lines_of_one_prosumer_than_the_chain_holds_are_refused(tmp_path: Path) -> None:
    def with_many_prosumers(content: str) -> str:
        start, end = content.index("[[prosumers]]"), content.index("[[lines]]")
        one = content[start : content.index("[[prosumers]]", start + 1)]
        names = [f"Q{number}" for number in range(18)]
        prosumers = "".join(one.replace('"B01"', f'"{name}"') for name in names)
        lines = "".join(
            f'[[lines]]\nbetween = ["Q0", "{name}"]\ndistance_km = 1\n' for name in names[1:]
        )
        assert content[start:end]
        return content[:start] + prosumers + lines

    folder = an_edited_copy(tmp_path, "village", "scenario.toml", with_many_prosumers)

    assert refusal(folder).endswith(
        '[[lines]] between: expected at most 16 lines of one prosumer, "Q0" has more'
    )


def test_more_prosumers_than_allowed_are_refused(tmp_path: Path) -> None:
    def with_too_many(content: str) -> str:
        start = content.index("[[prosumers]]")
        one = content[start : content.index("[[prosumers]]", start + 1)]
        return content[:start] + "".join(one.replace("B01", f"Q{k}") for k in range(1025))

    folder = an_edited_copy(tmp_path, "village", "scenario.toml", with_too_many)

    assert refusal(folder).endswith(
        "[[prosumers]] name: expected at most 1024 prosumers, as many as a market holds, got 1025"
    )


def test_a_storage_that_could_earn_more_than_an_account_holds_is_refused(tmp_path: Path) -> None:
    def with_a_large_storage(content: str) -> str:
        content = replace("power_mw = 40.0", "power_mw = 1e6")(content)
        return replace("compensation_usd_per_mwh = 240.0", "compensation_usd_per_mwh = 24")(content)

    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", with_a_large_storage)

    assert refusal(folder) == (
        "scenario.toml, line 111, [storage] compensation_usd_per_mwh: expected at most 23.4562, "
        "so that the pay for 96 slots of full power fits the chain's accounts, got 24"
    )


def test_orders_that_could_lock_more_than_an_account_holds_are_refused(tmp_path: Path) -> None:
    edit = replace("max_trade_kwh = 75.0", "max_trade_kwh = 4e5\nbond_usd_per_kwh = 1e5")
    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", edit)

    assert refusal(folder) == (
        "scenario.toml, line 132, [market] max_trade_kwh: expected at most 125.1, so that the "
        "locks of 45 orders at 100000 USD/kWh fit the chain's accounts, got 400000"
    )


def test_the_price_cap_is_that_of_the_bids() -> None:
    assert usd_per_kwh(PRICE_CAP) == PRICE_CAP_USD_PER_KWH
