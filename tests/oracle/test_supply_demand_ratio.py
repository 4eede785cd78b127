"""The price by supply and demand: known answers, exact fractions, and what always holds."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.errors import ContractRevert
from oracle.market.mechanism import POOL, Outcome, Round, require_feasible
from oracle.market.pool import pool_of, pooled_trades
from oracle.market.sharing import BlendedPrices
from oracle.market.supply_demand_ratio import SupplyDemandRatio, prices
from oracle.units import MicroUsdPerMwh
from tests.oracle.pools import (
    HIGH,
    USD,
    Rows,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
)
from tests.oracle.shares import fills_at

EXPORT = MicroUsdPerMwh(40 * USD)
IMPORT = MicroUsdPerMwh(200 * USD)
MECHANISM = SupplyDemandRatio(EXPORT)


def exact_sell_price(market_round: Round, export_price: int) -> Fraction:
    """Liu et al. (2017), in fractions; where it says nothing, what the module's docstring says."""
    supply, demand = (
        sum(energy for _, energy, _ in taking_part(market_round, kind))
        for kind in (Kind.OFFER, Kind.BID)
    )
    m = Fraction(market_round.real_time_price)
    x = min(Fraction(export_price), m)
    if supply > demand:
        return x
    ratio = Fraction(supply, demand) if demand else Fraction(0)
    divisor = (m - x) * ratio + x
    return x * m / divisor if demand and divisor else m


def test_liu_et_al() -> None:
    """m .20, x .04, SDR .5: .066667 and .133333 USD/kWh."""
    market_round = pool_round([(5, 0)], [(10, 1000)], IMPORT)

    outcome = MECHANISM.clear(market_round)

    assert [(trade.energy, trade.price) for trade in outcome.trades] == [(5, 66_666_666)]
    expected = BlendedPrices(buyer=MicroUsdPerMwh(133_333_333), seller=MicroUsdPerMwh(66_666_666))
    assert prices(5, 10, IMPORT, EXPORT) == expected
    assert MECHANISM.blended_prices(market_round) == expected


@pytest.mark.parametrize(
    ("supply", "demand", "import_price", "export_price", "sell", "buy"),
    [
        (10, 10, 200, 40, 40, 40),
        (11, 10, 200, 40, 40, 40),
        (0, 10, 200, 40, 200, 200),
        (10, 0, 200, 40, 40, 40),
        (0, 0, 200, 40, 200, 200),
        (5, 10, 200, 0, 0, 100),
        (0, 10, 200, 0, 200, 200),  # 0 / 0
        (5, 10, 0, 0, 0, 0),
        (5, 10, 40, 40, 40, 40),
        (1, 3, 200, 40, 85, 161),  # 85.7 and 161.9 (161.7 from the rounded price)
        (MAX_ENERGY, MAX_ENERGY * 1024, MAX_PRICE, MAX_PRICE, MAX_PRICE, MAX_PRICE),
    ],
)
def test_prices_on_an_edge(
    supply: int, demand: int, import_price: int, export_price: int, sell: int, buy: int
) -> None:
    both = prices(supply, demand, import_price, export_price)

    assert (both.seller, both.buyer) == (sell, buy)


@pytest.mark.parametrize(
    ("offers", "bids", "fills", "price"),
    [
        ([], [], [], None),
        ([(1, 2)], [], [0], None),
        ([], [(1, 2)], [0], None),
        ([(1, 40)], [(1, 40)], [1, 1], 40),
        ([(1, 40.000001)], [(1, 40)], [0, 0], None),
        ([(1, 0), (1, 0)], [(1, 200)], [1, 0, 1], 40),  # the odd Wh goes to the earlier
        ([(1, 0), (1, 300)], [(2, 300)], [1, 0, 1], 66.666666),  # above the import price
        ([(1, 0), (1, 100)], [(4, 300)], [1, 0, 1], 66.666666),  # unwilling, but it counts
        ([(2, 0)], [(3, 300), (1, 50)], [2, 2, 0], 66.666666),
    ],
)
def test_books_on_an_edge(offers: Rows, bids: Rows, fills: list[int], price: float | None) -> None:
    market_round = pool_round(offers, bids, IMPORT)

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == fills
    assert {trade.price for trade in outcome.trades} == (
        {round(price * USD)} if price is not None else set()
    )
    MECHANISM.verify(market_round, outcome)


def test_an_export_price_above_the_import_price_counts_as_that() -> None:
    market_round = pool_round([(9, 0)], [(1, 1000)], EXPORT)
    mechanism = SupplyDemandRatio(IMPORT)

    assert {trade.price for trade in mechanism.clear(market_round).trades} == {EXPORT}


def test_who_is_outside_the_pool_neither_trades_nor_blocks_nor_counts() -> None:
    market_round = pool_round([(9, 1), (1, 5)], [(2, 999)], IMPORT)
    outside = Round(
        orders=market_round.orders, edges=(), real_time_price=IMPORT, spokes=(None, POOL, POOL)
    )

    outcome = MECHANISM.clear(outside)

    assert filled(outside, outcome.trades) == [0, 1, 1]
    assert {trade.price for trade in outcome.trades} == {66_666_666}
    MECHANISM.verify(outside, outcome)
    nobody = Round(orders=market_round.orders, edges=(), real_time_price=HIGH)
    assert MECHANISM.clear(nobody) == Outcome(trades=())
    MECHANISM.verify(nobody, Outcome(trades=()))


def test_the_largest_numbers_are_exact() -> None:
    top = MAX_PRICE / USD
    market_round = pool_round(
        [(MAX_ENERGY, 0)] * 100, [(MAX_ENERGY, top)] * 300, MicroUsdPerMwh(MAX_PRICE)
    )
    mechanism = SupplyDemandRatio(MicroUsdPerMwh(MAX_PRICE - 1))

    outcome = mechanism.clear(market_round)

    share, left_over = divmod(100 * MAX_ENERGY, 300)
    bought = filled(market_round, outcome.trades)[100:]
    assert bought == [share + (k < left_over) for k in range(300)]
    exact = exact_sell_price(market_round, MAX_PRICE - 1)
    assert {trade.price for trade in outcome.trades} == {floor(exact)}
    mechanism.verify(market_round, outcome)


def test_1200_random_books_against_fractions() -> None:
    for number, market_round in enumerate(random_rounds(51, 1200)):
        mechanism = SupplyDemandRatio(MicroUsdPerMwh(number % 5))
        outcome = mechanism.clear(market_round)

        price = floor(exact_sell_price(market_round, number % 5))
        assert filled(market_round, outcome.trades) == fills_at(market_round, price)
        assert {trade.price for trade in outcome.trades} <= {price}
        mechanism.verify(market_round, outcome)
        assert mechanism.certificate_of(market_round, outcome.trades) == b""


@given(
    seed=st.integers(0, 2**32),
    energy=st.integers(1, MAX_ENERGY),
    price=st.integers(0, MAX_PRICE),
    export_price=st.integers(0, MAX_PRICE),
)
def test_rational_balanced_and_conserving(
    seed: int, energy: int, price: int, export_price: int
) -> None:
    mechanism = SupplyDemandRatio(MicroUsdPerMwh(export_price))
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )

    outcome = mechanism.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert all(trade.surplus == trade.fee == 0 for trade in outcome.trades)
    mechanism.verify(market_round, outcome)


@given(
    supply=st.integers(0, MAX_ENERGY),
    demand=st.integers(1, MAX_ENERGY),
    import_price=st.integers(0, MAX_PRICE),
    part=st.fractions(0, 1),
)
def test_where_all_are_willing_buyers_pay_p_buy_with_the_rest_at_the_grid(
    supply: int, demand: int, import_price: int, part: Fraction
) -> None:
    export_price = int(import_price * part)
    offers = [(supply, 0)] if supply else []
    market_round = pool_round(offers, [(demand, MAX_PRICE / USD)], MicroUsdPerMwh(import_price))

    both = prices(supply, demand, import_price, export_price)

    mechanism = SupplyDemandRatio(MicroUsdPerMwh(export_price))
    assert export_price <= both.seller <= both.buyer <= import_price
    assert mechanism.blended_prices(market_round).buyer == both.buyer


@pytest.mark.parametrize(
    ("fills", "price", "name"),
    [
        ([4, 3, 3, 10], 40, None),
        ([4, 3, 3, 10], 41, "WrongPrice"),
        ([4, 3, 2, 9], 40, "WrongVolume"),
        ([5, 3, 2, 10], 40, "WrongFill"),
        ([3, 4, 3, 10], 40, "NotProRata"),
    ],
)
def test_refuses_what_the_contract_refuses(fills: list[int], price: int, name: str | None) -> None:
    market_round = pool_round([(5, 0), (5, 0), (4, 0)], [(10, 200)], IMPORT)
    arrays = np.array(fills[:3]), np.array(fills[3:])
    trades = pooled_trades(pool_of(market_round), *arrays, price=price * USD)

    if name is None:
        MECHANISM.verify(market_round, Outcome(trades=trades))
        return
    with pytest.raises(ContractRevert) as refusal:
        MECHANISM.certificate_of(market_round, trades)

    assert refusal.value.name == name


def test_is_what_its_scenario_and_its_contract_say() -> None:
    assert SupplyDemandRatio.of({}, EXPORT) == MECHANISM
    assert SupplyDemandRatio.of_parameters([EXPORT]) == MECHANISM
    assert MECHANISM.parameters == (EXPORT,)
