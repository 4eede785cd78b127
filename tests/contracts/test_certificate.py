"""The certificate bites: every way to bend an outcome has an error of its own."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from eth_utils.crypto import keccak
from web3.contract import Contract

from oracle.chain.market import Phase
from oracle.chain.signatures import development_key
from oracle.domain.book import Order, Trade
from oracle.domain.clock import starts_at
from oracle.errors import ContractRevert
from oracle.market.lots import lot
from oracle.market.mechanism import Outcome, Round
from oracle.market.pairwise_nash import PairwiseNash
from oracle.units import SLOT_SECONDS, MicroUsdPerMwh, Wh
from tests.contracts.markets import (
    STRANGER,
    Stage,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    meter_of,
    owner_of,
    packed,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def book_hash(words: Sequence[int]) -> bytes:
    """Return the rolling hash of a book, computed apart from the contract."""
    result = bytes(32)
    for word in words:
        result = keccak(result + word.to_bytes(32, "big"))
    return result


def try_to_clear(
    world: World,
    stage: Stage,
    *,
    book: Sequence[int] | None = None,
    trades: Sequence[int] | None = None,
    certificate: bytes | None = None,
) -> None:
    world.attempt(
        STRANGER,
        "clear",
        stage.slot,
        stage.book_words if book is None else list(book),
        stage.trade_words if trades is None else list(trades),
        stage.outcome.certificate if certificate is None else certificate,
    )


def duals_of(stage: Stage) -> list[int]:
    width, packed = stage.outcome.certificate[0], stage.outcome.certificate[1:]
    return [
        int.from_bytes(packed[first : first + width], "big")
        for first in range(0, len(packed), width)
    ]


def certificate_of(duals: Sequence[int], width: int) -> bytes:
    return bytes([width]) + b"".join(dual.to_bytes(width, "big") for dual in duals)


def weight_of(market_round: Round, trade: Trade) -> int:
    """Return w_ij as PairwiseNash.sol states it, computed apart from its twin."""
    n = len(market_round.orders)
    m = (n + 1) * 2**48
    before_lot = (m - trade.fee) * n**3 + (n - trade.offer) * (n - trade.bid)
    return before_lot * n * 2**32 + lot(trade.offer, trade.bid)


def primal_of(market_round: Round, outcome: Outcome) -> int:
    return sum(weight_of(market_round, trade) * trade.energy for trade in outcome.trades)


def words_of(orders: Sequence[Order]) -> list[int]:
    return [order.pack() for order in orders]


def test_an_honest_outcome_passes_whoever_submits_it(
    world: World, stage: Stage, exchange: Contract
) -> None:

    world.clear(stage)

    assert world.market.phase(stage.slot) is Phase.CLEARED
    assert world.market.cleared_trades(stage.slot) == stage.trades
    assert [(t.offer, t.bid, t.energy) for t in stage.trades] == [
        (0, 1, 8000),
        (0, 3, 2000),
        (2, 3, 5001),
        (2, 4, 999),
        (5, 4, 1500),
    ]


def test_a_trade_lessened_by_1_wh_is_refused(
    world: World, stage: Stage, mechanism: Contract
) -> None:
    position = 0
    trades = stage.trades_with(position, energy=stage.trades[position].energy - 1)
    full = primal_of(stage.round, stage.outcome)
    weight = weight_of(stage.round, stage.trades[position])

    with reverts(mechanism, "NotOptimal", primal=full - weight, dual=full):
        try_to_clear(world, stage, trades=trades)


def test_a_trade_increased_by_1_wh_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    trades = stage.trades_with(0, energy=stage.trades[0].energy + 1)

    with reverts(exchange, "Overfilled", orderIndex=1, filledWh=8001, orderedWh=8000):
        try_to_clear(world, stage, trades=trades)


def test_an_offer_sold_twice_over_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    trades = stage.trades_with(1, energy=stage.trades[1].energy + 1)

    with reverts(exchange, "Overfilled", orderIndex=0, filledWh=10_001, orderedWh=10_000):
        try_to_clear(world, stage, trades=trades)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_price_changed_by_one_unit_is_refused(
    world: World, stage: Stage, mechanism: Contract, change: int
) -> None:
    price = stage.trades[2].price
    trades = stage.trades_with(2, price=price + change)

    with reverts(mechanism, "WrongPrice", position=2, price=price + change, expected=price):
        try_to_clear(world, stage, trades=trades)


def test_a_price_below_the_offers_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    low = stage.book[0].price
    high = stage.book[1].price - stage.trades[0].fee
    trades = stage.trades_with(0, price=low - 1)

    with reverts(exchange, "PriceOutsideLimits", position=0, price=low - 1, low=low, high=high):
        try_to_clear(world, stage, trades=trades)


def test_a_price_and_fee_above_the_bids_are_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    low = stage.book[0].price
    high = stage.book[1].price - stage.trades[0].fee
    trades = stage.trades_with(0, price=high + 1)

    with reverts(exchange, "PriceOutsideLimits", position=0, price=high + 1, low=low, high=high):
        try_to_clear(world, stage, trades=trades)


def test_a_price_above_the_real_time_price_is_refused(world: World, exchange: Contract) -> None:
    stage = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 450)])
    high = world.market.real_time_price(stage.slot)
    trades = stage.trades_with(0, price=high + 1)

    with reverts(exchange, "PriceOutsideLimits", position=0, price=high + 1, high=high):
        try_to_clear(world, stage, trades=trades)


def test_a_fee_of_another_pair_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    own, other = stage.trades[0].fee, stage.trades[1].fee
    trades = stage.trades_with(0, fee=other)

    with reverts(exchange, "WrongFee", position=0, fee=other, expected=own):
        try_to_clear(world, stage, trades=trades)


def test_an_order_left_out_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    book = [*stage.book_words[:4], *stage.book_words[5:]]

    with reverts(
        exchange, "BookMismatch", given=book_hash(book), recorded=book_hash(stage.book_words)
    ):
        try_to_clear(world, stage, book=book)


def test_an_order_added_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    book = [*stage.book_words, an_offer(2, 1, 80).pack()]

    with reverts(
        exchange, "BookMismatch", given=book_hash(book), recorded=book_hash(stage.book_words)
    ):
        try_to_clear(world, stage, book=book)


def test_an_order_changed_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    changed = replace(stage.book[1], price=MicroUsdPerMwh(stage.book[1].price + 1))
    book = words_of([stage.book[0], changed, *stage.book[2:]])

    with reverts(
        exchange, "BookMismatch", given=book_hash(book), recorded=book_hash(stage.book_words)
    ):
        try_to_clear(world, stage, book=book)


def test_an_order_moved_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    book = [stage.book_words[1], stage.book_words[0], *stage.book_words[2:]]

    with reverts(
        exchange, "BookMismatch", given=book_hash(book), recorded=book_hash(stage.book_words)
    ):
        try_to_clear(world, stage, book=book)


def test_an_empty_book_is_refused_where_orders_were_recorded(
    world: World, stage: Stage, exchange: Contract
) -> None:

    with reverts(exchange, "BookMismatch", given=bytes(32), recorded=book_hash(stage.book_words)):
        try_to_clear(world, stage, book=[], trades=[])


def test_a_slot_without_orders_is_refused(world: World, stage: Stage, exchange: Contract) -> None:

    with reverts(exchange, "NothingRecorded", slot=stage.slot + 1):
        world.now_runs_at(starts_at(stage.slot) - 900)
        world.attempt(STRANGER, "clear", stage.slot + 1, [], [], b"\0")


def test_a_slot_cleared_twice_is_refused(world: World, exchange: Contract) -> None:
    stage = world.cleared()

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.CLEARED):
        try_to_clear(world, stage)


def test_a_slot_settled_twice_is_refused(world: World, exchange: Contract) -> None:
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    world.settle(stage)

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.SETTLED):
        world.settle(stage)


def test_a_settled_slot_is_not_cleared_again(world: World, exchange: Contract) -> None:
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    world.settle(stage)

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.SETTLED):
        try_to_clear(world, stage)


def test_a_slot_not_cleared_is_not_settled(world: World, stage: Stage, exchange: Contract) -> None:

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.CLOSED):
        world.attempt(STRANGER, "settle", stage.slot, stage.book_words, stage.trade_words, [], [])


def test_a_settlement_with_other_trades_is_refused(world: World, exchange: Contract) -> None:
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    readings = world.market.readings(stage.slot)
    trades = stage.trades_with(0, price=stage.trades[0].price - 1)
    cleared = exchange.functions.slotOf(stage.slot).call()[1]

    with reverts(exchange, "OutcomeMismatch", cleared=cleared):
        world.attempt(STRANGER, "settle", stage.slot, stage.book_words, trades, readings, [])


def test_a_settlement_with_another_book_is_refused(world: World, exchange: Contract) -> None:
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    readings = world.market.readings(stage.slot)
    book = [*stage.book_words[:4], *stage.book_words[5:]]
    cleared = exchange.functions.slotOf(stage.slot).call()[1]

    with reverts(exchange, "OutcomeMismatch", cleared=cleared):
        world.attempt(STRANGER, "settle", stage.slot, book, stage.trade_words, readings, [])


def test_a_trade_over_a_missing_line_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    position, offer, bid = 1, 0, 4
    trades = stage.trades_with(position, bid=bid)

    with reverts(exchange, "NoLine", position=position, offerIndex=offer, bidIndex=bid):
        try_to_clear(world, stage, trades=trades)


def test_a_trade_between_two_offers_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    trades = stage.trades_with(0, bid=2)

    with reverts(exchange, "NoLine", position=0, offerIndex=0, bidIndex=2):
        try_to_clear(world, stage, trades=trades)


def test_a_trade_from_bid_to_offer_is_refused(world: World, exchange: Contract) -> None:
    stage = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    trades = stage.trades_with(0, offer=1, bid=0)

    with reverts(exchange, "NoLine", position=0, offerIndex=1, bidIndex=0):
        try_to_clear(world, stage, trades=trades)


def test_a_trade_beyond_the_book_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    last = len(stage.trades) - 1
    trades = stage.trades_with(last, offer=0xFFFF, bid=0xFFFF)

    with reverts(exchange, "NoLine", position=last, offerIndex=0xFFFF, bidIndex=0xFFFF):
        try_to_clear(world, stage, trades=trades)


@pytest.mark.parametrize("participant", [1, 4], ids=["offer", "bid"])
def test_a_trade_with_a_cancelled_order_is_refused(
    world: World, exchange: Contract, participant: int
) -> None:
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    full = world.closed(orders)
    stage = world.closed([*orders, a_cancellation(participant)])

    with reverts(exchange, "NoLine", position=0, offerIndex=0, bidIndex=1):
        try_to_clear(world, stage, trades=full.trade_words)


def test_a_trade_whose_limits_leave_no_room_is_refused(world: World, exchange: Contract) -> None:
    fee = 5
    enough = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 80 + fee)])
    try_to_clear(world, enough)
    short = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 80 + fee - 1e-6)])

    assert len(enough.trades) == 1
    with reverts(exchange, "NoLine", position=0, offerIndex=0, bidIndex=1):
        try_to_clear(world, short, trades=enough.trade_words)


def test_an_offer_above_the_real_time_price_finds_no_line(world: World, exchange: Contract) -> None:
    enough = world.closed([an_offer(1, 1000, 300), a_bid(4, 1000, 400)])
    try_to_clear(world, enough)
    short = world.closed([an_offer(1, 1000, 300 + 1e-6), a_bid(4, 1000, 400)])

    assert len(enough.trades) == 1
    with reverts(exchange, "NoLine", position=0, offerIndex=0, bidIndex=1):
        try_to_clear(world, short, trades=enough.trade_words)


def test_a_pair_that_trades_twice_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    half = stage.trades_with(0, energy=4000)[0]
    trades = [half, half, *stage.trade_words[1:]]

    with reverts(exchange, "NoLine", position=1, offerIndex=0, bidIndex=1):
        try_to_clear(world, stage, trades=trades)


def test_trades_in_another_order_are_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    with reverts(exchange, "NoLine", position=1, offerIndex=2, bidIndex=4):
        try_to_clear(world, stage, trades=stage.trade_words[::-1])


def test_a_trade_of_nothing_is_refused(world: World, stage: Stage, exchange: Contract) -> None:
    trades = stage.trades_with(3, energy=0)

    with reverts(exchange, "BadTrade", position=3, trade=trades[3]):
        try_to_clear(world, stage, trades=trades)


@pytest.mark.parametrize("bit", [1, 31, 32, 47])
def test_a_trade_with_bits_that_no_field_uses_is_refused(
    world: World, stage: Stage, exchange: Contract, bit: int
) -> None:
    trades = stage.trade_words
    trades[2] |= 1 << bit

    with reverts(exchange, "BadTrade", position=2, trade=trades[2]):
        try_to_clear(world, stage, trades=trades)


def test_a_trade_of_a_price_with_the_next_bit_set_is_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    trades = stage.trade_words
    trades[2] ^= 1 << 96

    with reverts(exchange, "WrongFee", position=2):
        try_to_clear(world, stage, trades=trades)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_dual_lowered_or_raised_is_refused(
    world: World, stage: Stage, mechanism: Contract, change: int
) -> None:
    duals = duals_of(stage)
    bid = max(range(len(duals)), key=lambda j: duals[j])
    duals[bid] += change
    certificate = certificate_of(duals, stage.outcome.certificate[0])
    with pytest.raises(ContractRevert) as twin:
        world.mechanism.verify(stage.round, replace(stage.outcome, certificate=certificate))

    assert twin.value.values["primal"] == primal_of(stage.round, stage.outcome)
    assert twin.value.values["dual"] != twin.value.values["primal"]
    with reverts(mechanism, "NotOptimal", **twin.value.values):
        try_to_clear(world, stage, certificate=certificate)


def test_duals_of_zero_prove_nothing(world: World, stage: Stage, mechanism: Contract) -> None:
    certificate = certificate_of([0] * len(duals_of(stage)), 1)

    with reverts(mechanism, "NotOptimal", primal=primal_of(stage.round, stage.outcome)):
        try_to_clear(world, stage, certificate=certificate)


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_certificate_of_another_length_is_refused(
    world: World, stage: Stage, mechanism: Contract, extra: int
) -> None:
    honest = stage.outcome.certificate
    certificate = honest[:-1] if extra < 0 else honest + b"\0"

    with reverts(mechanism, "BadCertificate", length=len(honest) + extra, expected=len(honest)):
        try_to_clear(world, stage, certificate=certificate)


def test_an_empty_certificate_is_refused(world: World, stage: Stage, mechanism: Contract) -> None:

    with reverts(mechanism, "BadCertificate", length=0, expected=1):
        try_to_clear(world, stage, certificate=b"")


def test_trades_of_another_slot_are_refused(world: World, exchange: Contract) -> None:
    other = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    stage = world.closed([a_bid(4, 1000, 250), an_offer(1, 1000, 80)])

    with reverts(exchange, "NoLine", position=0, offerIndex=0, bidIndex=1):
        try_to_clear(world, stage, trades=other.trade_words)


def test_book_and_trades_of_another_slot_are_refused(
    world: World, stage: Stage, exchange: Contract
) -> None:
    other = world.closed([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    given, recorded = book_hash(stage.book_words), book_hash(other.book_words)

    with reverts(exchange, "BookMismatch", given=given, recorded=recorded):
        try_to_clear(world, other, book=stage.book_words, trades=stage.trade_words)


def test_less_energy_than_possible_is_refused(
    world: World, stage: Stage, mechanism: Contract
) -> None:
    trades = stage.trade_words[:-1]

    with reverts(mechanism, "NotOptimal", dual=primal_of(stage.round, stage.outcome)):
        try_to_clear(world, stage, trades=trades)


def test_no_trades_at_all_are_refused_where_some_are_possible(
    world: World, stage: Stage, mechanism: Contract
) -> None:

    with reverts(mechanism, "NotOptimal", primal=0, dual=primal_of(stage.round, stage.outcome)):
        try_to_clear(world, stage, trades=[])


def outcome_of(world: World, stage: Stage, orders_without: int) -> Outcome:
    """Return the outcome that would be if one order were not there."""
    orders = tuple(
        None if position == orders_without else order
        for position, order in enumerate(stage.round.orders)
    )
    edges = tuple(e for e in stage.round.edges if orders_without not in (e.offer, e.bid))
    return world.mechanism.clear(replace(stage.round, orders=orders, edges=edges))


def test_the_same_energy_over_a_dearer_line_is_refused(world: World, mechanism: Contract) -> None:
    stage = world.closed([an_offer(1, 1000, 80), an_offer(2, 1000, 80), a_bid(4, 1000, 250)])
    dearer = outcome_of(world, stage, orders_without=0)

    assert [t.offer for t in stage.trades] == [0]
    assert [t.offer for t in dearer.trades] == [1]
    with reverts(mechanism, "NotOptimal", dual=primal_of(stage.round, stage.outcome)):
        try_to_clear(world, stage, trades=[t.pack() for t in dearer.trades])


def test_a_tie_the_other_way_is_refused(world: World, mechanism: Contract) -> None:
    stage = world.closed(
        [an_offer(2, 1000, 80), a_bid(1, 1000, 250), a_bid(4, 1000, 250), an_offer(3, 9, 400)]
    )
    market_round = replace(
        stage.round,
        edges=tuple(replace(edge, fee=stage.round.edges[0].fee) for edge in stage.round.edges),
    )
    first = PairwiseNash().clear(market_round)
    second = outcome_of(world, replace(stage, round=market_round), orders_without=1)

    def verify(outcome: Outcome) -> None:
        edges = packed(e.offer << 240 | e.bid << 224 | e.fee for e in market_round.edges)
        orders = packed(order.pack() if order else 0 for order in market_round.orders)
        trades = packed(trade.pack() for trade in outcome.trades)
        world.attempt(
            STRANGER,
            "verify",
            orders,
            edges,
            b"",
            trades,
            market_round.real_time_price,
            outcome.certificate,
            on=mechanism,
        )

    verify(first)
    assert [t.bid for t in first.trades] == [1]
    assert [t.bid for t in second.trades] == [2]
    with reverts(mechanism, "NotOptimal"):
        verify(replace(first, trades=second.trades))


def test_nobody_orders_in_anothers_name(world: World, exchange: Contract) -> None:
    before = world.market.account(owner_of(1).address)

    with reverts(exchange, "NotAParticipant", owner=STRANGER.address):
        world.attempt(STRANGER, "placeOffer", world.open_slot, 1000, 80, 0)
    world.place(world.open_slot, [an_offer(2, 1000, 80)])

    assert world.market.account(owner_of(1).address) == before


def test_nobody_cancels_in_anothers_name(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])

    with reverts(exchange, "NoOrder", slot=slot):
        world.attempt(owner_of(2), "cancelOrder", slot)


@pytest.mark.parametrize(
    "key",
    [STRANGER, meter_of(2), owner_of(1), development_key("storage meter")],
    ids=["stranger", "other meter", "owner", "storage meter"],
)
def test_nobody_but_the_meter_signs_a_reading(
    world: World, exchange: Contract, key: object
) -> None:
    stage = world.cleared()
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    reading = world.reading(stage.slot, 1, 10_000, meter=key)  # type: ignore[arg-type]

    with reverts(exchange, "WrongMeter", participant=1, signer=key.address):  # type: ignore[attr-defined]
        world.attempt(STRANGER, "recordReadings", stage.slot, [reading.fields()])


def test_a_reading_changed_after_signing_names_another_signer(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared()
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    forged = replace(world.reading(stage.slot, 1, 6000), energy=Wh(10_000))

    with reverts(exchange, "WrongMeter", participant=1):
        world.attempt(STRANGER, "recordReadings", stage.slot, [forged.fields()])


def test_a_stranger_clears_reads_and_settles(world: World) -> None:
    stage = world.cleared()

    world.read(stage.slot, stage.sold())
    settled = world.settle(stage)

    assert world.market.phase(stage.slot) is Phase.SETTLED
    assert [trade.delivered for trade in settled] == [trade.energy for trade in stage.trades]


def test_a_stranger_voids(world: World) -> None:
    stage = world.closed(a_book())
    world.now_runs_at(starts_at(stage.slot))

    world.market.void(STRANGER, stage.slot, stage.book)

    assert world.market.phase(stage.slot) is Phase.VOID
