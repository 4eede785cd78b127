"""What is delivered is paid, what is not is refunded and compensated; to the micro-dollar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from web3.contract import Contract

from oracle.chain.market import AccountRecord, Phase
from oracle.domain.book import CONTRADICTION, Order, Trade
from oracle.domain.clock import OPEN_SLOTS, READING_SECONDS, starts_at
from oracle.market.mechanism import Outcome
from oracle.model.reputation import (
    Reputation,
    initial_reputation,
    updated,
    weight_down,
)
from oracle.model.settlement import deliveries, payment, shares
from oracle.units import SLOT_SECONDS, MicroUsd, MicroUsdPerMwh, Slot, Wh, amount_down, amount_up
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    DEPOSIT,
    FULL_VALUE,
    MEMORY,
    PROSUMERS,
    ROLES,
    SCORES,
    STRANGER,
    Stage,
    World,
    a_bid,
    a_book,
    a_cancellation,
    an_offer,
    owner_of,
)
from tests.contracts.revertible import deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def account(world: World, participant: int) -> AccountRecord:
    return world.market.account(owner_of(participant).address)


def reputation(world: World, participant: int) -> Reputation:
    r, s = world.exchange.functions.reputationOf(owner_of(participant).address).call()
    return Reputation(r, s)


def expected_money(stage: Stage, settled: Sequence[Trade]) -> dict[int, int]:
    """Return what each participant has after the settlement, by the twin."""
    money = {number: int(DEPOSIT) for number in range(1, PROSUMERS + 1)}
    for trade in settled:
        paid = payment(trade, COMPENSATION)
        money[stage.book[trade.offer].participant] += paid.goods - paid.compensation
        money[stage.book[trade.bid].participant] += paid.compensation - paid.goods - paid.fee
    return money


def expected_reputation(stage: Stage, settled: Sequence[Trade], participant: int) -> Reputation:
    before = initial_reputation(SCORES[participant - 1], MEMORY)
    own = [trade for trade in settled if stage.book[trade.offer].participant == participant]
    if not own:
        return before
    value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
    return updated(
        before,
        memory=MEMORY,
        weight=weight_down(value, FULL_VALUE),
        delivered=Wh(sum(trade.delivered for trade in own)),
        sold=Wh(sum(trade.energy for trade in own)),
    )


def check(world: World, stage: Stage, readings: Mapping[int, int]) -> tuple[Trade, ...]:
    """Settle, and compare every account with the twins."""
    of_offer = {
        position: Wh(readings.get(order.participant, 0))
        for position, order in enumerate(stage.book)
    }
    expected = tuple(deliveries(stage.trades, of_offer))

    settled = world.settle(stage)

    assert settled == expected
    money = expected_money(stage, settled)
    for number in range(1, PROSUMERS + 1):
        assert account(world, number).free == money[number]
        assert account(world, number).locked == 0
        assert reputation(world, number) == expected_reputation(stage, settled, number)
    fees = sum(payment(trade, COMPENSATION).fee for trade in settled)
    assert world.market.account(ROLES.provider.address).free == fees
    assert sum(money.values()) + fees == PROSUMERS * DEPOSIT
    return settled


def test_a_surplus_is_paid_to_the_operator_for_what_came(world: World) -> None:
    """1,000 Wh at 200 + 5 and a surplus of 40.000007 USD/MWh, of which 600 Wh come."""
    lenient = deploy_mock(world.chain, STRANGER, "MockMechanism")
    slot = Slot(world.open_slot + OPEN_SLOTS)
    world.send(ROLES.operator, "announceMechanism", lenient.address, slot)
    world.now_runs_at(starts_at(Slot(slot - 4)))
    world.place(slot, [an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    closed = world.close(slot)
    trade = replace(
        closed.trades[0],
        price=MicroUsdPerMwh(200_000_000),
        surplus=MicroUsdPerMwh(40_000_007),
    )
    stage = replace(closed, outcome=Outcome(trades=(trade,)))
    world.clear(stage)
    world.read(slot, {1: 600})

    (settled,) = world.settle(stage)

    assert (settled.surplus, settled.delivered) == (40_000_007, 600)
    operator = world.market.account(ROLES.operator.address).free
    assert operator == DEPOSIT + 24_000  # 24,000.0042 rounded down
    assert world.market.account(ROLES.provider.address).free == 3_000
    assert account(world, 1).free == DEPOSIT + 120_000 - 48_000
    assert account(world, 4).free == DEPOSIT - 120_000 - 3_000 - 24_000 + 48_000
    assert account(world, 4).locked == 0


def test_a_full_delivery_pays_everybody(world: World, stage: Stage) -> None:
    world.clear(stage)
    world.read(stage.slot, stage.sold())

    settled = check(world, stage, stage.sold())

    assert all(trade.delivered == trade.energy for trade in settled)
    assert world.market.phase(stage.slot) is Phase.SETTLED


def test_more_than_was_sold_pays_no_more(world: World, stage: Stage) -> None:
    world.clear(stage)
    readings = {seller: energy + 1000 for seller, energy in stage.sold().items()}
    world.read(stage.slot, readings)

    check(world, stage, readings)


def test_a_delivery_of_60_percent_of_one_trade_to_the_micro_dollar(world: World) -> None:
    """
    1,000 Wh over 1 km, of which 600 Wh come; compensation 120.000007 USD/MWh.

    Nash price: ½ {80 + [150 (1 − 1000 / 40000) + 0.4 · 0.9 / 0.001] / 0.6 − 5} = 459.375, above the
    bid's 250 − 5, so 245 USD/MWh: 147,000 for 600 Wh, fee 3,000, compensation ⌊48,000.0028⌋.
    """
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    before = reputation(world, 1)
    world.read(stage.slot, {1: 600})

    settled = check(world, stage, {1: 600})

    assert [(t.price, t.fee, t.energy, t.delivered) for t in settled] == [
        (245_000_000, 5_000_000, 1000, 600)
    ]
    assert account(world, 4).free == DEPOSIT - 147_000 - 3_000 + 48_000
    assert account(world, 1).free == DEPOSIT + 147_000 - 48_000
    assert world.market.account(ROLES.provider.address).free == 3_000
    weight = 2450  # 245,000 of 1,000,000 micro-USD, in basis points
    keep = 10**8 - weight * 1000
    assert reputation(world, 1) == Reputation(
        before.r * keep // 10**8 + weight * 32_768 * 600 // (10**4 * 1000),
        before.s * keep // 10**8 + weight * 32_768 // 10**4,
    )
    assert account(world, 1).score < SCORES[0]
    assert account(world, 4).score == 5000


def test_a_delivery_of_60_percent_is_shared_by_largest_remainder(
    world: World, stage: Stage
) -> None:
    world.clear(stage)
    readings = {1: 6001, 2: 3600, 3: 901}
    world.read(stage.slot, readings)

    settled = check(world, stage, readings)

    delivered = [trade.delivered for trade in settled]
    assert delivered[:2] == shares([Wh(8000), Wh(2000)], Wh(6001)) == [4801, 1200]
    assert sum(delivered) == 6001 + 3600 + 901


def test_nothing_delivered_costs_the_bond_and_the_reputation(world: World, stage: Stage) -> None:
    world.clear(stage)
    world.read(stage.slot, dict.fromkeys(stage.sold(), 0))

    settled = check(world, stage, {})

    assert all(trade.delivered == 0 for trade in settled)
    compensated = sum(amount_down(t.energy, COMPENSATION) for t in settled if t.offer == 0)
    assert account(world, 1).free == DEPOSIT - compensated
    assert compensated <= amount_up(Wh(10_000), BOND)
    assert account(world, 1).score < SCORES[0]


def test_one_wh_missing_is_noticed(world: World) -> None:
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    world.read(stage.slot, {1: 999})

    settled = check(world, stage, {1: 999})

    assert [trade.delivered for trade in settled] == [999]
    assert account(world, 4).free == DEPOSIT - 999 * 245 - 999 * 5 + 120


def test_a_seller_that_sold_nothing_keeps_its_reputation(world: World) -> None:
    stage = world.cleared([an_offer(1, 1000, 80), an_offer(3, 500, 80), a_bid(4, 1000, 250)])
    before = reputation(world, 3)
    world.read(stage.slot, {1: 1000})

    check(world, stage, {1: 1000})

    assert reputation(world, 3) == before


def test_a_missing_reading_holds_the_settlement_up_until_the_deadline(
    world: World, stage: Stage, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    world.clear(stage)
    readings = {1: 10_000, 3: 1500}
    world.read(stage.slot, readings)
    entries = world.market.readings(stage.slot)
    arguments = [stage.slot, stage.book_words, stage.trade_words, entries, []]
    deadline = starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS

    travel_to(deadline - 1)
    with reverts(exchange, "ReadingsIncomplete", slot=stage.slot, participant=2, deadline=deadline):
        world.attempt(STRANGER, "settle", *arguments)
    travel_to(deadline)
    world.attempt(STRANGER, "settle", *arguments)

    settled = check(world, stage, readings)
    assert [t.delivered for t in settled if t.offer == 2] == [0, 0]


def test_no_reading_at_all_counts_as_nothing_delivered(
    world: World, stage: Stage, travel_to: Callable[[int], None]
) -> None:
    world.clear(stage)
    travel_to(starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS)

    settled = check(world, stage, {})

    assert all(trade.delivered == 0 for trade in settled)


def test_nothing_settles_before_delivery(world: World, stage: Stage, exchange: Contract) -> None:
    world.clear(stage)

    with reverts(exchange, "ReadingsIncomplete", slot=stage.slot, participant=1):
        world.attempt(STRANGER, "settle", stage.slot, stage.book_words, stage.trade_words, [], [])


@pytest.mark.parametrize("report_first", [True, False])
def test_a_meter_that_contradicts_itself_delivered_nothing(
    world: World, stage: Stage, report_first: bool
) -> None:
    world.clear(stage)
    readings = {2: 6000, 3: 1500}
    world.read(stage.slot, readings)
    high, low = world.reading(stage.slot, 1, 10_000), world.reading(stage.slot, 1, 9_000)
    if report_first:
        world.market.report_contradiction(STRANGER, stage.slot, high, low)
        world.market.record_readings(STRANGER, stage.slot, [high])
    else:
        world.market.record_readings(STRANGER, stage.slot, [high])
        world.market.report_contradiction(STRANGER, stage.slot, high, low)

    assert CONTRADICTION | 1 << 32 in world.market.readings(stage.slot)
    check(world, stage, readings)


@pytest.mark.parametrize("fault", ["left out", "added", "changed", "moved", "made up"])
def test_readings_that_were_not_recorded_are_refused(
    world: World, stage: Stage, exchange: Contract, fault: str
) -> None:
    world.clear(stage)
    world.read(stage.slot, stage.sold())
    entries = world.market.readings(stage.slot)
    given = {
        "left out": entries[:-1],
        "added": [*entries, 4 << 32],
        "changed": [entries[0] + 1, *entries[1:]],
        "moved": entries[::-1],
        "made up": [*entries, 1025 << 32],
    }[fault]
    recorded = exchange.functions.slotOf(stage.slot).call()[2]

    with reverts(exchange, "ReadingsMismatch", recorded=recorded):
        world.attempt(
            STRANGER, "settle", stage.slot, stage.book_words, stage.trade_words, given, []
        )


def test_readings_of_those_who_sold_nothing_change_nothing(world: World, stage: Stage) -> None:
    world.clear(stage)
    readings = {4: 77, **stage.sold(), 5: 0, 6: 4_000_000_000}
    world.read(stage.slot, readings)

    check(world, stage, readings)


def test_void_releases_every_lock(world: World, exchange: Contract) -> None:
    orders = [*a_book()[:4], a_cancellation(4)]
    stage = world.closed(orders)
    world.now_runs_at(starts_at(stage.slot))
    locked = [account(world, number).locked for number in range(1, PROSUMERS + 1)]

    world.market.void(STRANGER, stage.slot, stage.book)

    assert sum(map(bool, locked)) == 4
    for number in range(1, PROSUMERS + 1):
        assert (account(world, number).free, account(world, number).locked) == (DEPOSIT, 0)
        assert reputation(world, number) == initial_reputation(SCORES[number - 1], MEMORY)


def test_a_slot_is_cleared_before_its_delivery_or_void_after(
    world: World, stage: Stage, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    deadline = starts_at(stage.slot)
    clear = [stage.slot, stage.book_words, stage.trade_words, stage.outcome.certificate]
    void = [stage.slot, stage.book_words]

    travel_to(deadline - 1)
    world.attempt(STRANGER, "clear", *clear)
    with reverts(exchange, "VoidTooEarly", slot=stage.slot, deadline=deadline):
        world.attempt(STRANGER, "void", *void)

    travel_to(deadline)
    world.attempt(STRANGER, "void", *void)
    with reverts(exchange, "ClearingTooLate", slot=stage.slot, deadline=deadline):
        world.attempt(STRANGER, "clear", *clear)


def test_a_slot_is_not_cleared_before_its_gate_closes(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])
    book = [order.pack() for order in world.market.book(slot)]
    closes_at = starts_at(slot) - 1800

    travel_to(closes_at - 1)
    with reverts(exchange, "GateOpen", slot=slot, closesAt=closes_at):
        world.attempt(STRANGER, "clear", slot, book, [], b"\0")
    travel_to(closes_at)
    world.attempt(STRANGER, "clear", slot, book, [], b"\0")


def test_a_cleared_slot_is_not_void(world: World, stage: Stage, exchange: Contract) -> None:
    world.clear(stage)
    world.now_runs_at(starts_at(stage.slot))

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.CLEARED):
        world.attempt(STRANGER, "void", stage.slot, stage.book_words)


def test_a_void_slot_is_done(world: World, stage: Stage, exchange: Contract) -> None:
    world.now_runs_at(starts_at(stage.slot))
    world.market.void(STRANGER, stage.slot, stage.book)

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.VOID):
        world.attempt(STRANGER, "void", stage.slot, stage.book_words)
    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.VOID):
        world.attempt(STRANGER, "settle", stage.slot, stage.book_words, [], [], [])
    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.VOID):
        world.attempt(STRANGER, "clear", stage.slot, stage.book_words, [], b"\0")


def test_void_needs_the_whole_book(world: World, stage: Stage, exchange: Contract) -> None:
    world.now_runs_at(starts_at(stage.slot))

    with reverts(exchange, "BookMismatch"):
        world.attempt(STRANGER, "void", stage.slot, stage.book_words[:-1])
    with reverts(exchange, "NothingRecorded", slot=stage.slot - 1):
        world.attempt(STRANGER, "void", stage.slot - 1, [])


@pytest.mark.parametrize(
    "orders",
    [
        [an_offer(1, 1000, 80)],
        [a_bid(4, 1000, 250)],
        [an_offer(3, 1000, 80), a_bid(4, 1000, 250)],
        [an_offer(1, 1000, 80), a_bid(4, 1000, 70)],
        [an_offer(1, 1000, 80), a_bid(4, 1000, 250), a_cancellation(1), a_cancellation(4)],
    ],
    ids=["offer alone", "bid alone", "no line", "no room", "all cancelled"],
)
def test_a_slot_without_trades_settles_at_once(world: World, orders: list[Order]) -> None:
    stage = world.cleared(orders)

    settled = world.settle(stage)

    assert settled == ()
    for number in range(1, PROSUMERS + 1):
        assert (account(world, number).free, account(world, number).locked) == (DEPOSIT, 0)


def test_two_slots_hold_their_locks_apart(world: World) -> None:
    slot = world.open_slot
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    world.place(slot, orders)
    world.send(owner_of(1), "placeOffer", slot + 1, 3000, 80_000_000, 0)
    stage = world.close(slot)
    world.clear(stage)
    world.read(slot, {1: 1000})

    world.settle(stage)

    assert account(world, 1).locked == amount_up(Wh(3000), BOND)
    assert account(world, 4).locked == 0


def test_the_line_owner_may_trade_too(world: World, line_lease: Contract) -> None:
    """Its fees and its own trades meet in one account."""
    world.send(ROLES.provider, "transferOwnership", owner_of(1).address, on=line_lease)
    world.send(owner_of(1), "acceptOwnership", on=line_lease)
    stage = world.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    world.read(stage.slot, {1: 1000})

    world.settle(stage)

    assert account(world, 1).free == DEPOSIT + 245_000 + 5_000
    assert account(world, 4).free == DEPOSIT - 250_000
