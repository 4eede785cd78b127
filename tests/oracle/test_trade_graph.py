"""Who may trade with whom, from a scenario to its rounds: lines, one pool, or both."""

from pathlib import Path

import pytest

from oracle.domain.book import FIRST_MANAGER
from oracle.domain.community import Line, manager_index
from oracle.errors import InvalidInputError
from oracle.market.mechanism import POOL, round_of
from oracle.market.registry import MECHANISMS
from oracle.plan import mechanism_of, numbered_capacities, numbered_fees, plan_trades
from oracle.scenario import load_scenario, under_mechanism
from oracle.units import Meters, Wh
from tests.oracle.books import REAL_TIME_PRICE, a_bid, an_offer
from tests.oracle.scenario_folders import SCENARIOS, a_copy, an_edited_copy, replace

MANAGED = """
[[managers]]
name = "Mill"

[[lines]]
between = ["B01", "Mill"]
distance_km = 0.05
capacity_kw = 4.0

[[lines]]
between = ["Mill", "B02"]
distance_km = 0.0
"""


def a_hybrid_village(tmp_path: Path, changes: str = MANAGED) -> Path:
    folder = an_edited_copy(
        tmp_path,
        "village",
        "scenario.toml",
        replace('mechanism = "pairwise-nash"', 'mechanism = "matching"\ntrade_graph = "hybrid"'),
    )
    with (folder / "scenario.toml").open("a") as file:
        file.write(changes)
    return folder


def test_a_village_has_lines_only_unless_it_says_otherwise() -> None:
    community = load_scenario(SCENARIOS / "village", 1).community

    assert community is not None
    assert community.rules.trade_graph == "full"
    assert community.routes == community.lines


def test_a_community_market_is_one_free_pool() -> None:
    community = load_scenario(SCENARIOS / "village", 1, "uniform").community

    assert community is not None
    assert community.rules.trade_graph == "community"
    assert numbered_fees(community) == {(n, FIRST_MANAGER): 0 for n in range(1, 14)}
    assert round_of((an_offer(1, 5), a_bid(2, 5)), numbered_fees(community), REAL_TIME_PRICE).spokes
    assert POOL in round_of((an_offer(1, 5),), numbered_fees(community), REAL_TIME_PRICE).spokes


def test_a_hybrid_market_has_lines_managers_and_capacities(tmp_path: Path) -> None:
    community = load_scenario(a_hybrid_village(tmp_path), 1).community

    assert community is not None
    mill = manager_index(1)
    assert community.routes[-2:] == (
        Line(first=0, second=mill, distance=Meters(50), capacity=Wh(1000)),  # 4 kW for 15 minutes
        Line(first=1, second=mill, distance=Meters(0)),
    )
    assert numbered_fees(community)[1, FIRST_MANAGER] == 7_500_000  # 0.05 km at 0.15 USD/kWh/km
    assert numbered_capacities(community)[1, FIRST_MANAGER] == 1000


def test_a_hybrid_day_is_cleared_and_proved(tmp_path: Path) -> None:
    community = load_scenario(a_hybrid_village(tmp_path), 1).community
    assert community is not None

    plan = plan_trades(community)

    assert {trade.pooled for one in plan.outcomes for trade in one.trades} == {False, True}


def test_a_scenario_sets_its_mechanisms(tmp_path: Path) -> None:
    folder = a_copy(tmp_path, "village")
    with (folder / "scenario.toml").open("a") as file:
        file.write('[mechanisms.matching]\ntheta = "seller-best"\n')

    chosen = load_scenario(folder, 1, "matching").community
    default = load_scenario(SCENARIOS / "village", 1, "matching").community

    assert chosen is not None
    assert default is not None
    assert mechanism_of(chosen).parameters != mechanism_of(default).parameters


@pytest.mark.parametrize("name", sorted(MECHANISMS))
def test_every_mechanism_finds_a_trade_graph_that_it_clears(name: str) -> None:
    community = load_scenario(SCENARIOS / "village", 1).community
    assert community is not None

    changed = under_mechanism(community, name)

    assert changed.rules.trade_graph in MECHANISMS[name].graphs
    assert mechanism_of(changed).name == name


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("", '[[managers]]: expected this table, with lines to it, as trade_graph is "hybrid"'),
        (
            MANAGED + '[[lines]]\nbetween = ["B01", "Mill"]\ndistance_km = 1.0\n',
            'between: expected one manager for a prosumer, got "B01", "Mill"',
        ),
        (
            '[[managers]]\nname = "B01"\n',
            '[[managers]] name: expected no prosumer\'s name, got "B01"',
        ),
        (
            MANAGED + '[[managers]]\nname = "Inn"\n'
            '[[lines]]\nbetween = ["Inn", "Mill"]\ndistance_km = 1.0\n',
            'between: expected one manager for a prosumer, got "Mill", "Inn"',
        ),
        (
            MANAGED + "[mechanisms.uniform]\ncolour = 1\n",
            "[mechanisms.uniform] colour: expected a known key",
        ),
        (MANAGED + "[mechanisms.lottery]\n", "[mechanisms] lottery: expected a known key"),
        (
            MANAGED + "[mechanisms.mcafee]\nunit_kwh = -1\n",
            "[mechanisms.mcafee] unit_kwh: expected a number",
        ),
    ],
)
def test_refuses_a_bad_graph(tmp_path: Path, changes: str, expected: str) -> None:
    folder = a_hybrid_village(tmp_path, changes)

    with pytest.raises(InvalidInputError) as refusal:
        load_scenario(folder)

    assert expected in str(refusal.value)
    assert str(refusal.value).startswith("scenario.toml, line ")


def test_refuses_a_graph_that_the_mechanism_does_not_clear(tmp_path: Path) -> None:
    folder = an_edited_copy(
        tmp_path,
        "village",
        "scenario.toml",
        replace('mechanism = "pairwise-nash"', 'mechanism = "uniform"\ntrade_graph = "full"'),
    )

    with pytest.raises(InvalidInputError, match=r'trade_graph: expected "community" under the'):
        load_scenario(folder)


def test_refuses_capacities_that_the_mechanism_does_not_respect(tmp_path: Path) -> None:
    folder = an_edited_copy(
        tmp_path,
        "village",
        "scenario.toml",
        replace("distance_km = 0.149", "distance_km = 0.149\ncapacity_kw = 1.0"),
    )

    with pytest.raises(InvalidInputError, match="expected one that respects capacities"):
        load_scenario(folder)


def test_refuses_an_unknown_mechanism_in_place_of_the_scenarios() -> None:
    with pytest.raises(InvalidInputError, match="mechanism lottery: expected one of pairwise-nash"):
        load_scenario(SCENARIOS / "village", 1, "lottery")


def test_a_pool_with_two_export_prices_has_no_mid_market(tmp_path: Path) -> None:
    folder = an_edited_copy(
        tmp_path, "village", "tariff.csv", replace("\n4,0.24,0.08", "\n4,0.24,0.09")
    )
    community = load_scenario(folder, 1, "mid-market").community
    assert community is not None

    with pytest.raises(InvalidInputError, match="expected one export price in all slots"):
        mechanism_of(community)
