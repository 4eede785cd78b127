"""
Clearing and its check, in Python and on the chain, on random books: the same live orders, the same
edges, and of honest and of bent outcomes the same opinion, with the same values.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.chain.reverts import decoded
from oracle.domain.book import MAX_PRICE, Kind, Order, Trade
from oracle.domain.community import FeeLadder, Line, manager_index
from oracle.domain.rows import capacity_words, rows_of
from oracle.errors import ContractRevert
from oracle.market.mechanism import Edge, Outcome, Round, require_feasible, round_of
from oracle.market.pairwise_nash import PairwiseNash, bid_terms, offer_terms
from oracle.model.line_lease import lease_fee
from oracle.units import Bps, Meters, MicroUsdPerMwh, MicroUsdPerMwhKm, Wh
from tests.contracts.markets import STRANGER, packed
from tests.contracts.revertible import RevertibleChain, deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

MECHANISM = PairwiseNash()
NOTHING = MicroUsdPerMwh(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A book, its lines and the rest of a round."""

    book: tuple[Order, ...]
    lines: tuple[Line, ...]
    ladder: FeeLadder
    real_time_price: MicroUsdPerMwh

    def round(self) -> Round:
        fees, capacities = {}, {}
        for line in self.lines:
            pair = line.first + 1, line.second + 1
            for way in (pair, pair[::-1]):
                fees[way] = lease_fee(self.ladder, line.distance)
                if line.capacity is not None:
                    capacities[way] = line.capacity
        return round_of(self.book, fees, self.real_time_price, capacities)

    def fields(self) -> tuple[object, ...]:
        rows, row_words = rows_of(self.lines, 12)
        return (
            [order.pack() for order in self.book],
            rows,
            row_words,
            capacity_words(self.lines, rows, row_words),
            (self.ladder.base, self.ladder.interval, self.ladder.growth),
            self.real_time_price,
        )


def some_prices(wide: bool) -> st.SearchStrategy[MicroUsdPerMwh]:
    everyday = st.sampled_from([0, 1, 80, 80_000_000, 90_000_000, 250_000_000, 400_000_000])
    return (st.integers(0, MAX_PRICE) if wide else everyday).map(MicroUsdPerMwh)


@st.composite
def cases(draw: st.DrawFn, *, hybrid: bool = False) -> Case:
    """
    Books with ties, islands, cancellations, dead ends, and the largest numbers.

    Hybrid ones have managers and capacities, too.
    """
    participants = draw(st.integers(2, 12))
    wide = draw(st.sampled_from([False, False, False, True]))
    energies = st.integers(1, draw(st.sampled_from([1, 5, 10_000, 2**32 - 1]))).map(Wh)
    prices = some_prices(wide)
    book = []
    for participant in draw(st.permutations(range(1, participants + 1))):
        kind = draw(st.sampled_from([Kind.OFFER, Kind.BID, None]))
        if kind is None:
            continue
        terms = (
            offer_terms(draw(prices))
            if kind is Kind.OFFER
            else bid_terms(draw(prices), draw(energies), Bps(draw(st.integers(0, 10_001))))
        )
        order = Order(
            kind=kind,
            participant=participant,
            energy=draw(energies),
            price=draw(prices),
            score=Bps(draw(st.integers(0, 10_000))),
            terms=terms,
        )
        book.append(order)
    for order in list(book):
        if draw(st.integers(0, 9)) == 0:
            first = book.index(order) + 1
            position = draw(st.integers(first, len(book)))
            book.insert(position, Order(kind=Kind.CANCELLATION, participant=order.participant))
    pairs = [(i, j) for i in range(participants) for j in range(i)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30))
    distances = st.sampled_from([0, 1, 1000, 1001, 5000])
    limits = st.sampled_from([None, Wh(0), Wh(3), Wh(5000)]) if hybrid else st.none()
    managed = range(participants) if hybrid else ()
    chosen += [(i, manager_index(draw(st.sampled_from([1, 1, 31])))) for i in managed]
    lines = tuple(
        Line(first=i, second=j, distance=Meters(draw(distances)), capacity=draw(limits))
        for i, j in chosen
    )
    ladder = draw(
        st.sampled_from(
            [
                FeeLadder(base=MicroUsdPerMwhKm(base), interval=Meters(1000), growth=Bps(2000))
                for base in (0, 1, 5_000_000, 10**12 if wide else 10)
            ]
        )
    )
    return Case(
        book=tuple(book),
        lines=lines,
        ladder=ladder,
        real_time_price=MicroUsdPerMwh(draw(st.sampled_from([0, 85_000_000, MAX_PRICE]))),
    )


def bent_trades(trades: tuple[Trade, ...]) -> Iterator[tuple[Trade, ...]]:
    """Yield outcomes close to one: each of its trades changed a little, left out or doubled."""
    for k, trade in enumerate(trades):
        changed = [
            replace(trade, energy=Wh(trade.energy - 1)),
            replace(trade, energy=Wh(min(trade.energy + 1, 2**32 - 1))),
            replace(trade, price=MicroUsdPerMwh(min(trade.price + 1, MAX_PRICE))),
            replace(trade, price=MicroUsdPerMwh(max(trade.price - 1, 0))),
            replace(trade, fee=MicroUsdPerMwh(min(trade.fee + 1, MAX_PRICE))),
            replace(trade, offer=trade.bid, bid=trade.offer),
            replace(trade, offer=trade.offer + 1),
            replace(trade, bid=trade.bid + 1),
        ]
        for other in changed:
            yield (*trades[:k], other, *trades[k + 1 :])
        yield (*trades[:k], *trades[k + 1 :])
        yield (*trades[: k + 1], *trades[k:])
    yield trades[::-1]


def bent_certificates(certificate: bytes) -> Iterator[bytes]:
    width = certificate[0]
    yield b""
    yield certificate[:-1]
    yield certificate + b"\0"
    yield bytes([width + 1]) + certificate[1:]
    yield bytes([25]) + certificate[1:]
    yield bytes([255])
    yield bytes([width]) + b"\xff" * (len(certificate) - 1)
    for first in range(1, len(certificate), max(width, 1)):
        last = first + width - 1
        if last < len(certificate):
            for change in (1, 255):
                bent = bytearray(certificate)
                bent[last] = (bent[last] + change) % 256
                yield bytes(bent)
            wide = len(certificate) // max(width, 1)
            yield bytes([24]) + b"\xff" * (24 * wide)


def opinion(market_round: Round, outcome: Outcome) -> tuple[str, dict[str, object]] | None:
    """Return what Python refuses an outcome with."""
    try:
        MECHANISM.verify(market_round, outcome)
    except ContractRevert as refusal:
        return refusal.name, refusal.values
    return None


@pytest.fixture(scope="module")
def harness(mock_chain: RevertibleChain) -> Contract:
    return a_harness(mock_chain, mock_chain.deploy(STRANGER, "PairwiseNash"))


@pytest.fixture(scope="module")
def lenient(mock_chain: RevertibleChain) -> Contract:
    """Return the exchange's own checks, with a mechanism that accepts everything."""
    return a_harness(mock_chain, deploy_mock(mock_chain, STRANGER, "MockMechanism"))


def a_harness(mock_chain: RevertibleChain, mechanism: Contract) -> Contract:
    lines = deploy_mock(mock_chain, STRANGER, "MockLineLease")
    return deploy_mock(
        mock_chain,
        STRANGER,
        "ClearingHarness",
        lines.address,
        mechanism.address,
        (0, 0, 0, 0, 1, 0),
    )


@settings(max_examples=150, deadline=None)
@given(case=st.booleans().flatmap(lambda hybrid: cases(hybrid=hybrid)))
def test_contract_and_python_see_the_same_round(harness: Contract, case: Case) -> None:
    market_round = case.round()

    orders, edges, spokes = harness.functions.roundOf(case.fields()).call()

    assert orders == packed(order.pack() if order else 0 for order in market_round.orders)
    assert edges == packed(
        e.offer << 240 | e.bid << 224 | e.capacity << 48 | e.fee for e in market_round.edges
    )
    assert spokes == packed(
        s.manager << 80 | s.capacity << 48 | s.fee if s else 0 for s in market_round.spokes
    )


@st.composite
def trades_of(draw: st.DrawFn, market_round: Round) -> Trade:
    """Return a trade that is near to what a round lets through."""
    entries = st.integers(0, len(market_round.orders))
    edge = draw(st.sampled_from(market_round.edges or (Edge(offer=0, bid=1, fee=NOTHING),)))
    offer, bid = draw(st.sampled_from([(edge.offer, edge.bid), (draw(entries), draw(entries))]))
    fees = [edge.fee]
    if max(offer, bid) < len(market_round.spokes):
        spokes = market_round.spokes[offer], market_round.spokes[bid]
        fees.append(MicroUsdPerMwh(sum(spoke.fee for spoke in spokes if spoke)))
    limits = [o.price for o in market_round.orders if o] + [market_round.real_time_price]
    return Trade(
        offer=offer,
        bid=bid,
        energy=Wh(draw(st.sampled_from([0, 1, 1, 2, 3, 4, 10_000]))),
        price=draw(st.sampled_from(limits)),
        fee=MicroUsdPerMwh(min(MAX_PRICE, draw(st.sampled_from(fees)))),
        surplus=MicroUsdPerMwh(draw(st.sampled_from([0, 0, 1, 79_999_920, MAX_PRICE]))),
        pooled=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(case=cases(hybrid=True), data=st.data())
def test_contract_and_python_let_the_same_trades_through(
    lenient: Contract, case: Case, data: st.DataObject
) -> None:
    market_round = case.round()
    drawn = data.draw(st.lists(trades_of(market_round), min_size=4, max_size=4))
    ascending = sorted(drawn, key=lambda trade: (trade.offer, trade.pooled, trade.bid))
    outcomes = [[trade] for trade in drawn] + [drawn, ascending, ascending[:2], ascending[1:3]]

    errors = lenient.functions.refusals(
        case.fields(), [([trade.pack() for trade in trades], b"") for trades in outcomes]
    ).call()

    for trades, error in zip(outcomes, errors, strict=True):
        refusal = decoded(error) if error else None
        on_chain = (refusal.name, refusal.values) if refusal else None
        assert on_chain == refused_by_python(market_round, trades)


def refused_by_python(
    market_round: Round, trades: list[Trade]
) -> tuple[str, dict[str, object]] | None:
    try:
        require_feasible(market_round, trades)
    except ContractRevert as refusal:
        return refusal.name, refusal.values
    return None


@settings(max_examples=80, deadline=None)
@given(case=cases(), data=st.data())
def test_contract_and_python_are_of_one_opinion(
    harness: Contract, case: Case, data: st.DataObject
) -> None:
    market_round = case.round()
    honest = MECHANISM.clear(market_round)
    bent = [
        *(replace(honest, trades=trades) for trades in bent_trades(honest.trades)),
        *(replace(honest, certificate=c) for c in bent_certificates(honest.certificate)),
    ]
    chosen = data.draw(st.lists(st.sampled_from(bent), max_size=15, unique_by=id))
    outcomes = [honest, *chosen]

    errors = harness.functions.refusals(
        case.fields(),
        [([trade.pack() for trade in o.trades], o.certificate) for o in outcomes],
    ).call()

    assert errors[0] == b""
    for outcome, error in zip(outcomes, errors, strict=True):
        refusal = decoded(error) if error else None
        on_chain = (refusal.name, refusal.values) if refusal else None
        assert on_chain == opinion(market_round, outcome)


def worth(market_round: Round, flows: tuple[int, ...]) -> tuple[int, int, int]:
    """Return energy, fees saved and earliness of a flow over the edges, in their order of rank."""
    n = len(market_round.orders)
    pairs = list(zip(market_round.edges, flows, strict=True))
    return (
        sum(flows),
        -sum(edge.fee * flow for edge, flow in pairs),
        sum((n - edge.offer) * (n - edge.bid) * flow for edge, flow in pairs),
    )


def feasible(market_round: Round, flows: tuple[int, ...]) -> bool:
    used = [0] * len(market_round.orders)
    for edge, flow in zip(market_round.edges, flows, strict=True):
        used[edge.offer] += flow
        used[edge.bid] += flow
    return all(
        order is None or amount <= order.energy
        for order, amount in zip(market_round.orders, used, strict=True)
    )


@st.composite
def tiny_cases(draw: st.DrawFn) -> Case:
    """Up to three sellers and three buyers with a few Wh each, over at most six lines."""
    book = draw(
        st.permutations(
            [
                Order(
                    kind=Kind.OFFER if number <= 3 else Kind.BID,
                    participant=number,
                    energy=Wh(draw(st.integers(1, 2))),
                    price=MicroUsdPerMwh(0 if number <= 3 else 10),
                )
                for number in range(1, 7)
            ]
        )
    )
    pairs = list(product(range(3), range(3, 6)))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6))
    return Case(
        book=tuple(book),
        lines=tuple(
            Line(first=i, second=j, distance=Meters(draw(st.sampled_from([0, 1000, 2000]))))
            for i, j in chosen
        ),
        ladder=FeeLadder(base=MicroUsdPerMwhKm(1), interval=Meters(10_000), growth=Bps(0)),
        real_time_price=MicroUsdPerMwh(10),
    )


@settings(max_examples=60, deadline=None)
@given(case=tiny_cases())
def test_what_the_contract_accepts_is_the_best_of_all_flows(harness: Contract, case: Case) -> None:
    market_round = case.round()
    honest = MECHANISM.clear(market_round)
    flow_of = {(trade.offer, trade.bid): int(trade.energy) for trade in honest.trades}
    flows = tuple(flow_of.get((edge.offer, edge.bid), 0) for edge in market_round.edges)

    best = max(
        worth(market_round, other)
        for other in product(range(3), repeat=len(market_round.edges))
        if feasible(market_round, other)
    )
    errors = harness.functions.refusals(
        case.fields(), [([trade.pack() for trade in honest.trades], honest.certificate)]
    ).call()

    assert errors == [b""]
    assert worth(market_round, flows) == best


@pytest.mark.parametrize("change", [{"pooled": True}, {"surplus": MicroUsdPerMwh(1)}])
def test_pairwise_nash_knows_neither_managers_nor_surpluses(
    mock_chain: RevertibleChain, change: dict[str, Any]
) -> None:
    mechanism = mock_chain.deploy(STRANGER, "PairwiseNash")
    orders = [
        Order(kind=Kind.OFFER, participant=1, energy=Wh(5)).pack(),
        Order(kind=Kind.BID, participant=2, energy=Wh(5), price=MicroUsdPerMwh(9)).pack(),
    ]
    trade = Trade(offer=0, bid=1, energy=Wh(5), price=NOTHING, fee=NOTHING)
    trades = packed([replace(trade, **change).pack()])

    with reverts(mechanism, "NotPlain", position=0):
        mechanism.functions.verify(packed(orders), packed([1 << 224]), b"", trades, 9, b"\0").call()


def test_a_dual_has_at_most_24_bytes(mock_chain: RevertibleChain) -> None:
    """With duals of 24 bytes all sums still fit a word; 25 are refused by name."""
    mechanism = mock_chain.deploy(STRANGER, "PairwiseNash")
    orders = [
        Order(kind=Kind.OFFER, participant=1, energy=Wh(2**32 - 1)).pack(),
        Order(kind=Kind.BID, participant=2, energy=Wh(2**32 - 1)).pack(),
    ]

    def check(width: int) -> None:
        certificate = bytes([width]) + b"\xff" * width
        mechanism.functions.verify(
            packed(orders), packed([1 << 224]), b"", b"", 9, certificate
        ).call()

    with reverts(mechanism, "NotOptimal", primal=0, dual=(2**192 - 1) * (2**32 - 1)):
        check(24)
    with reverts(mechanism, "BadCertificate", length=26, expected=0):
        check(25)
