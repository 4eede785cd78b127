"""The fullest slot: all participants order, over all lines; each transaction is within its cap."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.domain.clock import starts_at
from oracle.domain.rows import LINES_PER_WORD, MAX_ROW_LINES, MAX_ROW_WORDS
from oracle.units import SLOT_SECONDS, MicroUsd, MicroUsdPerMwh, Slot, Wh
from tests.contracts.markets import (
    FIRST_SLOT,
    STRANGER,
    Mark,
    Stage,
    World,
    a_bid,
    an_offer,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import revertible_chain

pytestmark = [pytest.mark.contract, pytest.mark.slow]

TRANSACTION_GAS_CAP = 16_777_216  # EIP-7825
BATCH = 100
SELLERS = BUYERS = MAX_PARTICIPANTS // 2
LINES = MAX_ROW_LINES // SELLERS
FREE = MicroUsdPerMwh(0)  # without a bond, sellers need not deposit: two minutes less


def full_rows() -> list[int]:
    """Return the rows of sellers 1 to 512, each with lines to 16 of the buyers 513 to 1,024."""
    words = []
    for seller in range(SELLERS):
        peers = sorted((seller + 37 * k) % BUYERS + SELLERS + 1 for k in range(LINES))
        lines = [peer << 20 | 300 + (seller * peer) % 3001 for peer in peers]
        words += [
            sum(line << 224 - 32 * k for k, line in enumerate(lines[first : first + 8]))
            for first in range(0, LINES, LINES_PER_WORD)
        ]
    return words


@pytest.fixture(scope="module")
def full() -> Iterator[tuple[World, Stage, Mark]]:
    """A slot that 1,024 have ordered for in signed batches, its gate closed; and a mark of it."""
    terms = some_terms(
        prosumers=MAX_PARTICIPANTS,
        lines=(),
        rows=full_rows(),
        row_words=MAX_ROW_WORDS,
        bond_price=FREE,
        compensation_price=FREE,
        first_slot=Slot(FIRST_SLOT + 24),
    )
    with closing(revertible_chain()) as chain:
        world = World(chain, terms)
        stage = all_order(world, terms.first_slot)
        yield world, stage, world.mark()


def all_order(world: World, first_slot: Slot) -> Stage:
    world.now_runs_at(starts_at(first_slot))
    for number in range(SELLERS + 1, MAX_PARTICIPANTS + 1):
        world.market.deposit(owner_of(number), MicroUsd(10_000_000))
    slot = world.open_slot
    orders = [an_offer(number, 1_000 + 97 * number % 1_009, 50) for number in range(1, SELLERS + 1)]
    orders += [
        a_bid(number, 1_000 + 89 * number % 1_013, 400)
        for number in range(SELLERS + 1, MAX_PARTICIPANTS + 1)
    ]
    signed = [world.market.signed(owner_of(order.participant), slot, order) for order in orders]
    for first in range(0, len(signed), BATCH):
        assert world.market.post(STRANGER, slot, signed[first : first + BATCH]) == []
    return world.close(slot)


@pytest.fixture
def put_back(full: tuple[World, Stage, Mark]) -> Iterator[None]:
    """Leave the slot as it was when its gate closed."""
    yield
    full[0].put_back(full[2])


def test_all_participants_and_lines_fit_the_transactions_that_deploy_and_record_them(
    full: tuple[World, Stage, Mark],
) -> None:
    world, stage, _ = full

    assert len(stage.book) == MAX_PARTICIPANTS
    assert len(stage.round.edges) == MAX_ROW_LINES
    assert len(stage.trades) > MAX_PARTICIPANTS // 2
    assert max(gas for used in world.chain.gas.values() for gas in used) < TRANSACTION_GAS_CAP


@pytest.mark.usefixtures("put_back")
def test_all_orders_over_all_lines_clear_and_settle_within_the_cap(
    full: tuple[World, Stage, Mark],
) -> None:
    world, stage, _ = full

    world.clear(stage)
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    readings = [world.reading(stage.slot, seller, wh) for seller, wh in stage.sold().items()]
    mark = world.mark()
    world.market.record_readings(STRANGER, stage.slot, readings)
    entries = [reading.participant << 32 | reading.energy for reading in readings]
    world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, entries)
    world.put_back(mark)
    world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, [], readings)

    gas = world.chain.gas
    largest = {name: max(gas[name]) for name in ("clear", "recordReadings", "settle")}
    assert len(gas["settle"]) == 2
    assert max(largest.values()) < TRANSACTION_GAS_CAP, largest


@pytest.mark.usefixtures("put_back")
def test_all_meters_speak_and_contradict_themselves_and_a_settlement_fits_the_cap(
    full: tuple[World, Stage, Mark],
) -> None:
    """Every seller delivers a part, which is shared out; every buyer's meter says two things."""
    world, stage, _ = full
    world.clear(stage)
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    sold = stage.sold()
    parts = {n: Wh(sold.get(n, 0) * 2 // 3) for n in range(1, MAX_PARTICIPANTS + 1)}
    readings = [world.reading(stage.slot, number, part) for number, part in parts.items()]
    for first in range(0, len(readings), 256):
        world.market.record_readings(STRANGER, stage.slot, readings[first : first + 256])
    for number in range(SELLERS + 1, MAX_PARTICIPANTS + 1):
        other = world.reading(stage.slot, number, Wh(1))
        world.market.report_contradiction(STRANGER, stage.slot, readings[number - 1], other)

    settled = world.settle(stage)

    assert len(world.market.readings(stage.slot)) == MAX_PARTICIPANTS + BUYERS
    assert any(0 < trade.delivered < trade.energy for trade in settled)
    assert world.chain.gas["settle"][-1] < TRANSACTION_GAS_CAP


@pytest.mark.usefixtures("put_back")
def test_all_orders_are_voided_within_the_cap(full: tuple[World, Stage, Mark]) -> None:
    world, stage, _ = full

    world.now_runs_at(starts_at(stage.slot))
    world.market.void(STRANGER, stage.slot, stage.book)

    assert world.chain.gas["void"][-1] < TRANSACTION_GAS_CAP
    assert world.market.account(owner_of(MAX_PARTICIPANTS).address).locked == 0
