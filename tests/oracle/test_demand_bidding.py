"""Energy sharing by demand bids: the equilibrium, the game, and the rule in integers."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order
from oracle.domain.community import Prosumer
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.demand_bidding import (
    Cost,
    DemandBidding,
    Equilibrium,
    equilibrium,
    slope_terms,
)
from oracle.market.mechanism import POOL, Outcome, Round, community_round, require_feasible
from oracle.market.terms import Quote, Stated
from oracle.units import Bps, MicroUsdPerMwh, Wh
from tests.oracle.pools import (
    HIGH,
    USD,
    Rows,
    filled,
    pool_round,
    random_round,
    random_rounds,
    taking_part,
    with_order,
)
from tests.oracle.shares import shares_of, with_terms

Triple = tuple[Fraction | int, Fraction | int, Fraction | int]  # α, δ, D


def costs_of(*rows: Triple) -> list[Cost]:
    return [
        Cost(alpha=Fraction(alpha), delta=Fraction(delta), demand=Fraction(demand))
        for alpha, delta, demand in rows
    ]


CHEN = costs_of((Fraction(1, 2), 1, 4), (1, 2, 6), (2, 0, 5))  # the table's prosumers


def bids_of(costs: Sequence[Cost], found: Equilibrium, response: Fraction) -> list[Fraction]:
    """Return b_i = q_i + a λ."""
    return [
        cost.demand - supply + response * found.price
        for cost, supply in zip(costs, found.supplies, strict=True)
    ]


def bill(cost: Cost, own: int, bids: Sequence[Fraction], response: Fraction) -> Fraction:
    """Return what the prosumer that bids `bids[own]` has to pay, for supply and for trade."""
    price = sum(bids) / (response * len(bids))
    bought = bids[own] - response * price
    return cost.of(cost.demand - bought) + price * bought


def test_chen_et_al() -> None:
    """α (.5, 1, 2), δ (1, 2, 0), D (4, 6, 5), a 1: λ = 301/29, p = (220, 132, 83)/29."""
    found = equilibrium(CHEN, Fraction(1))

    assert found.price == Fraction(301, 29)
    assert found.supplies == (Fraction(220, 29), Fraction(132, 29), Fraction(83, 29))
    assert [cost.limit for cost in CHEN] == [5, 14, 20]


POSITIVE = st.fractions(Fraction(1, 10), 10, max_denominator=10)


@given(
    rows=st.lists(
        st.tuples(POSITIVE, st.fractions(0, 10, max_denominator=10), POSITIVE),
        min_size=2,
        max_size=5,
    ),
    response=POSITIVE,
)
def test_the_equilibrium_balances_and_no_other_bid_gains(
    rows: list[Triple], response: Fraction
) -> None:
    costs = costs_of(*rows)

    found = equilibrium(costs, response)

    assert sum(found.supplies) == sum(cost.demand for cost in costs)
    k = 1 / (response * (len(costs) - 1))
    for cost, supply in zip(costs, found.supplies, strict=True):
        # The first-order condition: marginal cost less λ is the price that own trade moves.
        assert 2 * cost.alpha * supply + cost.delta - found.price == k * (cost.demand - supply)
    bids = bids_of(costs, found, response)
    assert sum(bids) == response * len(bids) * found.price
    for own, cost in enumerate(costs):
        honest = bill(cost, own, bids, response)
        for step in range(-20, 21):
            other = [*bids[:own], bids[own] + Fraction(step, 7), *bids[own + 1 :]]
            assert bill(cost, own, other, response) >= honest


def test_a_bid_besides_the_equilibrium_does_gain() -> None:
    """Else the property above might compare nothing."""
    found = equilibrium(CHEN, Fraction(1))
    bids = bids_of(CHEN, found, Fraction(1))
    bids[1] += 1

    other = [bids[0], bids[1] - 1, bids[2]]

    assert bill(CHEN[1], 1, other, Fraction(1)) < bill(CHEN[1], 1, bids, Fraction(1))


@pytest.mark.parametrize("unit", [10, 10**3, 10**6])
def test_the_rule_in_integers_comes_to_the_equilibrium_in_fine_units(unit: int) -> None:
    """A unit of energy is `unit` Wh, one of price 100 `unit` micro-USD/MWh."""
    found = equilibrium(CHEN, Fraction(1))
    book = tuple(
        Order(
            kind=Kind.OFFER if cost.limit < found.price else Kind.BID,
            participant=number,
            energy=Wh(100 * unit),
            price=MicroUsdPerMwh(int(cost.limit * 100 * unit)),
            terms=slope_terms(int(2 * cost.alpha * 100)),
        )
        for number, cost in enumerate(CHEN, 1)
    )
    market_round = community_round(book, MicroUsdPerMwh(10_000 * unit))

    outcome = DemandBidding(100).clear(market_round)

    (price,) = {trade.price for trade in outcome.trades}
    assert abs(Fraction(price, 100 * unit) - found.price) <= Fraction(4, unit)
    for energy, cost, supply in zip(
        filled(market_round, outcome.trades), CHEN, found.supplies, strict=True
    ):
        assert abs(Fraction(energy, unit) - abs(cost.demand - supply)) <= Fraction(4, unit)


def traded_at(market_round: Round, kind: Kind, price: int, response: int) -> dict[int, int]:
    """Return what the orders of a side would trade at a price, in exact fractions."""
    entries = len(taking_part(market_round, Kind.OFFER)) + len(taking_part(market_round, Kind.BID))
    result = {}
    for position, energy, limit in taking_part(market_round, kind):
        slope = market_round.order(position).terms % 2**48
        if slope == 0:
            room = market_round.real_time_price - limit if kind is Kind.OFFER else limit
            slope = room // energy
        gain = price - limit if kind is Kind.OFFER else limit - price
        exact = Fraction(0)
        if entries > 1:
            exact = gain / (slope + Fraction(response, entries - 1))
        result[position] = min(max(floor(exact), 0), energy)
    return result


def small_round(offers: Rows, bids: Rows) -> Round:
    """Return a round with prices in micro-USD/MWh, below a real-time price of 20."""
    rows = [[(energy, limit / USD) for energy, limit in side] for side in (offers, bids)]
    return pool_round(rows[0], rows[1], MicroUsdPerMwh(20))


def test_1200_random_books_price_by_price() -> None:
    rng = np.random.default_rng(8)
    with_trades = 0
    for number, plain in enumerate(random_rounds(81, 1200, price=40)):
        market_round = with_terms(rng, plain, 9)
        response = 1 + number % 11
        mechanism = DemandBidding(response)
        outcome = mechanism.clear(market_round)

        for price in count():
            sold, bought = (
                traded_at(market_round, kind, price, response) for kind in (Kind.OFFER, Kind.BID)
            )
            if sum(bought.values()) <= sum(sold.values()):
                break
        expected = shares_of(sold, sum(bought.values())) | bought
        energies = filled(market_round, outcome.trades)
        assert {k: e for k, e in enumerate(energies) if e} == {
            k: e for k, e in expected.items() if e
        }
        assert {trade.price for trade in outcome.trades} <= {price}
        assert outcome.certificate == price.to_bytes(6, "big")
        mechanism.verify(market_round, outcome)
        assert mechanism.certificate_of(market_round, outcome.trades) == outcome.certificate
        with_trades += bool(outcome.trades)
    assert with_trades > 300


@pytest.mark.parametrize(
    ("offers", "bids", "fills", "price"),
    [
        ([], [], [], 0),
        ([(9, 2)], [], [0], 0),
        ([], [(9, 2)], [0], 0),  # alone nobody can bid against anybody
        ([], [(9, 2), (9, 1)], [0, 0], 2),
        ([(9, 3), (9, 4)], [], [0, 0], 0),
        ([(9, 3)], [(9, 2)], [0, 0], 2),
        ([(9, 3)], [(9, 3)], [0, 0], 3),  # at its limit nobody trades
        ([(10, 0)], [(10, 20)], [3, 3], 9),  # slopes of 2, and k = 1
        ([(10, 0), (10, 0)], [(10, 20)], [2, 2, 4], 8),  # k = 1/2
        ([(10, 0), (10, 21)], [(10, 20)], [3, 0, 3], 9),  # above the import price
        ([(10, 0)], [(10, 30)], [3, 3], 9),  # counts with the import price
    ],
)
def test_books_on_an_edge(offers: Rows, bids: Rows, fills: list[int], price: int) -> None:
    market_round = small_round(offers, bids)
    mechanism = DemandBidding(1)

    outcome = mechanism.clear(market_round)

    assert filled(market_round, outcome.trades) == fills
    assert outcome.certificate == price.to_bytes(6, "big")
    mechanism.verify(market_round, outcome)


def test_nobody_trades_more_than_its_energy() -> None:
    """The offer would sell ⌊15 / 2⌋ at the price 15, where the bid buys ⌊5 / 3⌋."""
    market_round = with_order(small_round([(1, 0)], [(9, 20)]), 0, terms=slope_terms(1))

    outcome = DemandBidding(1).clear(market_round)

    assert [(trade.energy, trade.price) for trade in outcome.trades] == [(1, 15)]


def test_the_largest_numbers_are_exact() -> None:
    top = MAX_PRICE / USD
    market_round = pool_round(
        [(MAX_ENERGY, 0)] * 300, [(MAX_ENERGY, top)] * 299 + [(1, top)], MicroUsdPerMwh(MAX_PRICE)
    )
    for response in (1, MAX_PRICE):
        mechanism = DemandBidding(response)

        outcome = mechanism.clear(market_round)

        price = int.from_bytes(outcome.certificate, "big")
        sold = sum(traded_at(market_round, Kind.OFFER, price, response).values())
        bought = sum(traded_at(market_round, Kind.BID, price, response).values())
        assert sum(trade.energy for trade in outcome.trades) == bought <= sold
        mechanism.verify(market_round, outcome)


def test_more_orders_than_a_chain_holds_stay_exact() -> None:
    """At low prices a bid's gain times so many others does not fit 64 bits."""
    top = MicroUsdPerMwh(MAX_PRICE)
    market_round = pool_round([(90, 0)] * 30_000, [(9, MAX_PRICE / USD)] * 10_000, top)

    outcome = DemandBidding(1).clear(market_round)

    price = int.from_bytes(outcome.certificate, "big")
    for other, clears in ((price, True), (price - 1, False)):
        sold, bought = (
            sum(traded_at(market_round, kind, other, 1).values()) for kind in (Kind.OFFER, Kind.BID)
        )
        assert (bought <= sold) == clears


def test_who_is_outside_the_pool_neither_trades_nor_blocks_nor_counts() -> None:
    market_round = small_round([(10, 0), (10, 0)], [(10, 20)])
    outside = replace(market_round, spokes=(None, POOL, POOL))
    mechanism = DemandBidding(1)

    outcome = mechanism.clear(outside)

    pair = small_round([(10, 0)], [(10, 20)])
    assert filled(outside, outcome.trades)[1:] == filled(pair, mechanism.clear(pair).trades)
    mechanism.verify(outside, outcome)
    nobody = replace(market_round, spokes=())
    assert mechanism.clear(nobody) == Outcome(trades=(), certificate=bytes(6))


@given(
    seed=st.integers(0, 2**32),
    energy=st.integers(1, MAX_ENERGY),
    price=st.integers(0, MAX_PRICE),
    response=st.integers(1, MAX_PRICE),
)
def test_rational_balanced_and_conserving(
    seed: int, energy: int, price: int, response: int
) -> None:
    rng = np.random.default_rng(seed)
    market_round = random_round(rng, energy=energy, price=price, real_time_price=price // 2 + 1)
    market_round = with_terms(rng, market_round, price)
    mechanism = DemandBidding(response)

    outcome = mechanism.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert all(trade.surplus == trade.fee == 0 for trade in outcome.trades)
    mechanism.verify(market_round, outcome)


@pytest.mark.parametrize(
    ("price", "message"),
    [
        (7, r"NotClearing\(price=7, demandWh=6, supplyWh=3\)"),
        (11, r"NotClearing\(price=10, demandWh=5, supplyWh=5\)"),
        (MAX_PRICE, "NotClearing"),
    ],
)
def test_refuses_other_prices(price: int, message: str) -> None:
    market_round = small_round([(20, 0)], [(20, 20)])
    mechanism = DemandBidding(1)
    honest = mechanism.clear(market_round)

    mechanism.verify(market_round, honest)
    with pytest.raises(ContractRevert, match=message):
        mechanism.verify(market_round, replace(honest, certificate=price.to_bytes(6, "big")))


@pytest.mark.parametrize("certificate", [b"", bytes(5), bytes(7)])
def test_refuses_a_certificate_that_is_no_price(certificate: bytes) -> None:
    with pytest.raises(ContractRevert, match="BadCertificate"):
        DemandBidding(1).verify(pool_round([], []), Outcome(trades=(), certificate=certificate))


def test_refuses_trades_that_are_not_its_own() -> None:
    market_round = small_round([(20, 0)], [(20, 20)])
    mechanism = DemandBidding(1)
    (trade,) = mechanism.clear(market_round).trades

    with pytest.raises(ContractRevert, match="WrongVolume"):
        mechanism.certificate_of(market_round, [replace(trade, energy=Wh(1))])
    with pytest.raises(ContractRevert, match="WrongPrice"):
        mechanism.certificate_of(market_round, [replace(trade, price=MicroUsdPerMwh(1))])


@pytest.mark.parametrize("response", [0, MAX_PRICE + 1])
def test_refuses_a_price_that_does_not_respond(response: int) -> None:
    with pytest.raises(InvalidInputError, match="price response"):
        DemandBidding(response)


def test_is_what_its_scenario_and_its_contract_say() -> None:
    x = MicroUsdPerMwh(4)

    assert DemandBidding.of({}, x) == DemandBidding(100_000)
    key = "price_response_usd_per_kwh_per_kwh"
    assert DemandBidding.of({key: 1e-6}, x) == DemandBidding(1)
    assert DemandBidding.of_parameters([7]) == DemandBidding(7)
    assert DemandBidding(7).parameters == (7,)


@pytest.mark.parametrize(
    ("kind", "saturation", "slope"),
    [(Kind.BID, 85_000, 4705), (Kind.OFFER, 85_000, 0), (Kind.BID, 0, 0), (Kind.BID, 2**32, 0)],
)
def test_a_bid_has_the_slope_of_its_owners_utility(kind: Kind, saturation: int, slope: int) -> None:
    quote = Quote(kind=kind, energy=Wh(5), limit=HIGH, price=MicroUsdPerMwh(6))
    prosumer = Prosumer(
        name="a",
        initial_reputation=Bps(0),
        sale_cost=MicroUsdPerMwh(0),
        utility=MicroUsdPerMwh(400_000_000),
        saturation=Wh(saturation),
        cost_weight=Bps(1),
    )

    assert DemandBidding.stated(prosumer, quote) == Stated(price=MicroUsdPerMwh(6), terms=slope)
