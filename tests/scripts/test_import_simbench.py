"""Import of SimBench grids, on a small grid of its format; one test on the real data."""

import importlib.util
import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from oracle.domain.rows import rows_of
from oracle.errors import InvalidInputError
from oracle.scenario import load_scenario
from scripts.import_simbench import import_simbench
from scripts.simbench.dataset import installed_networks
from scripts.simbench.folder import write_folder
from scripts.simbench.grid import Path as GridPath
from scripts.simbench.grid import nearest_pairs
from scripts.simbench.village import PlannedShortfall, Village, build_village
from tests.scripts.small_simbench import load, write_small_simbench

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NEW_YEAR = date(2016, 1, 1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_small_simbench(tmp_path / "networks")


def a_village(source: Path, *, first_day: date = NEW_YEAR, days: int = 1, seed: int = 1) -> Village:
    return build_village("LV9.101", first_day, days, name="small", seed=seed, source=source)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(import_simbench)
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_profiles_are_multiplied_by_the_power_of_each_load_and_plant(source: Path) -> None:
    first, second, third = a_village(source).villagers

    rows = np.arange(96)
    profile = np.array([load(row) for row in range(96)])
    assert [villager.name for villager in (first, second, third)] == ["B01", "B02", "B03"]
    assert first.load_kw == pytest.approx(2 * profile + 4 * (rows % 10), abs=5e-4)
    assert second.load_kw == pytest.approx(3 * profile, abs=5e-4)
    assert third.pv_kw == pytest.approx(40 * (rows % 4) / 4, abs=5e-4)
    assert not first.pv_kw.any()


def test_a_later_day_starts_at_its_own_row(source: Path) -> None:
    village = a_village(source, first_day=date(2016, 2, 29), days=2)

    second = village.villagers[1]
    assert village.profiles.first_slot == datetime(2016, 2, 28, 23, tzinfo=UTC)
    assert len(second.load_kw) == 192
    assert second.load_kw[1] == pytest.approx(3 * load(1))


def test_local_midnight_moves_with_summer_time(source: Path) -> None:
    winter = a_village(source, first_day=date(2016, 3, 27)).profiles
    summer = a_village(source, first_day=date(2016, 3, 28)).profiles

    assert winter.first_slot == datetime(2016, 3, 26, 23, tzinfo=UTC)
    assert winter.first_slot.utcoffset() == timedelta(hours=1)
    assert winter.local_hours[:9] == (0, 0, 0, 0, 1, 1, 1, 1, 3)
    assert len(winter.local_hours) == 96
    assert summer.first_slot == datetime(2016, 3, 27, 22, tzinfo=UTC)
    assert summer.first_slot.utcoffset() == timedelta(hours=2)


def test_distances_follow_the_lines_and_not_the_open_switch(source: Path) -> None:
    grid = a_village(source).grid

    distances = {pair: path.distance_km for pair, path in grid.between.items()}
    assert distances == pytest.approx({(0, 1): 0.05, (0, 2): 0.12, (1, 2): 0.17})


def test_limits_are_the_smallest_of_rating_cable_and_transformer(source: Path) -> None:
    first, second, third = a_village(source).villagers

    assert first.max_purchase_kwh == pytest.approx((2.2 + 4.2) / 4)
    assert second.max_purchase_kwh == pytest.approx((3.2 + 10) / 4)
    thin_cable_kw = math.sqrt(3) * 0.4 * 50 / 2
    assert third.max_sale_kwh == pytest.approx(thin_cable_kw / 4, abs=5e-4)
    assert third.max_purchase_kwh == pytest.approx(1.2 / 4)
    assert first.max_sale_kwh is second.max_sale_kwh is None


def test_the_transformer_limits_what_the_cables_would_carry(source: Path) -> None:
    types = source / "1-complete_data-mixed-all-1-sw" / "TransformerType.csv"
    types.write_text(types.read_text().replace("0.16", "0.001"))

    village = a_village(source)

    limits = [villager.max_purchase_kwh for villager in village.villagers]
    assert limits == [0.25, 0.25, 0.25]


def test_a_battery_without_a_plant_beside_it_stores_purchases(source: Path) -> None:
    second = a_village(source).villagers[1]

    battery = second.battery
    assert battery is not None
    assert (battery.max_kwh, battery.initial_kwh, battery.power_kw) == (50.0, 12.5, 10.0)
    assert battery.efficiency == 0.95
    assert battery.stores_purchases
    daily_load_kwh = sum(second.load_kw) / 4
    assert battery.charge_ratio == pytest.approx(0.7 * daily_load_kwh / 50, abs=5e-4)


def test_a_battery_beside_a_plant_stores_its_own_surplus(source: Path) -> None:
    storages = source / "1-complete_data-mixed-all-1-sw" / "Storage.csv"
    storages.write_text(storages.read_text().replace("Bus 2", "Bus 3"))

    battery = a_village(source).villagers[2].battery

    assert battery is not None
    assert not battery.stores_purchases


def test_the_seed_fixes_the_tastes(source: Path) -> None:
    one, again, other = (a_village(source, seed=seed) for seed in (1, 1, 2))

    tastes = [[villager.tastes for villager in v.villagers] for v in (one, again, other)]
    assert tastes[0] == tastes[1]
    assert tastes[0] != tastes[2]


def test_the_folder_is_a_scenario_with_readme_and_licence(source: Path, tmp_path: Path) -> None:
    village = a_village(source, days=2)
    folder = tmp_path / "small"

    write_folder(village, folder)

    scenario = load_scenario(folder)
    community = scenario.community
    assert community is not None
    assert community.tariff is not None
    assert scenario.slot_count == 192
    assert scenario.first_slot == village.profiles.first_slot
    assert [line.distance for line in community.lines] == [50, 120, 170]
    assert list(community.tariff.import_price[[0, 24, 68, 84, 88]] // 10**6) == [
        240, 320, 400, 320, 240,
    ]  # fmt: skip
    assert scenario.storage is not None
    assert (scenario.storage.power_mw, scenario.storage.capacity_mwh) == (0.03, 0.09)
    readme = (folder / "README.md").read_text()
    for words in ("doi:10.3390/en13123290", "ODbL", "Synthetic", "LV9.101", "--days 2"):
        assert words in readme
    assert "Open Database License" in (folder / "LICENSE").read_text()


def test_prosumers_get_lines_to_their_nearest_and_no_more_than_allowed() -> None:
    places = range(30)
    between = {
        (a, b): GridPath(distance_km=float(b - a), capacity_kw=1.0)
        for a in places
        for b in places
        if a < b
    }

    roomy = nearest_pairs(between, len(places), nearest=4, at_most=8)
    tight = nearest_pairs(between, len(places), nearest=4, at_most=5)

    roomy_ends, tight_ends = (
        [sum(place in pair for pair in pairs) for place in places] for pairs in (roomy, tight)
    )
    assert min(roomy_ends) == 4
    assert max(tight_ends) == 5
    assert set(tight) < set(roomy)
    assert all(0 < second - first <= 4 for first, second in roomy)


def test_the_command_writes_a_folder_and_says_what_is_in_it(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"

    code, output = run(
        "LV9.101", "--from", "2016-01-02", "--days", "1", "--out", str(folder),
        "--lines-per-prosumer", "1", "--shortfall", "B03:50:0.5", "--seed", "7",
        "--source", str(source),
    )  # fmt: skip

    assert (code, output) == (0, f"{folder}: 3 prosumers, 2 lines, 1 days from 2016-01-02\n")
    community = load_scenario(folder).community
    assert community is not None
    assert [(s.prosumer, s.slot, s.delivered) for s in community.shortfalls] == [(2, 49, 5000)]
    assert (
        "wattline import-simbench LV9.101 --from 2016-01-02 --days 1 --lines-per-prosumer 1 "
        "--shortfall B03:50:0.5 --seed 7 --out scenarios/out"
    ) in (folder / "README.md").read_text()


def test_a_folder_that_is_not_empty_is_kept_unless_told_otherwise(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "scenario.toml").write_text("mine")
    words = ["LV9.101", "--from", "2016-01-01", "--days", "1", "--source", str(source)]

    refused = run(*words, "--out", str(folder))
    kept = (folder / "scenario.toml").read_text()
    forced, _ = run(*words, "--out", str(folder), "--force")

    assert refused == (
        1, f"error: {folder}: expected a new or an empty folder; add --force to write into it\n"
    )  # fmt: skip
    assert kept == "mine"
    assert forced == 0
    assert load_scenario(folder).name == "out"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["LV9.999"],
         "GRID: expected a low-voltage grid of SimBench, such as LV1.101, got LV9.999"),
        (["MV9.101"],
         "GRID: expected a low-voltage grid of SimBench, such as LV1.101, got MV9.101"),
        (["LV9.101", "--from", "2017-01-01"],
         "--from, --days: expected days within the profiles, which are of the year 2016, "
         "got 1 from 2017-01-01"),
        (["LV9.101", "--days", "300"],
         "--from, --days: expected days within the profiles, which are of the year 2016, "
         "got 300 from 2016-01-01"),
        (["LV9.101", "--shortfall", "B03"],
         "--shortfall: expected PROSUMER:SLOT:SHARE, such as B05:49:0.6, got B03"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_refused_in_one_line(
    source: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    defaults = ["--from", "2016-01-01", "--days", "1"]
    places = ["--out", str(tmp_path / "out"), "--source", str(source)]

    code, output = run(*defaults, *places, *arguments)

    assert (code, output) == (1, f"error: {expected}\n")
    assert not (tmp_path / "out").exists()


def test_a_scenario_without_files_is_refused(source: Path, tmp_path: Path) -> None:
    missing = source / "1-complete_data-mixed-all-2-sw"

    code, output = run(
        "LV9.101", "--from", "2016-01-01", "--days", "1", "--simbench-scenario", "2",
        "--out", str(tmp_path / "out"), "--source", str(source),
    )  # fmt: skip

    assert (code, output) == (
        1,
        f"error: {missing}: expected the CSV files of SimBench's scenario 2\n",
    )


def test_a_shortfall_of_nobody_leaves_no_folder(source: Path, tmp_path: Path) -> None:
    code, output = run(
        "LV9.101", "--from", "2016-01-01", "--days", "1", "--shortfall", "B09:50:0.5",
        "--out", str(tmp_path / "out"), "--source", str(source),
    )  # fmt: skip

    assert code == 1
    assert 'prosumer: expected the name of a prosumer, got "B09"' in output
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_refused_with_the_way_to_install_it() -> None:
    with pytest.raises(InvalidInputError) as caught:
        installed_networks("no_such_package_of_grids")

    assert str(caught.value) == (
        "no_such_package_of_grids: expected this package with the grid data; install it with "
        "pip install '.[simbench]', or name its folder of networks with --source"
    )


@pytest.mark.parametrize(
    ("grid", "name", "shortfalls"),
    [
        ("LV1.101", "village", [PlannedShortfall(prosumer="B11", slot=54, delivered_share=0.6)]),
        ("LV3.101", "town", []),
    ],
)
@pytest.mark.skipif(
    importlib.util.find_spec("simbench") is None,
    reason="compares with the 90 MB of the extra: pip install '.[simbench]'",
)
def test_a_committed_folder_is_what_the_importer_makes(
    tmp_path: Path, grid: str, name: str, shortfalls: list[PlannedShortfall]
) -> None:
    """
    Run where the extra is installed, and only there.

    The data set is too large to come with the tests, and its licence too different; everything that
    the importer does is tested on the small grid above. This one says that the committed folders
    are the importer's work and nobody's hand's.
    """
    imported = build_village(grid, date(2016, 5, 9), 7, name=name, shortfalls=shortfalls)

    write_folder(imported, tmp_path / name)

    made = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert made == {path.name: path.read_bytes() for path in (SCENARIOS / name).iterdir()}


def test_the_town_is_a_week_of_118_prosumers_whose_lines_fit_the_chain() -> None:
    scenario = load_scenario(SCENARIOS / "town")

    community = scenario.community
    assert community is not None
    assert len(community.prosumers) == 118
    assert scenario.slot_count == 7 * 96
    assert scenario.first_slot == datetime(2016, 5, 8, 22, tzinfo=UTC)
    words, row_words = rows_of(community.lines, 118)
    assert (len(words), row_words) == (236, 2)
    ends = Counter(end for line in community.lines for end in (line.first, line.second))
    assert min(ends[number] for number in range(118)) == 7
