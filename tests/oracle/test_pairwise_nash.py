"""The mechanism pairwise-nash: matching, certificate, price (36) (37)."""

import random
import time
from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracle.domain.book import MAX_PRICE, Order, Trade
from oracle.errors import ContractRevert
from oracle.market.lots import lot
from oracle.market.mechanism import Outcome, Round, price_limits, require_feasible, round_of
from oracle.market.pairwise_nash import (
    PairwiseNash,
    bid_terms,
    highest_all_in_price,
    nash_price,
    offer_terms,
)
from oracle.units import Bps, MicroUsdPerMwh, Wh
from tests.oracle.books import (
    REAL_TIME_PRICE,
    a_bid,
    a_cancellation,
    a_round,
    an_offer,
    every_matching,
    lexicographic_value,
    rounds,
)
from tests.oracle.communities import usd_per_kwh

LOW, HIGH = usd_per_kwh(0.05), usd_per_kwh(0.3)
FREE = MicroUsdPerMwh(0)
WIDE = {"low": FREE, "high": MicroUsdPerMwh(MAX_PRICE)}


def cleared(market_round: Round) -> Outcome:
    mechanism = PairwiseNash()
    outcome = mechanism.clear(market_round)
    mechanism.verify(market_round, outcome)
    return outcome


def flows(outcome: Outcome) -> dict[tuple[int, int], int]:
    return {(trade.offer, trade.bid): trade.energy for trade in outcome.trades}


def priced(**changes: int) -> int:
    """The price of paper-day's tastes; by hand: ½ (c + [k (1 − P/2P_sat) + ½ R/P] / ½ − F)."""
    arguments = {
        "cost": usd_per_kwh(0.05),
        "terms": bid_terms(usd_per_kwh(0.4), Wh(85_000), Bps(5_000)),
        "served": Wh(60_000),
        "score": Bps(8_200),
        "fee": usd_per_kwh(0.37),
        **WIDE,
        **changes,
    }
    return nash_price(**arguments)  # type: ignore[arg-type]


def test_the_price_by_hand() -> None:
    expected = (
        Fraction(5, 100)
        + (Fraction(4, 10) * (1 - Fraction(60, 170)) + Fraction(82, 100) / 2 / 60) * 2
        - Fraction(37, 100)
    ) / 2

    assert priced() == round(expected * 10**9)
    assert priced() == 105_656_863  # 0.1057 USD/kWh


def test_an_exact_half_is_rounded_in_the_buyers_favour() -> None:
    terms = bid_terms(MicroUsdPerMwh(0), Wh(1), Bps(10_000))
    curve = {"terms": terms, "served": Wh(2), "score": Bps(0), "fee": FREE}

    assert priced(**curve, cost=MicroUsdPerMwh(7)) == 3  # 7 / 2
    assert priced(**curve, cost=MicroUsdPerMwh(8)) == 4
    assert priced(**curve, cost=MicroUsdPerMwh(9)) == 4  # 9 / 2, not to even either


def test_a_price_is_clipped_to_its_limits() -> None:
    assert priced(low=LOW, high=HIGH, fee=usd_per_kwh(2)) == LOW
    assert priced(low=LOW, high=HIGH, cost=usd_per_kwh(2)) == HIGH


@pytest.mark.parametrize(
    "terms",
    [
        0,
        bid_terms(LOW, Wh(0), Bps(5_000)),
        bid_terms(LOW, Wh(1), Bps(0)),
        bid_terms(LOW, Wh(1), Bps(10_001)),
    ],
)
def test_a_bid_without_a_curve_or_a_weight_pays_its_highest_price(terms: int) -> None:
    assert priced(terms=terms, low=LOW, high=HIGH) == HIGH


def test_a_better_reputation_and_a_smaller_fee_raise_the_price() -> None:
    assert priced(score=Bps(8_300)) > priced(score=Bps(8_200))
    assert priced(fee=usd_per_kwh(0.36)) > priced()


@given(
    cost=st.integers(0, 2**40),
    utility=st.integers(0, 2**40),
    saturation=st.integers(1, 2**32 - 1),
    weight=st.integers(1, 10_000),
    served=st.integers(1, 2**32 - 1),
    score=st.integers(0, 10_000),
    fee=st.integers(0, 2**40),
)
def test_the_price_is_the_formula_rounded_once(
    cost: int, utility: int, saturation: int, weight: int, served: int, score: int, fee: int
) -> None:
    own = Fraction(weight, 10_000)
    worth = utility * (1 - Fraction(served, 2 * saturation))
    trust = (1 - own) * Fraction(score, 10_000) * 10**6 / Fraction(served, 10**6)
    exact = (cost + (worth + trust) / own - fee) / 2
    assume(0 <= exact <= MAX_PRICE)

    price = priced(
        cost=cost,
        terms=bid_terms(MicroUsdPerMwh(utility), Wh(saturation), Bps(weight)),
        served=served,
        score=score,
        fee=fee,
    )

    assert -Fraction(1, 2) <= price - exact < Fraction(1, 2)


@given(
    utility=st.integers(0, 10**9),
    saturation=st.integers(1, 10**6),
    weight=st.integers(1, 10_000),
    energy=st.integers(1, 10**6),
    score=st.integers(0, 10_000),
)
def test_the_highest_price_leaves_the_buyer_nothing(
    utility: int, saturation: int, weight: int, energy: int, score: int
) -> None:
    price = highest_all_in_price(
        utility=MicroUsdPerMwh(utility),
        saturation=Wh(saturation),
        weight=Bps(weight),
        energy=Wh(energy),
        score=Bps(score),
    )

    own, mwh = Fraction(weight, 10_000), Fraction(energy, 10**6)
    gain = utility * (mwh - mwh * energy / (2 * saturation))
    trust = (1 - own) * Fraction(score, 10_000) * 10**6
    assert price == max(0, (gain + trust) / (own * mwh) // 1)


def test_terms_pack_what_the_contract_unpacks() -> None:
    assert offer_terms(MicroUsdPerMwh(0x010203040506)) == 0x010203040506
    assert (
        bid_terms(MicroUsdPerMwh(0x010203040506), Wh(0x0708090A), Bps(0x0B0C))
        == 0x010203040506_0708090A_0B0C
    )


def test_serves_more_energy_before_it_saves_fees() -> None:
    market_round = a_round(
        an_offer(1, 5), an_offer(2, 5), a_bid(3, 5), a_bid(4, 5),
        fees={(1, 3): 0.0, (1, 4): 0.4, (2, 3): 0.4},
    )  # fmt: skip

    outcome = cleared(market_round)

    assert flows(outcome) == {(0, 3): 5, (1, 2): 5}


def test_saves_fees_before_it_minds_the_time() -> None:
    market_round = a_round(
        a_bid(3, 5), an_offer(1, 5), an_offer(2, 5), fees={(1, 3): 0.100000001, (2, 3): 0.1}
    )

    assert flows(cleared(market_round)) == {(2, 0): 5}


def test_an_early_offer_comes_first_among_equals() -> None:
    fees = {(1, 3): 0.1, (2, 3): 0.1}
    one, other, bid = an_offer(1, 5), an_offer(2, 5), a_bid(3, 8)

    assert flows(cleared(a_round(one, other, bid, fees=fees))) == {(0, 2): 5, (1, 2): 3}
    assert flows(cleared(a_round(other, one, bid, fees=fees))) == {(0, 2): 5, (1, 2): 3}
    assert flows(cleared(a_round(bid, other, one, fees=fees))) == {(1, 0): 5, (2, 0): 3}


def test_an_early_bid_comes_first_among_equals() -> None:
    fees = {(1, 2): 0.1, (1, 3): 0.1}

    outcome = cleared(a_round(a_bid(3, 4), a_bid(2, 4), an_offer(1, 5), fees=fees))

    assert flows(outcome) == {(2, 0): 4, (2, 1): 1}


def test_lots_decide_where_fees_and_times_do_not() -> None:
    """Two matchings over a cycle of six lines at one fee, with equal sums of (n − i)(n − j)."""
    orders = [an_offer(p, 1000) for p in (1, 2, 3)] + [a_bid(p, 1000) for p in (4, 5, 6)]
    lines = [(1, 4), (1, 5), (2, 4), (2, 6), (3, 5), (3, 6)]
    market_round = a_round(*orders, fees=dict.fromkeys(lines, 0.01))
    matchings = [{(0, 3), (1, 5), (2, 4)}, {(0, 4), (1, 3), (2, 5)}]
    ties = [sum((6 - i) * (6 - j) for i, j in matching) for matching in matchings]

    outcome = cleared(market_round)
    chosen = max(matchings, key=lambda matching: sum(lot(i, j) for i, j in matching))
    other = next(matching for matching in matchings if matching != chosen)

    assert ties[0] == ties[1]
    assert set(flows(outcome)) == chosen
    template = outcome.trades[0]
    swapped = tuple(replace(template, offer=i, bid=j) for i, j in sorted(other))
    with pytest.raises(ContractRevert, match="NotOptimal"):
        PairwiseNash().verify(market_round, replace(outcome, trades=swapped))


def test_a_seller_that_overstates_its_cost_gains_nothing() -> None:
    honest = a_round(an_offer(1, 1000, 0.08), a_bid(2, 1000), fees={(1, 2): 0.01})
    liar = replace(an_offer(1, 1000, 0.08), terms=offer_terms(usd_per_kwh(0.25)))

    outcome = cleared(a_round(liar, a_bid(2, 1000), fees={(1, 2): 0.01}))

    assert outcome.trades == cleared(honest).trades


def test_islands_clear_each_for_itself() -> None:
    market_round = a_round(
        an_offer(1, 5), a_bid(2, 7), an_offer(3, 9), a_bid(4, 8), a_bid(5, 6),
        fees={(1, 2): 0.1, (3, 4): 0.2},
    )  # fmt: skip

    assert flows(cleared(market_round)) == {(0, 1): 5, (2, 3): 8}


def test_served_is_the_sum_over_all_sellers_of_a_bid() -> None:
    one = cleared(a_round(an_offer(1, 60_000), a_bid(3, 60_000), fees={(1, 3): 0.37}))
    two = cleared(
        a_round(
            an_offer(1, 20_000),
            an_offer(2, 40_000),
            a_bid(3, 60_000),
            fees={(1, 3): 0.37, (2, 3): 0.37},
        )
    )

    assert {trade.price for trade in two.trades} == {one.trades[0].price}


@pytest.mark.parametrize(
    "orders", [(), (an_offer(1, 5),), (a_bid(1, 5),), (an_offer(1, 5), a_bid(2, 5))]
)
def test_a_book_without_edges_clears_without_trades(orders: tuple[Order, ...]) -> None:
    assert cleared(a_round(*orders, fees={})).trades == ()


@given(market_round=rounds(largest_energy=2, participants=5))
@settings(max_examples=60)
def test_no_matching_at_all_is_better(market_round: Round) -> None:
    outcome = cleared(market_round)

    best = max(lexicographic_value(market_round, trades) for trades in every_matching(market_round))
    assert lexicographic_value(market_round, outcome.trades) == best


def some_terms(rng: np.random.Generator) -> int:
    """Return a bid's tastes, in one of eight without a curve or a weight."""
    return bid_terms(
        usd_per_kwh(float(rng.choice([0.0, 0.2, 0.4, 3.0]))),
        Wh(int(rng.choice([0, 50_000, 85_000, 2**32 - 1], p=[0.07, 0.31, 0.31, 0.31]))),
        Bps(int(rng.choice([0, 1, 5_000, 10_000, 10_001], p=[0.03, 0.07, 0.2, 0.67, 0.03]))),
    )


def small_book(rng: np.random.Generator, unit: int) -> Round:
    """Up to seven orders of up to three units, up to eight lines among few fees; and one gone."""
    count = int(rng.integers(1, 8))
    orders = []
    for participant in rng.permutation(count) + 1:
        energy = unit * int(rng.integers(1, 4))
        price = float(rng.choice([0.03, 0.1, 0.3, 0.5, 0.9]))
        if rng.random() < 0.5:
            order = an_offer(int(participant), energy, price / 4)
            cost = offer_terms(usd_per_kwh(float(rng.choice([0.0, 0.04, 0.5]))))
            order = replace(order, score=Bps(int(rng.integers(10_001))), terms=cost)
        else:
            order = replace(a_bid(int(participant), energy, price), terms=some_terms(rng))
        orders.append(order)
    gone = [a_cancellation(1)] if rng.random() < 0.2 else []
    pairs = [(i, j) for i in range(1, count + 1) for j in range(1, i)]
    grain = float(rng.choice([0.01, 0.0000001]))
    fees = {pairs[k]: grain * int(rng.integers(4)) for k in rng.permutation(len(pairs))[:12]}
    market_round = a_round(*orders, *gone, fees=fees)
    return replace(market_round, edges=market_round.edges[:8])


def in_units(market_round: Round, unit: int) -> Round:
    orders = (one and replace(one, energy=Wh(one.energy // unit)) for one in market_round.orders)
    return replace(market_round, orders=tuple(orders))


def price_by_formula(market_round: Round, trade: Trade, served: int) -> int:
    """Return (37) in fractions, exact halves in the buyer's favour, within the limits."""
    seller, buyer = market_round.order(trade.offer), market_round.order(trade.bid)
    highest = min(buyer.price - trade.fee, market_round.real_time_price)
    utility, saturation, weight = buyer.terms >> 48, buyer.terms >> 16 & 2**32 - 1, buyer.terms
    own = Fraction(weight % 2**16, 10_000)
    if saturation == 0 or not 0 < own <= 1:
        return highest
    worth = utility * (1 - Fraction(served, 2 * saturation))
    trust = (1 - own) * Fraction(seller.score, 10_000) * 10**6 / Fraction(served, 10**6)
    price = (min(seller.terms, seller.price) + (worth + trust) / own - trade.fee) / 2
    return min(max(ceil(price - Fraction(1, 2)), seller.price), highest)


def test_2000_books_have_the_optimum_and_the_prices_that_other_ways_find() -> None:
    """Of all matchings of small books the best, lots included; of its pairs the formula's price."""
    rng, traded, curved = np.random.default_rng(9), 0, 0
    for _ in range(2000):
        unit = int(rng.choice([1, 20_000, 1_000_000]))
        market_round = small_book(rng, unit)

        outcome = cleared(market_round)

        units = in_units(market_round, unit)
        best = max(
            every_matching(units),
            key=lambda trades: (
                *lexicographic_value(units, trades),
                sum(trade.energy * lot(trade.offer, trade.bid) for trade in trades),
            ),
        )
        energies = {(trade.offer, trade.bid): unit * trade.energy for trade in best}
        assert flows(outcome) == energies
        for trade in outcome.trades:
            served = sum(energy for (_, bid), energy in energies.items() if bid == trade.bid)
            assert trade.price == price_by_formula(market_round, trade, served)
            low, high = price_limits(market_round, trade)
            curved += low < trade.price < high
        traded += bool(outcome.trades)
    assert traded > 1000
    assert curved > 300


@given(market_round=rounds(largest_energy=2**32 - 1, participants=12))
def test_the_certificate_proves_every_outcome_and_clearing_again_gives_the_same(
    market_round: Round,
) -> None:
    outcome = cleared(market_round)

    assert PairwiseNash().clear(market_round) == outcome


@given(market_round=rounds(largest_energy=2**32 - 1, participants=12))
def test_an_outcome_is_proved_without_its_certificate(market_round: Round) -> None:
    mechanism = PairwiseNash()
    trades = mechanism.clear(market_round).trades

    certificate = mechanism.certificate_of(market_round, trades)

    mechanism.verify(market_round, Outcome(trades=trades, certificate=certificate))


@given(market_round=rounds(largest_energy=2, participants=4))
@settings(max_examples=60)
def test_no_other_matching_has_a_certificate(market_round: Round) -> None:
    mechanism = PairwiseNash()
    optimum = flows(mechanism.clear(market_round))
    for matching in every_matching(market_round):
        trades = [replace(one, price=price_limits(market_round, one)[0]) for one in matching]
        if flows(Outcome(trades=tuple(trades), certificate=b"")) == optimum:
            continue

        with pytest.raises(ContractRevert) as refusal:
            mechanism.certificate_of(market_round, trades)

        assert refusal.value.name == "NotOptimal"
        assert refusal.value.values["reached"] > refusal.value.values["primal"]  # type: ignore[operator]


def test_no_trades_have_a_certificate_that_are_not_feasible(tight_round: Round) -> None:
    mechanism = PairwiseNash()
    trade, *others = mechanism.clear(tight_round).trades

    with pytest.raises(ContractRevert, match="Overfilled"):
        mechanism.certificate_of(tight_round, [replace(trade, energy=Wh(2**32 - 1)), *others])


@given(market_round=rounds(largest_energy=50, participants=8), data=st.data())
def test_no_other_energies_pass_the_check(market_round: Round, data: st.DataObject) -> None:
    outcome = cleared(market_round)
    assume(outcome.trades)
    position = data.draw(st.integers(0, len(outcome.trades) - 1))
    change = data.draw(st.sampled_from([-1, 1]))
    trades = list(outcome.trades)
    trades[position] = replace(trades[position], energy=Wh(trades[position].energy + change))

    with pytest.raises(ContractRevert) as refusal:
        PairwiseNash().verify(market_round, replace(outcome, trades=tuple(trades)))

    assert refusal.value.name in {"NotOptimal", "Overfilled", "BadTrade"}


def tampered(outcome: Outcome, **changes: int) -> Outcome:
    first: Trade = replace(outcome.trades[0], **changes)  # type: ignore[arg-type]
    return replace(outcome, trades=(first, *outcome.trades[1:]))


@pytest.fixture(scope="module")
def tight_round() -> Round:
    return a_round(
        an_offer(1, 50_000), an_offer(2, 40_000), a_bid(3, 60_000), a_bid(4, 20_000),
        fees={(1, 3): 0.1, (1, 4): 0.2, (2, 3): 0.15, (2, 4): 0.3},
    )  # fmt: skip


def test_refuses_what_the_mechanism_did_not_decide(tight_round: Round) -> None:
    outcome = cleared(tight_round)
    certificate = outcome.certificate
    last_dual = int.from_bytes(certificate[-1:], "big")
    lower = certificate[:-1] + bytes([(last_dual - 1) % 256])
    price = outcome.trades[0].price
    cases = {
        "NotOptimal": [
            tampered(outcome, energy=outcome.trades[0].energy - 1),
            replace(outcome, trades=outcome.trades[1:]),
            replace(outcome, trades=()),
            replace(outcome, certificate=lower),
            replace(outcome, certificate=bytes([certificate[0]]) + bytes(len(certificate) - 1)),
        ],
        "WrongPrice": [tampered(outcome, price=price + 1), tampered(outcome, price=price - 1)],
        "BadCertificate": [
            replace(outcome, certificate=b""),
            replace(outcome, certificate=certificate + b"\0"),
            replace(outcome, certificate=certificate[:-1]),
            replace(outcome, certificate=bytes([33]) + bytes(66)),
        ],
    }

    for name, outcomes in cases.items():
        for other in outcomes:
            with pytest.raises(ContractRevert) as refusal:
                PairwiseNash().verify(tight_round, other)
            assert refusal.value.name == name


def test_300_orders_of_8_lines_clear_in_a_sensible_time_even_where_all_fees_tie() -> None:
    rng = random.Random(7)  # noqa: S311
    orders = [
        an_offer(n, rng.randrange(5_000, 75_000))
        if n % 2
        else a_bid(n, rng.randrange(5_000, 75_000))
        for n in range(1, 301)
    ]
    pairs = {(n, peer) for n in range(1, 301) for peer in rng.sample(range(1, 301), 4) if n != peer}
    every_fee = {pair: usd_per_kwh(0.1) for n, peer in pairs for pair in ((n, peer), (peer, n))}
    market_round = round_of(tuple(orders), every_fee, REAL_TIME_PRICE)

    started = time.process_time()
    outcome = cleared(market_round)
    seconds = time.process_time() - started

    assert len(market_round.edges) > 500
    require_feasible(market_round, outcome.trades)
    assert seconds < 2
