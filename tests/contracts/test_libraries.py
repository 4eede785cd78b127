"""
The pure libraries against their Python twins, on random input.

A call of the harness takes many samples, so that a property sees thousands of them in seconds.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.domain.book import (
    MAX_ENERGY,
    MAX_NONCE,
    MAX_PARTICIPANTS,
    MAX_PRICE,
    MAX_TERMS,
    Kind,
    Order,
    Trade,
)
from oracle.domain.community import FeeLadder
from oracle.domain.rows import LINES_PER_WORD, MAX_DISTANCE
from oracle.market.pairwise_nash import bid_terms, nash_price
from oracle.model.line_lease import lease_fee
from oracle.model.reputation import (
    MAX_MEMORY,
    Reputation,
    initial_reputation,
    updated,
    weight_down,
)
from oracle.model.settlement import shares
from oracle.units import (
    BPS,
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Wh,
    amount_down,
    amount_up,
)

pytestmark = pytest.mark.contract

Sample = TypeVar("Sample")

BATCHES = settings(max_examples=40, deadline=None)

wh = st.integers(0, MAX_ENERGY).map(Wh)
some_wh = st.one_of(st.integers(1, 50), st.integers(1, MAX_ENERGY)).map(Wh)
prices = st.one_of(st.integers(0, 10**9), st.integers(0, MAX_PRICE)).map(MicroUsdPerMwh)
bps = st.integers(0, BPS).map(Bps)
ladders = st.builds(
    FeeLadder,
    base=st.integers(0, 10**9).map(MicroUsdPerMwhKm),
    interval=st.integers(1, 2**32 - 1).map(Meters) | st.integers(1, 5000).map(Meters),
    growth=st.integers(0, 0xFFFF).map(Bps),
)


def batches(sample: st.SearchStrategy[Sample]) -> st.SearchStrategy[list[Sample]]:
    return st.lists(sample, min_size=20, max_size=40)


@BATCHES
@given(samples=batches(st.tuples(ladders, st.integers(0, 40_000))))
def test_contract_and_python_charge_the_same_fee(
    libraries: Contract, samples: list[tuple[FeeLadder, int]]
) -> None:
    fields = [(ladder.base, ladder.interval, ladder.growth) for ladder, _ in samples]
    distances = [distance for _, distance in samples]

    on_chain = libraries.functions.feesUp(fields, distances).call()

    assert on_chain == [lease_fee(ladder, Meters(distance)) for ladder, distance in samples]


def test_the_fee_steps_at_the_end_of_each_interval(libraries: Contract) -> None:
    ladder = (10_000_000, 1000, 5000)
    distances = [0, 1, 999, 1000, 1001, 2000, 2001, 1_048_575]

    on_chain = libraries.functions.feesUp([ladder] * 8, distances).call()

    assert on_chain[:7] == [0, 10_000, 9_990_000, 10_000_000, 10_015_000, 25_000_000, 25_020_000]
    assert on_chain[7] == lease_fee(
        FeeLadder(base=MicroUsdPerMwhKm(10_000_000), interval=Meters(1000), growth=Bps(5000)),
        Meters(1_048_575),
    )


def test_the_fee_is_rounded_up(libraries: Contract) -> None:
    on_chain = libraries.functions.feesUp([(1, 1000, 0)] * 3, [0, 1, 1001]).call()

    assert on_chain == [0, 1, 2]


@BATCHES
@given(samples=batches(st.tuples(wh, prices)))
def test_contract_and_python_make_the_same_amounts(
    libraries: Contract, samples: list[tuple[Wh, MicroUsdPerMwh]]
) -> None:
    on_chain = libraries.functions.amounts(samples).call()

    assert on_chain == [[amount_down(*sample), amount_up(*sample)] for sample in samples]


@BATCHES
@given(parts=st.lists(wh, min_size=1, max_size=16), price=prices)
def test_a_lock_covers_every_division_of_its_energy(
    libraries: Contract, parts: list[Wh], price: MicroUsdPerMwh
) -> None:
    lock = libraries.functions.amounts([(sum(parts), price)]).call()[0][1]
    paid = [down for down, _ in libraries.functions.amounts([(p, price) for p in parts]).call()]

    assert sum(paid) <= lock <= sum(paid) + len(parts)


orders = st.builds(
    Order,
    kind=st.sampled_from(Kind),
    participant=st.integers(1, MAX_PARTICIPANTS),
    score=st.integers(0, 0xFFFF).map(Bps),
    energy=wh,
    price=prices,
    terms=st.integers(0, MAX_TERMS),
    nonce=st.integers(0, MAX_NONCE),
)


@BATCHES
@given(book=batches(orders))
def test_contract_and_python_pack_the_same_orders(libraries: Contract, book: list[Order]) -> None:
    fields = [[o.kind, o.participant, o.score, o.energy, o.price, o.terms] for o in book]
    words = [order.pack() for order in book]

    read = libraries.functions.orderFields(words).call()

    bare = [replace(order, nonce=0).pack() for order in book]
    assert libraries.functions.orderWords(fields).call() == bare
    assert [row[:6] for row in read] == fields
    assert [row[6] for row in read] == [order.nonce for order in book]
    assert [Order.unpack(word) for word in words] == book


SCORE_BITS, UNUSED_BITS = 0xFFFF << 216, 0xFFFFF << 116
CANCELLATION_BITS = 0xFFFFFF << 232 | 0xFFFFF << 96


@BATCHES
@given(words=batches(st.integers(0, 2**256 - 1)), kinds=st.lists(st.integers(0, 4), min_size=40))
def test_a_signed_order_has_no_bits_but_its_fields(
    libraries: Contract, words: list[int], kinds: list[int]
) -> None:
    samples = [
        form
        for word, kind in zip(words, kinds, strict=False)
        for dirty in [kind << 248 | word & (1 << 248) - 1]
        for form in (dirty, dirty & ~(SCORE_BITS | UNUSED_BITS), dirty & CANCELLATION_BITS)
    ]

    read = libraries.functions.orderFields(samples).call()

    for word, fields in zip(samples, read, strict=True):
        foreign = ~CANCELLATION_BITS if word >> 248 == 3 else SCORE_BITS | UNUSED_BITS
        assert fields[7] == int(word >> 248 in (1, 2, 3) and word & foreign == 0)


trades = st.builds(
    Trade,
    offer=st.integers(0, 0xFFFF),
    bid=st.integers(0, 0xFFFF),
    energy=wh,
    price=prices,
    fee=prices,
    surplus=prices,
    pooled=st.booleans(),
)


@BATCHES
@given(sold=batches(trades), unused=st.integers(0, 2**47 - 1))
def test_contract_and_python_read_the_same_trades(
    libraries: Contract, sold: list[Trade], unused: int
) -> None:
    words = [trade.pack() for trade in sold]
    fields = [
        [t.offer, t.bid, t.energy, t.price, t.fee, t.surplus, t.pooled, t.offer << 16 | t.bid]
        for t in sold
    ]

    on_chain = libraries.functions.tradeFields(words).call()
    dirty = libraries.functions.tradeFields([word | unused << 1 for word in words]).call()

    assert on_chain == [[*row, 1] for row in fields]
    assert dirty == [[*row, int(unused == 0)] for row in fields]
    assert [Trade.unpack(word) for word in words] == sold


@BATCHES
@given(
    edges=batches(
        st.tuples(
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFF),
            st.integers(0, 2**32 - 1),
            st.integers(0, MAX_PRICE),
        )
    )
)
def test_an_edge_keeps_its_fields(
    libraries: Contract, edges: list[tuple[int, int, int, int]]
) -> None:
    on_chain = libraries.functions.edgeFields(edges).call()

    assert on_chain == [[*edge, edge[0] << 16 | edge[1]] for edge in edges]


@BATCHES
@given(
    lines=st.lists(
        st.tuples(st.integers(0, 0xFFF), st.integers(0, MAX_DISTANCE)),
        min_size=LINES_PER_WORD,
        max_size=LINES_PER_WORD,
    )
)
def test_a_word_keeps_its_eight_lines(libraries: Contract, lines: list[tuple[int, int]]) -> None:
    word = int.from_bytes(
        b"".join((peer << 20 | distance).to_bytes(4, "big") for peer, distance in lines), "big"
    )

    assert libraries.functions.linesOf(word).call() == [list(line) for line in lines]


@st.composite
def priced(draw: st.DrawFn) -> list[int]:
    """Return the arguments of NashPriceLib, from everyday ones to the ends of their fields."""
    wide = draw(st.booleans())
    price = prices if wide else st.integers(0, 500_000_000)
    low, high = sorted([draw(price), draw(price)])
    terms = bid_terms(
        MicroUsdPerMwh(draw(price)),
        Wh(draw(st.integers(0, MAX_ENERGY if wide else 20_000))),
        Bps(draw(st.integers(0, 0xFFFF if wide else BPS))),
    )
    served = draw(st.integers(1, MAX_ENERGY if wide else 20_000))
    return [draw(price), terms, served, draw(bps), draw(price), low, high]


@BATCHES
@given(samples=batches(priced()))
@example(samples=[[2**96 - 1, 2**96 - 1, MAX_ENERGY, BPS, MAX_PRICE, 0, MAX_PRICE]])
def test_contract_and_python_find_the_same_price(
    libraries: Contract, samples: list[list[int]]
) -> None:
    on_chain = libraries.functions.nashPrices(samples).call()

    assert on_chain == [
        nash_price(
            cost=MicroUsdPerMwh(cost & MAX_PRICE),
            terms=terms,
            served=Wh(served),
            score=Bps(score),
            fee=MicroUsdPerMwh(fee),
            low=MicroUsdPerMwh(low),
            high=MicroUsdPerMwh(high),
        )
        for cost, terms, served, score, fee, low, high in samples
    ]


def test_the_nash_price_of_a_worked_case(libraries: Contract) -> None:
    """½ {80 + [150 (1 − 8000 / 40000) + 0.4 · 0.9 / 0.008] / 0.6 − 5} = 175 USD/MWh."""
    terms = bid_terms(MicroUsdPerMwh(150_000_000), Wh(20_000), Bps(6000))
    sample = [80_000_000, terms, 8000, 9000, 5_000_000, 0, 10**9]

    assert libraries.functions.nashPrices([sample]).call() == [175_000_000]


def test_a_half_is_rounded_in_the_buyers_favour(libraries: Contract) -> None:
    """With k = 0 and w₂ = 0 the price is (c − F) / 2."""
    terms = bid_terms(MicroUsdPerMwh(0), Wh(1), Bps(BPS))
    costs = [0, 1, 2, 3, 4, 5]

    on_chain = libraries.functions.nashPrices([[c, terms, 1, 0, 0, 0, 9] for c in costs]).call()

    assert on_chain == [0, 0, 1, 1, 2, 2]


def test_a_bid_without_tastes_pays_its_highest_price(libraries: Contract) -> None:
    no_saturation = bid_terms(MicroUsdPerMwh(5), Wh(0), Bps(5000))
    no_weight = bid_terms(MicroUsdPerMwh(5), Wh(9), Bps(0))
    overweight = bid_terms(MicroUsdPerMwh(5), Wh(9), Bps(BPS + 1))
    full_weight = bid_terms(MicroUsdPerMwh(0), Wh(9), Bps(BPS))
    samples = [
        [0, terms, 1, 0, 0, 3, 7] for terms in (no_saturation, no_weight, overweight, full_weight)
    ]

    assert libraries.functions.nashPrices(samples).call() == [7, 7, 7, 3]


@st.composite
def slots_of_sellers(draw: st.DrawFn) -> list[int]:
    """Return r, s, memory, weight, delivered and sold of a slot."""
    memory = draw(st.integers(0, MAX_MEMORY))
    s = draw(st.integers(0, (1 << 15) * BPS // (BPS - memory)))
    r = draw(st.integers(0, s))
    sold = draw(some_wh)
    return [r, s, memory, draw(bps), draw(st.integers(0, sold)), sold]


@BATCHES
@given(samples=batches(slots_of_sellers()))
def test_contract_and_python_move_a_reputation_alike(
    libraries: Contract, samples: list[list[int]]
) -> None:
    on_chain = libraries.functions.reputations(samples).call()

    for (r, s, memory, weight, delivered, sold), result in zip(samples, on_chain, strict=True):
        after = updated(
            Reputation(r, s),
            memory=Bps(memory),
            weight=Bps(weight),
            delivered=Wh(delivered),
            sold=Wh(sold),
        )
        assert result == [after.r, after.s, after.score]
        assert 0 <= after.r <= after.s < 1 << 20


@BATCHES
@given(samples=batches(st.tuples(bps, st.integers(0, MAX_MEMORY))))
def test_contract_and_python_begin_a_reputation_alike(
    libraries: Contract, samples: list[tuple[Bps, int]]
) -> None:
    on_chain = libraries.functions.initialReputations(samples).call()

    for (score, memory), (r, s) in zip(samples, on_chain, strict=True):
        assert Reputation(r, s) == initial_reputation(score, Bps(memory))
        assert 0 <= r <= s < 1 << 20


@BATCHES
@given(
    samples=batches(st.tuples(st.integers(0, 2**56), st.integers(1, 2**56 - 1)))
    | batches(st.tuples(st.integers(0, 1000), st.integers(1, 1000)))
)
def test_contract_and_python_weigh_a_slot_alike(
    libraries: Contract, samples: list[tuple[int, int]]
) -> None:
    on_chain = libraries.functions.weights(samples).call()

    assert on_chain == [weight_down(MicroUsd(value), MicroUsd(full)) for value, full in samples]


@st.composite
def part_deliveries(draw: st.DrawFn) -> tuple[list[Wh], Wh]:
    energies = draw(st.lists(some_wh, min_size=1, max_size=16))
    return energies, Wh(draw(st.integers(0, sum(energies) - 1)))


def sales_of(energies: Sequence[int]) -> list[int]:
    """Return the words of trades of these energies, between two of other sellers."""
    return [energy << 192 for energy in (7, *energies, 9)]


@settings(max_examples=150, deadline=None)
@given(sample=part_deliveries())
def test_contract_and_python_share_a_delivery_alike(
    libraries: Contract, sample: tuple[list[Wh], Wh]
) -> None:
    energies, delivered = sample
    end = len(energies) + 1

    parts = libraries.functions.sharesOf(sales_of(energies), 1, end, delivered).call()

    assert parts == shares(energies, delivered)
    assert sum(parts) == delivered
    exact = [energy * delivered / sum(energies) for energy in energies]
    assert all(abs(part - e) < 1 for part, e in zip(parts, exact, strict=True))


def test_the_largest_remainder_gets_the_wh_left_over(libraries: Contract) -> None:
    """Of 3 Wh, shares of 1.5, 0.9 and 0.6 make 1, 1 and 1; of equal ones the earlier is first."""
    samples: list[tuple[list[int], int]] = [([5, 3, 2], 3), ([1, 1, 1], 2), ([7], 3)]

    parts = [
        libraries.functions.sharesOf(sales_of(energies), 1, len(energies) + 1, delivered).call()
        for energies, delivered in samples
    ]

    assert parts == [[1, 1, 1], [1, 1, 0], [3]]
