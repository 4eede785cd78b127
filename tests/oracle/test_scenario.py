"""Scenario folders: the committed ones first, then keys and their defaults, then properties."""

import shutil
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from oracle.scenario_files.toml_file import line_index
from oracle.units import wh_per_slot_array_from_kw, wh_per_slot_from_kw
from tests.oracle.scenario_folders import SCENARIOS, a_copy, an_edited_copy, replace


def test_paper_day_is_the_power_system_of_the_model() -> None:
    scenario = load_scenario(SCENARIOS / "paper-day")

    system = scenario.power_system
    assert system is not None
    assert (scenario.name, scenario.slot_count) == ("paper-day", 96)
    assert scenario.first_slot == datetime(2024, 1, 15, tzinfo=UTC)
    assert scenario.synthetic
    assert [unit.name for unit in system.units] == ["U1", "U2", "U3", "U4"]
    assert [unit.max_mw for unit in system.units] == [400, 350, 240, 160]
    assert system.units[0].min_up_h == 12
    assert (system.capture.reading, system.capture.max_share) == ("energy", 0.9613)
    assert (system.carbon.price_usd_per_t, system.carbon.allowance_t_per_mwh) == (12.0, 0.7)
    assert system.reserve.load_fraction == system.reserve.installed_wind_fraction == 0.05
    assert (system.installed_wind_mw, system.unserved_cost_usd_per_mwh) == (200.0, 1000.0)
    assert system.trigger_mw == 5.0
    assert system.day_ahead_load_mw[:2] == pytest.approx([401.4, 374.0])
    assert system.day_ahead_wind_mw[-1] == 86.9
    assert system.load_mw[-1] == 361.3
    assert system.wind_mw[0] == 103.4
    assert [load.name for load in system.demand_response] == ["DR1", "DR2"]
    assert system.demand_response[1].max_mw[-1] == 14.63
    assert scenario.storage is system.storage
    assert scenario.storage is not None
    assert (scenario.storage.power_mw, scenario.storage.compensation_usd_per_mwh) == (40.0, 240.0)


def test_paper_day_is_the_community_of_the_model_in_integers() -> None:
    community = load_scenario(SCENARIOS / "paper-day").community

    assert community is not None
    first = community.prosumers[0]
    assert (first.name, first.initial_reputation, first.cost_weight) == ("P1", 8200, 5000)
    assert (first.sale_cost, first.utility, first.saturation) == (50_000_000, 400_000_000, 85_000)
    battery = first.battery
    assert battery is not None
    assert (battery.min_energy, battery.max_energy, battery.initial_energy) == (
        15_000,
        200_000,
        75_000,
    )
    assert (battery.efficiency, battery.charge_ratio) == (9500, 9000)
    assert battery.max_energy_per_slot is None
    assert (first.max_sale, first.max_purchase, first.stores_purchases) == (None, None, False)
    assert [(line.first, line.second) for line in community.lines] == [(0, 1), (0, 2), (1, 2)]
    assert [line.distance for line in community.lines] == [80_000, 90_000, 120_000]
    ladder = community.ladder
    assert (ladder.base, ladder.interval, ladder.growth) == (3_700_000, 50_000, 2500)
    rules = community.rules
    assert (rules.mechanism, rules.battery_policy) == ("pairwise-nash", "idle")
    assert (rules.first_trading_slot, rules.last_trading_slot) == (40, 54)
    assert (rules.min_trade, rules.max_trade) == (5_000, 75_000)
    assert (rules.floor_price, rules.real_time_price) == (50_000_000, 300_000_000)
    assert rules.bond_price == rules.compensation_price == 300_000_000
    assert (rules.reputation_memory, rules.reputation_full_value) == (9500, 1_000_000)
    assert (rules.seal_bond, rules.challenge_minutes) == (0, 0)
    assert community.load.shape == community.pv.shape == (3, 96)
    assert community.load[0, 0] == 18_000
    assert community.load[2, -1] == 16_040
    assert community.tariff is None
    assert community.shortfalls == ()


def test_the_village_is_a_week_of_thirteen_prosumers() -> None:
    scenario = load_scenario(SCENARIOS / "village")

    community = scenario.community
    assert community is not None
    assert scenario.power_system is None
    assert scenario.slot_count == 7 * 96
    assert scenario.first_slot == datetime(2016, 5, 8, 22, tzinfo=UTC)
    assert not scenario.synthetic
    assert "SimBench" in scenario.note
    assert len(community.prosumers) == 13
    assert sum(prosumer.battery is not None for prosumer in community.prosumers) == 4
    assert int(np.count_nonzero(community.pv.sum(axis=1))) == 8
    assert len(community.lines) == 13 * 12 // 2
    assert max(line.distance for line in community.lines) < 500
    assert all(prosumer.initial_reputation == 0 for prosumer in community.prosumers)
    assert scenario.storage is not None
    assert scenario.storage.power_mw == 0.03
    tariff = community.tariff
    assert tariff is not None
    assert tariff.import_price.shape == tariff.export_price.shape == (672,)
    assert community.rules.real_time_price == community.rules.bond_price == 400_000_000


def test_the_village_falls_short_once_in_daylight_on_its_first_day() -> None:
    community = load_scenario(SCENARIOS / "village", days=1).community

    assert community is not None
    (shortfall,) = community.shortfalls
    assert shortfall.delivered == 6000
    assert shortfall.slot == 53
    surplus = community.pv[shortfall.prosumer] - community.load[shortfall.prosumer]
    assert surplus[shortfall.slot] > 0


def test_the_first_days_are_cut_out_of_every_series() -> None:
    week = load_scenario(SCENARIOS / "village").community

    scenario = load_scenario(SCENARIOS / "village", days=2)

    community = scenario.community
    assert week is not None
    assert community is not None
    assert community.tariff is not None
    assert week.tariff is not None
    assert scenario.slot_count == 192
    assert np.array_equal(community.pv, week.pv[:, :192])
    assert np.array_equal(community.load, week.load[:, :192])
    assert np.array_equal(community.tariff.import_price, week.tariff.import_price[:192])
    assert np.array_equal(community.tariff.export_price, week.tariff.export_price[:192])
    assert (community.rules.first_trading_slot, community.rules.last_trading_slot) == (0, 191)


def test_a_shortfall_after_the_first_days_is_left_out(tmp_path: Path) -> None:
    folder = an_edited_copy(tmp_path, "village", "scenario.toml", replace("slot = 54", "slot = 97"))

    one, two = load_scenario(folder, days=1).community, load_scenario(folder, days=2).community

    assert one is not None
    assert two is not None
    assert one.shortfalls == ()
    assert [shortfall.slot for shortfall in two.shortfalls] == [96]


@pytest.mark.parametrize("days", [0, 8])
def test_more_days_than_there_are_are_refused(days: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_scenario(SCENARIOS / "village", days=days)

    assert str(caught.value) == (
        f"scenario.toml: expected a number of days from 1 to 7, got {days}"
    )


def test_days_without_a_trading_slot_are_refused(tmp_path: Path) -> None:
    folder = an_edited_copy(
        tmp_path,
        "village",
        "scenario.toml",
        replace("[market]", "[market]\nfirst_trading_slot = 97"),
    )

    with pytest.raises(InvalidInputError) as caught:
        load_scenario(folder, days=1)

    assert str(caught.value) == (
        "scenario.toml, line 25, [market] first_trading_slot: "
        "expected a slot of 1 to 96 to run 1 days, got 97"
    )


def test_a_power_system_needs_no_community_and_no_storage(tmp_path: Path) -> None:
    def without_community(content: str) -> str:
        start, end = content.index("[storage]"), content.index("[[demand_response]]")
        return content[:start] + content[end : content.index("[line_lease]")]

    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", without_community)
    (folder / "prosumers.csv").unlink()

    scenario = load_scenario(folder)

    assert scenario.community is None
    assert scenario.storage is None
    assert scenario.power_system is not None
    assert scenario.power_system.storage is None
    assert scenario.slot_count == 96


def test_a_power_system_needs_no_wind_no_reserve_and_no_demand_response(tmp_path: Path) -> None:
    def bare(content: str) -> str:
        units, storage = content.index("[[thermal_units]]"), content.index("[storage]")
        return content[: content.index("[carbon]")] + content[units:storage].replace(
            "capture = true", "capture = false"
        )

    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", bare)
    (folder / "prosumers.csv").unlink()
    loads = "\n".join(f"{slot},100" for slot in range(1, 97))
    (folder / "system.csv").write_text(f"slot,load_mw\n{loads}\n")
    hours = "\n".join(f"{hour},100" for hour in range(1, 25))
    (folder / "day_ahead.csv").write_text(f"hour,load_mw\n{hours}\n")

    system = load_scenario(folder).power_system

    assert system is not None
    assert not system.wind_mw.any()
    assert not system.day_ahead_wind_mw.any()
    assert system.installed_wind_mw == system.carbon.price_usd_per_t == 0
    assert system.reserve.load_fraction == system.capture.max_share == 0
    assert (system.unserved_cost_usd_per_mwh, system.trigger_mw) == (1000.0, 5.0)
    assert system.demand_response == ()


def test_a_community_needs_no_lines(tmp_path: Path) -> None:
    def without_lines(content: str) -> str:
        start, end = content.index("[line_lease]"), content.index("[market]")
        return content[:start] + content[end : content.index("[[lines]]")]

    folder = an_edited_copy(tmp_path, "village", "scenario.toml", without_lines)

    community = load_scenario(folder).community

    assert community is not None
    assert community.lines == ()
    assert community.ladder.base == 0


def test_optional_keys_of_market_and_prosumers_are_read(tmp_path: Path) -> None:
    edit = replace(
        "[market]",
        "[market]\nbond_usd_per_kwh = 0.5\nshortfall_compensation_usd_per_kwh = 0.45\n"
        "reputation_memory = 0.9\nreal_time_price_usd_per_kwh = 0.35\n"
        "seal_bond_usd = 0.25\nchallenge_minutes = 20",
    )
    folder = an_edited_copy(tmp_path, "village", "scenario.toml", edit)

    community = load_scenario(folder).community

    assert community is not None
    rules = community.rules
    assert (rules.bond_price, rules.compensation_price) == (500_000_000, 450_000_000)
    assert (rules.reputation_memory, rules.reputation_full_value) == (9000, 200_000)
    assert (rules.seal_bond, rules.challenge_minutes) == (250_000, 20)
    assert rules.real_time_price == 350_000_000
    battery_owner = next(p for p in community.prosumers if p.name == "B06")
    assert battery_owner.stores_purchases
    assert battery_owner.battery is not None
    assert battery_owner.battery.max_energy_per_slot == 4_575
    assert battery_owner.max_purchase == 5_375
    assert battery_owner.max_sale is None


@pytest.mark.parametrize(
    "moment",
    ['"2024-01-15T01:00:00+01:00"', "2024-01-15T00:00:00Z", "2024-01-14T19:00:00-05:00"],
)
def test_the_first_slot_may_be_given_in_any_zone(tmp_path: Path, moment: str) -> None:
    edit = replace('"2024-01-15T00:00:00Z"', moment)
    folder = an_edited_copy(tmp_path, "paper-day", "scenario.toml", edit)

    assert load_scenario(folder).first_slot == datetime(2024, 1, 15, tzinfo=UTC)


def test_windows_line_ends_and_byte_order_marks_are_read(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "paper-day")
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert load_scenario(folder).slot_count == 96


def test_columns_may_stand_in_any_order_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    rows = [f"50,{slot},100" for slot in range(1, 25)]
    folder = a_copy(tmp_path, "paper-day")
    (folder / "day_ahead.csv").write_text("\n\n".join(["wind_mw,hour,load_mw", *rows, ""]))

    system = load_scenario(folder).power_system

    assert system is not None
    assert set(system.day_ahead_load_mw) == {100.0}
    assert set(system.day_ahead_wind_mw) == {50.0}


def test_lines_are_found_behind_every_way_to_write_toml() -> None:
    content = '''# comment with [brackets] and "quotes
top = """
several = "lines"
[not.a.heading]
"""
[table] # comment
list = [
  "a]", # ]
  { b = 1 },
]
"quoted key" = 1
dotted.key = 2
[table.below]
key = 'single # "'
[[array]]
key = 1
[[array]]
key = 2
[array.inside]
deep = 3
'''
    tomllib.loads(content)

    lines = line_index(content)

    assert lines[("top",)] == 2
    assert lines[("table",)] == 6
    assert lines[("table", "list")] == 7
    assert lines[("table", "quoted key")] == 11
    assert lines[("table", "dotted", "key")] == 12
    assert lines[("table", "below", "key")] == 14
    assert lines[("array",)] == 15
    assert lines[("array", 0, "key")] == 16
    assert lines[("array", 1, "key")] == 18
    assert lines[("array", 1, "inside", "deep")] == 20


@pytest.mark.parametrize("name", ["paper-day", "village"])
def test_every_key_of_the_scenarios_is_found_on_its_line(name: str) -> None:
    content = (SCENARIOS / name / "scenario.toml").read_text()

    lines = line_index(content)

    written = content.splitlines()
    for path, line in lines.items():
        key = path[-1] if isinstance(path[-1], str) else path[-2]
        assert written[line - 1].lstrip("[").startswith(str(key))
    keys = [line for line in written if " = " in line or line.startswith("[")]
    assert len(set(lines.values())) == len([key for key in keys if not key.startswith("#")])


@given(
    st.lists(
        st.floats(0, 1e7, allow_nan=False) | st.integers(0, 10**8).map(lambda n: n / 1000),
        min_size=1,
    )
)
def test_powers_become_energies_alone_as_together(powers_kw: list[float]) -> None:
    together = wh_per_slot_array_from_kw(np.array(powers_kw))

    alone = [wh_per_slot_from_kw(round(power_kw, 6)) for power_kw in powers_kw]

    assert np.abs(together - np.array(alone)).max() <= (0 if max(powers_kw) < 1e5 else 1)


def refusal(folder: Path) -> str | None:
    try:
        load_scenario(folder)
    except InvalidInputError as error:
        return str(error)
    return None


FILES = ("scenario.toml", "system.csv", "day_ahead.csv", "prosumers.csv")


@given(data=st.data())
@settings(deadline=None)
def test_damaged_files_load_or_are_refused_in_one_line(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(FILES))
    damage = data.draw(
        st.sampled_from([b"[", b"]", b'"', b"=", b",", b"\n", b"-", b".", b"e9", b"nan", b"\x00"])
        | st.binary(max_size=6)
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(SCENARIOS / "paper-day", Path(scratch) / "case"))
        content = (folder / file).read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = min(len(content), start + data.draw(st.integers(0, 30)))
        (folder / file).write_bytes(content[:start] + damage + content[end:])

        reason = refusal(folder)

    assert reason is None or (reason.startswith(file) and reason.isprintable())
