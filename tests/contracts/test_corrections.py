"""Counter-readings of the grid operator, where the rules give time for them, and what they cost."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from oracle.domain.book import COUNTER_READING, Trade
from oracle.domain.clock import READING_SECONDS, starts_at
from oracle.model.reputation import Reputation, initial_reputation, updated, weight_down
from oracle.model.settlement import deliveries, payment
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, Wh, amount_down, amount_up
from tests.contracts.markets import (
    BOND,
    CHALLENGE_SECONDS,
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
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def final_at(slot: Slot) -> int:
    return starts_at(slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS


def free(world: World) -> dict[int, int]:
    numbers = range(1, PROSUMERS + 1)
    return {n: world.market.account(owner_of(n).address).free for n in numbers}


def reputation(world: World, participant: int) -> Reputation:
    r, s = world.exchange.functions.reputationOf(owner_of(participant).address).call()
    return Reputation(r, s)


def expected(
    stage: Stage, final: Mapping[int, int], slashed: Sequence[int]
) -> tuple[tuple[Trade, ...], dict[int, int]]:
    """Return what is delivered of each trade and what each participant has then."""
    of_offer = {k: Wh(final.get(order.participant, 0)) for k, order in enumerate(stage.book)}
    trades = tuple(deliveries(stage.trades, of_offer))
    money = {number: int(DEPOSIT) for number in range(1, PROSUMERS + 1)}
    for trade in trades:
        seller, buyer = (stage.book[k].participant for k in (trade.offer, trade.bid))
        paid = payment(trade, COMPENSATION)
        bond = amount_down(trade.energy, BOND)
        compensation = bond if seller in slashed else paid.compensation
        money[seller] += paid.goods - compensation
        money[buyer] += compensation - paid.goods - paid.fee
    return trades, money


def settled(world: World, stage: Stage) -> tuple[Trade, ...]:
    world.now_runs_at(final_at(stage.slot))
    return world.settle(stage)


@pytest.mark.parametrize("counter", [0, 4000, 9_999])
def test_a_meter_that_overstates_loses_its_bond_to_its_buyers(watched: World, counter: int) -> None:
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(counter))

    trades = settled(watched, stage)

    final = {**stage.sold(), 1: counter}
    assert (trades, free(watched)) == expected(stage, final, slashed=[1])
    own = [trade for trade in trades if stage.book[trade.offer].participant == 1]
    lost = sum(amount_down(trade.energy, BOND) for trade in own)
    assert lost <= amount_up(Wh(10_000), BOND)
    value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in own))
    assert reputation(watched, 1) == updated(
        initial_reputation(SCORES[0], MEMORY),
        memory=MEMORY,
        weight=weight_down(value, FULL_VALUE),
        delivered=Wh(0),
        sold=Wh(10_000),
    )
    assert watched.money() == (PROSUMERS + 1) * DEPOSIT


@pytest.mark.parametrize(("said", "counter"), [(4000, 6000), (4000, 4000), (None, 6000)])
def test_a_seller_that_is_short_and_never_overstated_pays_the_compensation(
    watched: World, said: int | None, counter: int
) -> None:
    stage = watched.cleared()
    readings = {2: 6000, 3: 1500} | ({} if said is None else {1: said})
    watched.read(stage.slot, readings)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(counter))

    trades = settled(watched, stage)

    assert (trades, free(watched)) == expected(stage, {**readings, 1: counter}, slashed=[])


def test_a_correction_above_what_was_sold_costs_nothing(watched: World) -> None:
    """The meter said 12,000, the operator 11,000: 10,000 were sold and came."""
    stage = watched.cleared()
    watched.read(stage.slot, {**stage.sold(), 1: 12_000})
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(11_000))

    trades = settled(watched, stage)

    assert (trades, free(watched)) == expected(stage, stage.sold(), slashed=[])
    assert watched.market.account(owner_of(1).address).score >= SCORES[0]


def test_a_correction_stands_in_for_a_contradicted_meter(watched: World) -> None:
    stage = watched.cleared()
    high, low = watched.reading(stage.slot, 1, 10_000), watched.reading(stage.slot, 1, 9_000)
    watched.read(stage.slot, {2: 6000, 3: 1500, 1: 10_000})
    watched.market.report_contradiction(STRANGER, stage.slot, high, low)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(9_500))

    trades = settled(watched, stage)

    final = {1: 9_500, 2: 6000, 3: 1500}
    assert (trades, free(watched)) == expected(stage, final, slashed=[1])


def test_a_contradiction_after_the_correction_changes_nothing(watched: World) -> None:
    stage = watched.cleared()
    high, low = watched.reading(stage.slot, 1, 10_000), watched.reading(stage.slot, 1, 9_000)
    watched.read(stage.slot, {2: 6000, 3: 1500, 1: 10_000})
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(10_000))
    watched.market.report_contradiction(STRANGER, stage.slot, high, low)

    trades = settled(watched, stage)

    assert (trades, free(watched)) == expected(stage, stage.sold(), slashed=[])


def test_a_reading_after_the_correction_changes_nothing(watched: World) -> None:
    """So an operator who is early is not overruled; and whoever speaks later has not overstated."""
    stage = watched.cleared()
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(4_000))
    watched.read(stage.slot, stage.sold())

    trades = settled(watched, stage)

    assert (trades, free(watched)) == expected(stage, {**stage.sold(), 1: 4_000}, slashed=[])


def test_a_correction_becomes_an_entry(watched: World) -> None:
    stage = watched.cleared()
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)

    watched.market.correct_reading(ROLES.operator, stage.slot, 2, Wh(7))

    assert watched.market.readings(stage.slot) == [COUNTER_READING | 2 << 32 | 7]


def test_only_the_operator_corrects(watched: World) -> None:
    stage = watched.cleared()
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)

    for caller in (STRANGER, owner_of(1), ROLES.provider, ROLES.registrar):
        with reverts(watched.exchange, "OwnableUnauthorizedAccount", account=caller.address):
            watched.attempt(caller, "correctReading", stage.slot, 1, 5)


def test_a_reading_is_corrected_once(watched: World) -> None:
    stage = watched.cleared()
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(5))

    with reverts(watched.exchange, "AlreadyCorrected", slot=stage.slot, participant=1):
        watched.attempt(ROLES.operator, "correctReading", stage.slot, 1, 6)
    watched.attempt(ROLES.operator, "correctReading", stage.slot, 2, 6)
    watched.attempt(ROLES.operator, "correctReading", stage.slot - 1, 1, 6)


def test_corrections_are_taken_until_the_readings_are_final(
    watched: World, travel_watched_to: Callable[[int], None]
) -> None:
    stage = watched.cleared()
    opens_at = starts_at(stage.slot) + SLOT_SECONDS
    closes_at = final_at(stage.slot)

    def correct() -> None:
        watched.attempt(ROLES.operator, "correctReading", stage.slot, 1, 5)

    def refused() -> None:
        with reverts(watched.exchange, "OutsideReadingTime", opensAt=opens_at, closesAt=closes_at):
            correct()

    travel_watched_to(opens_at - 1)
    refused()
    travel_watched_to(opens_at)
    correct()
    travel_watched_to(closes_at - 1)
    correct()
    travel_watched_to(closes_at)
    refused()


@pytest.fixture
def travel_watched_to(watched: World) -> Callable[[int], None]:
    return watched.now_runs_at


def test_a_slot_is_settled_once_its_readings_are_final(
    watched: World, travel_watched_to: Callable[[int], None]
) -> None:
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    entries = watched.market.readings(stage.slot)
    arguments = [stage.slot, stage.book_words, stage.trade_words, entries, []]

    travel_watched_to(final_at(stage.slot) - 1)
    with reverts(
        watched.exchange, "ReadingsNotFinal", slot=stage.slot, finalAt=final_at(stage.slot)
    ):
        watched.attempt(STRANGER, "settle", *arguments)
    travel_watched_to(final_at(stage.slot))
    watched.attempt(STRANGER, "settle", *arguments)


def test_meters_are_not_overruled_where_the_rules_leave_no_time_for_it(world: World) -> None:
    """The operator could correct in front of the settlement, and nobody would see it coming."""
    stage = world.cleared()
    world.read(stage.slot, stage.sold())

    with reverts(world.exchange, "NoChallenges"):
        world.attempt(ROLES.operator, "correctReading", stage.slot, 1, 5)


@pytest.mark.parametrize("participant", [0, 1025, 0xFFFF])
def test_the_operator_cannot_lock_a_slot_by_correcting_whom_there_is_not(
    watched: World, participant: int
) -> None:
    """An entry that no settlement can read would hold the money of the slot for ever."""
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())

    with reverts(watched.exchange, "NoSuchParticipant", participant=participant):
        watched.attempt(ROLES.operator, "correctReading", stage.slot, participant, 5)

    watched.market.correct_reading(ROLES.operator, stage.slot, PROSUMERS, Wh(5))
    assert settled(watched, stage)


def test_a_correction_of_a_number_that_is_nobodys_yet_changes_nothing(watched: World) -> None:
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    for participant in (7, 1024):
        watched.market.correct_reading(ROLES.operator, stage.slot, participant, Wh(5))

    trades = settled(watched, stage)

    assert (trades, free(watched)) == expected(stage, stage.sold(), slashed=[])


def test_a_slot_whose_seller_stays_silent_is_settled_by_the_correction(watched: World) -> None:
    stage = watched.cleared([an_offer(1, 1000, 80), a_bid(4, 1000, 250)])
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(1000))

    trades = settled(watched, stage)

    assert [trade.delivered for trade in trades] == [1000]
