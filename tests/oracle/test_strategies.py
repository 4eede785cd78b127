"""Bidding strategies: what each states, what it learns, and what none of them may do."""

from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle import bidding
from oracle.domain.book import FIRST_MANAGER, Kind, Order, Trade
from oracle.domain.community import Community
from oracle.errors import InvalidInputError
from oracle.market.mechanism import Outcome, Round
from oracle.market.pairwise_nash import PairwiseNash
from oracle.plan import numbered_fees, plan_trades
from oracle.scenario import load_scenario
from oracle.strategies import adaptive
from oracle.strategies.agents import Agents
from oracle.strategies.registry import DEFAULT, STRATEGIES
from oracle.strategies.strategy import Fill, Situation, Strategy
from oracle.units import BPS, Bps, MicroUsdPerMwh, Wh
from tests.oracle.communities import a_community, a_line, a_prosumer, a_tariff, usd_per_kwh
from tests.oracle.scenario_folders import SCENARIOS, an_edited_copy
from tests.oracle.scenario_folders import replace as replaced

PRICES = st.integers(0, 10**10).map(MicroUsdPerMwh)
SITUATIONS = st.builds(
    Situation,
    name=st.text("PQ 1.é", min_size=1, max_size=8),
    slot=st.integers(0, 10**4),
    seed=st.integers(0, 2**63 - 1),
    kind=st.sampled_from([Kind.OFFER, Kind.BID]),
    limit=PRICES,
    grid_price=PRICES,
    least_fee=PRICES,
    margin=st.integers(0, BPS).map(Bps),
)
EVERY = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=lambda one: one.name)


def a_situation(**changes: Any) -> Situation:
    """A seller with a limit of 0.05 where the grid charges 0.30, and room for 0.25 USD/kWh."""
    situation = Situation(
        name="P1",
        slot=3,
        seed=7,
        kind=Kind.OFFER,
        limit=usd_per_kwh(0.05),
        grid_price=usd_per_kwh(0.3),
        least_fee=usd_per_kwh(0.01),
        margin=Bps(2_000),
    )
    return replace(situation, **changes)


def a_buyer(**changes: Any) -> Situation:
    """A buyer with a limit of 0.28 where the grid pays 0.08, and room for 0.20 USD/kWh."""
    prices = {"limit": usd_per_kwh(0.28), "grid_price": usd_per_kwh(0.08)}
    return a_situation(kind=Kind.BID, **prices | changes)


def stated(name: str, situation: Situation) -> MicroUsdPerMwh:
    return STRATEGIES[name].price(situation)


@pytest.mark.parametrize(
    ("name", "offered", "bid"),
    [
        ("truthful", 0.05, 0.28),
        ("fixed-margin", 0.05 + 0.2 * 0.25, 0.28 - 0.2 * 0.2),
        ("adaptive", 0.05 + 0.2 * 0.25, 0.28 - 0.2 * 0.2),
        ("fee-aware", 0.05 + 0.2 * (0.25 - 0.01), 0.28 - 0.2 * (0.2 - 0.01)),
    ],
)
def test_a_price_is_the_limit_and_a_share_of_the_room(
    name: str, offered: float, bid: float
) -> None:
    assert stated(name, a_situation()) == usd_per_kwh(offered)
    assert stated(name, a_buyer()) == usd_per_kwh(bid)


def test_a_share_is_rounded_towards_the_limit() -> None:
    third = Bps(3_333)

    assert stated("fixed-margin", a_situation(limit=100, grid_price=110, margin=third)) == 103
    assert stated("fixed-margin", a_buyer(limit=110, grid_price=100, margin=third)) == 107


def test_zero_intelligence_draws_from_seed_name_and_slot() -> None:
    digest = int.from_bytes(sha256(b"7/P1/3").digest(), "big")
    room = 250_000_000

    drawn = stated("zero-intelligence", a_situation())

    assert drawn == 50_000_000 + digest * (room + 1) // 2**256
    assert drawn == stated("zero-intelligence", a_situation())
    others: list[dict[str, Any]] = [{"seed": 8}, {"name": "P2"}, {"slot": 4}]
    assert drawn not in [stated("zero-intelligence", a_situation(**one)) for one in others]


def test_zero_intelligence_draws_every_price_alike() -> None:
    """
    Gode and Sunder 1993: uniform. The chi-square of 2,200 draws over 11 prices is below 29.6, its
    99.9 % quantile at 10 degrees of freedom.
    """
    drawn = Counter(
        stated("zero-intelligence", a_situation(limit=100, grid_price=110, slot=slot))
        for slot in range(2_200)
    )

    assert sorted(drawn) == list(range(100, 111))
    assert sum((count - 200) ** 2 / 200 for count in drawn.values()) < 29.6


@EVERY
@given(situation=SITUATIONS)
def test_no_price_is_on_the_losing_side_or_beyond_the_grids(
    strategy: Strategy, situation: Situation
) -> None:
    price = strategy.price(situation)

    limit, grid = situation.limit, situation.grid_price
    if situation.kind is Kind.OFFER:
        assert limit <= price <= max(limit, grid)
    else:
        assert min(limit, grid) <= price <= limit


@EVERY
@given(situation=SITUATIONS, more=st.integers(0, 10**9))
def test_a_price_never_falls_where_the_limit_rises(
    strategy: Strategy, situation: Situation, more: int
) -> None:
    """So an audit that knows a limit within a range knows the price within one."""
    higher = replace(situation, limit=MicroUsdPerMwh(situation.limit + more))

    assert strategy.price(situation) <= strategy.price(higher)


@given(
    limit=PRICES,
    fee=PRICES,
    gain=st.integers(0, 10**9),
    margin=st.integers(0, BPS // 2).map(Bps),
)
def test_two_who_are_fee_aware_meet_over_their_nearest_line_where_both_gain(
    limit: int, fee: int, gain: int, margin: Bps
) -> None:
    of_seller, of_buyer = limit, limit + fee + gain
    offer = a_situation(limit=of_seller, grid_price=of_buyer, least_fee=fee, margin=margin)
    bid = a_buyer(limit=of_buyer, grid_price=of_seller, least_fee=fee, margin=margin)

    asked, paid = stated("fee-aware", offer), stated("fee-aware", bid)

    assert asked + fee <= paid


def test_two_who_keep_half_of_their_rooms_do_not_meet_over_any_fee() -> None:
    offer = a_situation(limit=100, grid_price=200, margin=Bps(5_000))
    bid = a_buyer(limit=200, grid_price=100, margin=Bps(5_000))

    assert stated("fixed-margin", offer) + 1 > stated("fixed-margin", bid)


@pytest.mark.parametrize(
    ("margin", "traded", "learnt"),
    [
        (2_000, 1_000, 2_500),
        (2_000, 0, 1_500),
        (2_000, 1, 2_000),
        (2_000, 999, 2_000),
        (9_800, 1_000, BPS),
        (BPS, 1_000, BPS),
        (300, 0, 0),
        (0, 0, 0),
    ],
)
def test_an_adaptive_margin_grows_with_a_fill_and_shrinks_without_any(
    margin: int, traded: int, learnt: int
) -> None:
    fill = Fill(ordered=Wh(1_000), traded=Wh(traded))

    assert adaptive.learn(Bps(margin), fill) == learnt


# A seller that is scarce beside two buyers: P1 sells to P2 and P3, who want more than there is.
SCARCE = [[10.0] * 6, [-6.0] * 6, [-8.0] * 6]
LINES = [a_line(0, 1, 1), a_line(0, 2, 2)]
TARIFF = a_tariff([0.3] * 6, [0.05] * 6)


def who_bid(strategy: str, margin: int = 2_000, **changes: Any) -> Community:
    prosumers = [a_prosumer(f"P{k}", strategy=strategy, margin=Bps(margin)) for k in (1, 2, 3)]
    return a_community(SCARCE, LINES, prosumers=prosumers, tariff=TARIFF, **changes)


def agents_of(community: Community) -> Agents:
    return bidding.agents(community, numbered_fees(community))


def placed(community: Community, agents: Agents, slot: int = 0) -> list[Order]:
    before = bidding.positions(community, slot, bidding.initial_states(community))
    scores = [Bps(5_000)] * len(community.prosumers)
    at_limits = bidding.limits(community, slot, before, scores)
    return bidding.orders(community, slot, at_limits, agents)


def a_trade(offer: int, bid: int, energy: int) -> Trade:
    price = MicroUsdPerMwh(100)
    return Trade(offer=offer, bid=bid, energy=Wh(energy), price=price, fee=MicroUsdPerMwh(0))


def test_agents_learn_from_what_was_traded_of_their_own_orders() -> None:
    community = who_bid("adaptive")
    agents = agents_of(community)
    book = placed(community, agents)

    agents.learn(book, [a_trade(0, 1, 6_000), a_trade(0, 2, 4_000)])

    offer, full, part = placed(community, agents)
    assert offer.price == usd_per_kwh(0.05 + 0.25 * 0.25)
    assert full.price == usd_per_kwh(0.3 - 0.25 * 0.25)
    assert part.price == usd_per_kwh(0.3 - 0.2 * 0.25)


def test_who_has_cancelled_learns_nothing() -> None:
    community = who_bid("adaptive")
    agents = agents_of(community)
    book = placed(community, agents)

    agents.learn([*book, Order(kind=Kind.CANCELLATION, participant=2)], [])

    prices = [order.price for order in placed(community, agents)]
    assert prices == [usd_per_kwh(0.0875), book[1].price, usd_per_kwh(0.2625)]


def test_sellers_and_buyers_of_one_prosumer_learn_apart() -> None:
    net = [[10.0, -10.0], [-10.0, 10.0]]
    prosumers = [a_prosumer(f"P{k}", strategy="adaptive", margin=Bps(2_000)) for k in (1, 2)]
    tariff = a_tariff([0.3] * 2, [0.05] * 2)
    community = a_community(net, [a_line(0, 1, 1)], prosumers=prosumers, tariff=tariff)
    agents = agents_of(community)
    sold = placed(community, agents)

    agents.learn(sold, [a_trade(0, 1, 10_000)])

    assert placed(community, agents, slot=1)[0].price == usd_per_kwh(0.3 - 0.2 * 0.25)
    assert placed(community, agents, slot=0)[0].price == usd_per_kwh(0.05 + 0.25 * 0.25)


def test_only_who_is_adaptive_learns() -> None:
    for name in set(STRATEGIES) - {"adaptive"}:
        community = who_bid(name)
        agents = agents_of(community)
        book = placed(community, agents)

        agents.learn(book, [])

        assert placed(community, agents) == book


def test_a_scarce_seller_learns_to_ask_for_more() -> None:
    rounds: list[Round] = []

    def clear(market_round: Round) -> Outcome:
        rounds.append(market_round)
        return PairwiseNash().clear(market_round)

    plan = plan_trades(who_bid("adaptive", margin=0), clear)

    asked = [market_round.order(0).price for market_round in rounds]
    assert asked == [usd_per_kwh(0.05 + 0.05 * slot * 0.25) for slot in range(6)]
    assert plan_trades(who_bid("adaptive", margin=0)).trades == plan.trades


def test_a_truthful_prosumer_orders_at_its_limit_and_needs_no_margin() -> None:
    community = who_bid("truthful")
    before = bidding.positions(community, 0, bidding.initial_states(community))

    limits = bidding.limits(community, 0, before, [Bps(5_000)] * 3)

    prices = [order.price for order in placed(community, agents_of(community))]
    assert prices == [order.price for order in limits]
    assert prices == [usd_per_kwh(0.05), usd_per_kwh(0.3), usd_per_kwh(0.3)]
    assert DEFAULT == a_prosumer().strategy == "truthful"


def test_locks_are_those_of_the_limits_whatever_is_stated() -> None:
    truthful, shading = (plan_trades(who_bid(name)).locks for name in ("truthful", "fixed-margin"))

    assert shading == truthful


def test_a_fee_aware_prosumer_knows_the_nearest_of_its_lines() -> None:
    community = who_bid("fee-aware", margin=5_000)
    fees = numbered_fees(community)

    offer, near, far = placed(community, agents_of(community))

    assert fees[1, 2] < fees[1, 3]
    room = usd_per_kwh(0.25)
    assert offer.price == usd_per_kwh(0.05) + (room - fees[1, 2]) // 2
    assert near.price == usd_per_kwh(0.3) - (room - fees[2, 1]) // 2
    assert far.price == usd_per_kwh(0.3) - (room - fees[3, 1]) // 2


def test_the_least_fee_through_a_manager_is_that_of_two_spokes() -> None:
    community = who_bid("fee-aware", margin=BPS)
    fees = {
        (number, FIRST_MANAGER): MicroUsdPerMwh(fee) for number, fee in ((1, 3), (2, 5), (3, 7))
    }

    offer, second, third = placed(community, bidding.agents(community, fees))
    alone = placed(community, bidding.agents(community, {(1, FIRST_MANAGER): MicroUsdPerMwh(3)}))

    assert offer.price == usd_per_kwh(0.3) - 8
    assert second.price == usd_per_kwh(0.05) + 8
    assert third.price == usd_per_kwh(0.05) + 10
    assert alone[0].price == usd_per_kwh(0.3)


@pytest.fixture(scope="module")
def village() -> Community:
    community = load_scenario(SCENARIOS / "village", days=1).community
    assert community is not None
    return community


@EVERY
def test_whatever_the_strategy_a_trade_of_the_village_is_better_than_the_grid(
    village: Community, strategy: Strategy
) -> None:
    margin = strategy.default_margin or Bps(0)
    prosumers = [replace(one, strategy=strategy.name, margin=margin) for one in village.prosumers]

    plan = plan_trades(replace(village, prosumers=tuple(prosumers), seed=1))

    assert len(plan.trades) > 50
    for trade in plan.trades:
        import_price, export_price = bidding.grid_prices(village, trade.slot)
        assert export_price <= trade.price
        assert trade.price + trade.lease_fee <= import_price


def in_a_village(tmp_path: Path, *edits: tuple[str, str]) -> Community:
    def edit(content: str) -> str:
        for old, new in edits:
            content = replaced(old, new)(content)
        return content

    folder = an_edited_copy(tmp_path, "village", "scenario.toml", edit)
    community = load_scenario(folder, days=1).community
    assert community is not None
    return community


FIRST = 'name = "B01"'
TABLE = "[line_lease]"


def test_a_scenario_names_a_strategy_for_all_and_for_each(tmp_path: Path) -> None:
    community = in_a_village(
        tmp_path,
        (TABLE, f'[strategies]\ndefault = "adaptive"\nmargin = 0.3\nseed = 42\n\n{TABLE}'),
        (FIRST, f'{FIRST}\nstrategy = "fixed-margin"'),
        ('name = "B02"', 'name = "B02"\nmargin = 0.45'),
        ('name = "B03"', 'name = "B03"\nstrategy = "truthful"'),
        ('name = "B05"', 'name = "B05"\nstrategy = "fee-aware"\nmargin = 0'),
    )

    said = [(one.strategy, one.margin) for one in community.prosumers[:5]]
    assert said == [
        ("fixed-margin", 2_000),
        ("adaptive", 4_500),
        ("truthful", 0),
        ("fee-aware", 0),
        ("adaptive", 3_000),
    ]
    assert community.seed == 42


def test_prosumers_of_a_scenario_that_says_nothing_are_truthful(tmp_path: Path) -> None:
    community = in_a_village(tmp_path)

    assert {(one.strategy, one.margin) for one in community.prosumers} == {("truthful", 0)}
    assert community.seed == 0


LISTED = " or ".join(f'"{name}"' for name in STRATEGIES)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (FIRST, f'{FIRST}\nstrategy = "greedy"',
         f'[[prosumers]] strategy: expected {LISTED}, got "greedy"'),
        (FIRST, f'{FIRST}\nmargin = 0.1',
         '[[prosumers]] margin: expected none, as "truthful" has no margin, got 0.1'),
        (FIRST, f'{FIRST}\nstrategy = "adaptive"\nmargin = 1.5',
         "[[prosumers]] margin: expected a number in [0, 1], got 1.5"),
        (TABLE, f'[strategies]\ndefault = "greedy"\n\n{TABLE}',
         f'[strategies] default: expected {LISTED}, got "greedy"'),
        (TABLE, f"[strategies]\nmargin = 0.1\n\n{TABLE}",
         '[strategies] margin: expected none, as "truthful" has no margin, got 0.1'),
        (TABLE, f"[strategies]\nseed = -1\n\n{TABLE}",
         "[strategies] seed: expected a whole number from 0 to 9223372036854775807, got -1"),
    ],
)  # fmt: skip
def test_a_strategy_that_is_none_is_refused_with_line_and_key(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        in_a_village(tmp_path, (old, new))

    text = (tmp_path / "village" / "scenario.toml").read_text().splitlines()
    place = text.index(new.splitlines()[-1] if old == FIRST else new.splitlines()[1]) + 1
    assert str(caught.value) == f"scenario.toml, line {place}, {line}"


def test_the_margin_of_a_scenario_is_only_for_who_has_its_default(tmp_path: Path) -> None:
    community = in_a_village(
        tmp_path,
        (TABLE, f'[strategies]\ndefault = "fixed-margin"\nmargin = 0.3\n\n{TABLE}'),
        (FIRST, f'{FIRST}\nstrategy = "adaptive"'),
        ('name = "B02"', 'name = "B02"\nstrategy = "fixed-margin"'),
    )

    assert [one.margin for one in community.prosumers[:3]] == [2_000, 3_000, 3_000]
