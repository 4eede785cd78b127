"""The libraries that walk words in assembly, each against a plain twin that checks every bound."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.domain.book import Kind, Order
from oracle.domain.rows import MAX_DISTANCE
from oracle.market.lots import lot
from oracle.market.mechanism import Edge
from oracle.market.pairwise_nash import Scales
from oracle.units import Bps, MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER, packed
from tests.contracts.revertible import RevertibleChain, deploy_mock

pytestmark = pytest.mark.contract

WORDS = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2**255, 2**256 - 1]))
BATCHES = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def words_harness(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "WordsHarness")


@pytest.fixture(scope="module")
def edges_harness(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "EdgeHarness")


@pytest.fixture(scope="module")
def matching_harness(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "MatchingHarness")


@BATCHES
@given(words=st.lists(WORDS, min_size=1, max_size=12), data=st.data())
def test_a_word_is_read_where_it_stands(
    words_harness: Contract, words: list[int], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(words) - 1))
    orders, trades = words[::-1], [word ^ 1 for word in words]

    own, plain = words_harness.functions.read(words, orders, trades, index).call()
    length, one, other = words_harness.functions.readPacked(packed(words), index).call()

    assert own == plain == [words[index]] * 3 + [orders[index], trades[index]]
    assert (length, one, other) == (len(words), words[index], words[index])


@BATCHES
@given(
    size=st.integers(1, 10),
    changes=st.lists(st.tuples(st.integers(0, 9), WORDS, WORDS), max_size=12),
)
def test_a_word_is_written_where_it_belongs(
    words_harness: Contract, size: int, changes: list[tuple[int, int, int]]
) -> None:
    inside = [(index % size, word, amount) for index, word, amount in changes]

    own, plain = words_harness.functions.written(size, inside).call()

    expected = [0] * size
    for index, word, amount in inside:
        expected[index] = (word + amount) % 2**256
    assert own == packed(plain) == packed(expected)


@BATCHES
@given(values=st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_numbers_of_four_bytes_leave_their_neighbours_alone(
    words_harness: Contract, values: list[int]
) -> None:
    own, plain = words_harness.functions.numbers(values).call()

    assert own == plain == b"".join(value.to_bytes(4, "big") for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Live orders and what their edges depend on."""

    orders: list[int]
    rows: list[int]
    row_words: int
    capacities: list[int]
    ladder: tuple[int, int, int]
    real_time_price: int

    def fields(self) -> tuple[Any, ...]:
        return (
            self.orders,
            self.rows,
            self.row_words,
            self.capacities,
            self.ladder,
            self.real_time_price,
        )


@st.composite
def rounds(draw: st.DrawFn) -> Lines:
    """Books with dead entries, rows of any peers, rows that end early or not at all."""
    prices = st.one_of(st.sampled_from([0, 1, 80_000_000, 2**48 - 1]), st.integers(0, 2**48 - 1))
    numbers = draw(st.lists(st.integers(1, 14), unique=True, max_size=12))
    orders = []
    for number in numbers:
        if draw(st.integers(0, 5)) == 0:
            orders.append(0)
        order = Order(
            kind=draw(st.sampled_from([Kind.OFFER, Kind.BID])),
            participant=number,
            energy=Wh(draw(st.integers(1, 2**32 - 1))),
            price=MicroUsdPerMwh(draw(prices)),
            score=Bps(draw(st.integers(0, 0xFFFF))),
            terms=draw(st.integers(0, 2**96 - 1)),
            nonce=draw(st.integers(0, 2**20 - 1)),
        )
        orders.append(order.pack())
    row_words = draw(st.integers(1, 2))
    rows = []
    for _ in range(draw(st.integers(0, 14)) * row_words):
        peers = sorted(draw(st.sets(st.integers(1, 16) | st.just(4095), max_size=8)))
        lines = [peer << 20 | draw(st.integers(0, MAX_DISTANCE)) for peer in peers]
        rows.append(sum(line << 224 - 32 * k for k, line in enumerate(lines)))
    word = st.integers(0, 2**256 - 1)
    capacities = draw(st.lists(word, min_size=len(rows), max_size=len(rows)) | st.just([]))
    ladder = (
        draw(st.sampled_from([0, 1, 5_000_000, 2**24])),
        draw(st.sampled_from([1, 999, 1000, 2**32 - 1])),
        draw(st.sampled_from([0, 1, 2000, 0xFFFF])),
    )
    return Lines(
        orders=orders,
        rows=rows,
        row_words=row_words,
        capacities=capacities,
        ladder=ladder,
        real_time_price=draw(prices),
    )


@settings(max_examples=60, deadline=None)
@given(lines=rounds())
def test_edges_are_those_of_the_plain_twin(edges_harness: Contract, lines: Lines) -> None:
    own, plain, is_memory_safe = edges_harness.functions.edgesOf(lines.fields()).call()

    assert own == plain
    assert is_memory_safe


def test_the_plain_twin_finds_edges(edges_harness: Contract) -> None:
    """Else the property above might compare nothing with nothing."""
    offer = Order(kind=Kind.OFFER, participant=1, energy=Wh(9))
    bid = Order(kind=Kind.BID, participant=2, energy=Wh(9), price=MicroUsdPerMwh(5))
    lines = Lines(
        orders=[bid.pack(), offer.pack()],
        rows=[(2 << 20 | 1000) << 224],
        row_words=1,
        capacities=[],
        ladder=(5, 1000, 0),
        real_time_price=9,
    )

    own, plain, _ = edges_harness.functions.edgesOf(lines.fields()).call()
    limited = replace(lines, capacities=[7 << 224])
    own_limited, plain_limited, _ = edges_harness.functions.edgesOf(limited.fields()).call()

    assert own == plain == packed([1 << 240 | 0xFFFFFFFF << 48 | 5])
    assert own_limited == plain_limited == packed([1 << 240 | 7 << 48 | 5])


PAIRS = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 2**48 - 1))


@BATCHES
@given(edges=st.lists(PAIRS, max_size=12), data=st.data())
def test_an_edge_is_found_from_its_place_on(
    edges_harness: Contract, edges: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    words = [offer << 240 | bid << 224 | fee for offer, bid, fee in edges]
    first = data.draw(st.integers(0, len(words)))
    pair = data.draw(st.integers(0, 6)) << 16 | data.draw(st.integers(0, 6))

    own, plain = edges_harness.functions.find(words, first, pair).call()

    assert own == plain
    expected = next((word for word in words[first:] if word >> 224 == pair), 0)
    assert own[1] == expected


@BATCHES
@given(
    entries=st.integers(1, 2048),
    edges=st.lists(
        st.tuples(st.integers(0, 2047), st.integers(0, 2047), st.integers(0, 2**48 - 1)),
        min_size=10,
        max_size=30,
    ),
)
def test_contract_twin_and_python_weigh_an_edge_alike(
    matching_harness: Contract, entries: int, edges: list[tuple[int, int, int]]
) -> None:
    inside = [(offer % entries, bid % entries, fee) for offer, bid, fee in edges]
    words = [offer << 240 | bid << 224 | fee for offer, bid, fee in inside]

    own, plain = matching_harness.functions.weights(entries, words).call()

    weigh = Scales(entries).weight
    assert own == plain
    assert own == [
        weigh(Edge(offer=offer, bid=bid, fee=MicroUsdPerMwh(fee))) for offer, bid, fee in inside
    ]
    assert max(own) < 2**140


def ascending(edges: Sequence[tuple[int, int, int]]) -> list[int]:
    return sorted({(o, b): o << 240 | b << 224 | fee for o, b, fee in edges}.values())


@BATCHES
@given(
    energies=st.lists(st.integers(1, 2**32 - 1), min_size=2, max_size=8),
    edges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), PAIRS), max_size=20),
    shares=st.lists(st.integers(0, 130), min_size=8, max_size=8),
)
def test_the_bound_of_the_duals_is_that_of_the_plain_twin(
    matching_harness: Contract,
    energies: list[int],
    edges: list[tuple[int, int, tuple[int, int, int]]],
    shares: list[int],
) -> None:
    """With duals from nothing to above every weight, so that both signs of w − v come up."""
    entries = len(energies)
    words = ascending([(o % entries, b % entries, triple[2]) for o, b, triple in edges])
    orders = packed(1 << 248 | energy << 184 for energy in energies)
    top = ((entries + 1) << 48) * entries**4 << 32
    duals = [top * share // 120 for share in shares[:entries]]

    own, plain = matching_harness.functions.offerDuals(orders, packed(words), duals).call()

    assert own == plain


def test_lots_of_pairs_differ() -> None:
    lots = {lot(offer, bid) for offer in range(64) for bid in range(64)}

    assert len(lots) > 64 * 64 - 5
