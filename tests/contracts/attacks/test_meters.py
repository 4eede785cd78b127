"""Meters that lie, contradict themselves, come late or never; and who would speak in their name."""

from dataclasses import replace

import pytest
from web3.contract import Contract

from oracle.chain.market import Phase, SignedReading
from oracle.chain.signatures import development_key
from oracle.domain.book import Trade
from oracle.domain.clock import OPEN_SLOTS, READING_SECONDS, slot_at, starts_at
from oracle.errors import ContractRevert
from oracle.units import SLOT_SECONDS, Slot, Wh, amount_down
from tests.contracts.markets import (
    BOND,
    CHALLENGE_SECONDS,
    COMPENSATION,
    DEPOSIT,
    PROSUMERS,
    ROLES,
    SCORES,
    STRANGER,
    Stage,
    World,
    a_bid,
    an_offer,
    meter_of,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

PAIR = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
ZERO = "0x" + "0" * 40


def over(world: World, stage: Stage) -> None:
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)


def settle_with(world: World, stage: Stage, *readings: SignedReading) -> tuple[Trade, ...]:
    entries = world.market.readings(stage.slot)
    world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, entries, readings)
    return world.market.settled_trades(stage.slot) or ()


def money(world: World) -> list[int]:
    numbers = range(1, PROSUMERS + 1)
    return [world.market.account(owner_of(n).address).free for n in numbers]


def test_a_lying_meter_loses_its_bond_to_its_buyer_and_gains_no_reputation(
    watched: World,
) -> None:
    stage = watched.cleared(PAIR)
    watched.read(stage.slot, {1: 1000})
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(0))
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS)

    settle_with(watched, stage)

    bond = amount_down(Wh(1000), BOND)
    assert money(watched)[0] == DEPOSIT - bond
    assert money(watched)[3] == DEPOSIT + bond
    assert bond > amount_down(Wh(1000), COMPENSATION)
    assert watched.market.account(owner_of(1).address).score < SCORES[0]


def test_to_confess_is_cheaper_than_to_be_found_out(watched: World) -> None:
    lost = []
    for said in (1000, 300):
        mark = watched.mark()
        stage = watched.cleared(PAIR)
        watched.read(stage.slot, {1: said})
        watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(300))
        watched.now_runs_at(
            starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS
        )
        settle_with(watched, stage)
        account = watched.market.account(owner_of(1).address)
        lost.append((account.free, account.score))
        watched.put_back(mark)

    assert lost[0] < lost[1]
    assert lost[0][1] < lost[1][1]


def test_readings_given_to_settle_are_worth_those_recorded(world: World, stage: Stage) -> None:
    world.clear(stage)
    over(world, stage)
    readings = [world.reading(stage.slot, n, sold - n) for n, sold in stage.sold().items()]
    results = []
    for count in range(len(readings) + 1):
        mark = world.mark(1)
        world.market.record_readings(STRANGER, stage.slot, readings[:count])
        settled = settle_with(world, stage, *readings[count:])
        results.append((settled, money(world)))
        world.put_back(mark)

    assert len(readings) == 3
    assert results == [results[0]] * 4


@pytest.mark.parametrize(
    "fault", ["other meter", "stranger", "other slot", "other participant", "more", "nobody"]
)
def test_a_reading_given_to_settle_is_checked_like_one_recorded(
    world: World, exchange: Contract, fault: str
) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)
    slot = stage.slot
    honest = world.reading(slot, 1, 900)
    forged = {
        "other meter": world.reading(slot, 1, 1000, meter=meter_of(2)),
        "stranger": world.reading(slot, 1, 1000, meter=STRANGER),
        "other slot": world.reading(Slot(slot - 1), 1, 1000),
        "other participant": replace(world.reading(slot, 2, 1000), participant=1),
        "more": replace(honest, energy=Wh(1000)),
        "nobody": world.reading(slot, 7, 1000, meter=meter_of(1)),
    }[fault]

    with reverts(exchange, "WrongMeter", participant=forged.participant):
        settle_with(world, stage, forged)
    with reverts(exchange, "WrongMeter", participant=forged.participant):
        settle_with(world, stage, honest, forged)


def test_of_two_readings_given_to_settle_the_first_counts(world: World) -> None:
    """Who settles may choose among what one meter signed; a contradiction takes the choice away."""
    stage = world.cleared(PAIR)
    over(world, stage)
    low, high = world.reading(stage.slot, 1, 400), world.reading(stage.slot, 1, 1000)

    settled = settle_with(world, stage, low, high)

    assert [trade.delivered for trade in settled] == [400]


def test_a_recorded_reading_is_not_replaced_by_one_given_to_settle(world: World) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)
    world.market.record_readings(STRANGER, stage.slot, [world.reading(stage.slot, 1, 400)])

    settled = settle_with(world, stage, world.reading(stage.slot, 1, 1000))

    assert [trade.delivered for trade in settled] == [400]


def test_a_contradicted_meter_is_not_heard_at_settlement_either(world: World) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)
    low, high = world.reading(stage.slot, 1, 400), world.reading(stage.slot, 1, 1000)
    world.market.report_contradiction(STRANGER, stage.slot, low, high)

    settled = settle_with(world, stage, high)

    assert [trade.delivered for trade in settled] == [0]


def test_readings_that_settle_is_given_are_told_like_recorded_ones(
    world: World, exchange: Contract
) -> None:
    """Else nobody could check a delivery whose settlement came through another contract."""
    stage = world.cleared(PAIR)
    over(world, stage)

    settle_with(world, stage, world.reading(stage.slot, 1, 400))

    (event,) = exchange.events.SlotSettled().get_logs(from_block=0)
    assert event["args"]["heard"] == [1 << 32 | 400]


@pytest.mark.parametrize("again", [False, True])
def test_a_recording_of_nothing_new_leaves_no_trace(
    world: World, exchange: Contract, again: bool
) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)
    readings = [world.reading(stage.slot, 1, 400)] if again else []
    world.market.record_readings(STRANGER, stage.slot, readings)
    before = world.market.readings(stage.slot)

    world.market.record_readings(STRANGER, stage.slot, readings)

    told = exchange.events.ReadingsRecorded().get_logs(from_block=0)
    assert [event["args"]["entries"] for event in told] == ([before] if again else [])


@pytest.mark.parametrize("late", [False, True])
def test_readings_are_given_to_settle_in_their_time_only(
    world: World, exchange: Contract, late: bool
) -> None:
    stage = world.cleared(PAIR)
    opens_at = starts_at(stage.slot) + SLOT_SECONDS
    closes_at = opens_at + READING_SECONDS
    reading = world.reading(stage.slot, 1, 1000)
    data = [stage.slot, stage.book_words, stage.trade_words, [], [reading.fields()]]

    world.now_runs_at(closes_at - 1 if late else opens_at)
    world.attempt(STRANGER, "settle", *data)
    if late:
        world.now_runs_at(closes_at)
        with reverts(
            exchange, "OutsideReadingTime", slot=stage.slot, opensAt=opens_at, closesAt=closes_at
        ):
            world.attempt(STRANGER, "settle", *data)


def test_nothing_is_settled_with_readings_before_the_slot_is_over(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared(PAIR)
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS - 1)

    with reverts(exchange, "OutsideReadingTime", slot=stage.slot):
        reading = world.reading(stage.slot, 1, 1000)
        data = [stage.slot, stage.book_words, stage.trade_words, [], [reading.fields()]]
        world.attempt(STRANGER, "settle", *data)


def test_a_participant_without_a_meter_has_no_reading_that_anybody_could_forge(
    world: World, exchange: Contract, registry: Contract
) -> None:
    """Its meter is the zero address, and so is the signer of a broken signature."""
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    world.send(ROLES.registrar, "announceMeters", [1], [ZERO], first, on=registry)
    world.now_runs_at(starts_at(Slot(first + 1)))

    for r, vs in ((bytes(32), bytes(32)), (b"\1" * 32, b"\xff" * 32)):
        with reverts(exchange, "WrongMeter", participant=1):
            world.attempt(STRANGER, "recordReadings", first, [(1, 1000, r, vs)])


def test_a_meter_that_never_speaks_holds_nobody_up_for_more_than_an_hour(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)
    with pytest.raises(ContractRevert, match="ReadingsIncomplete"):
        settle_with(world, stage)

    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS)
    settle_with(world, stage)

    assert world.market.phase(stage.slot) is Phase.SETTLED
    assert money(world)[0] == DEPOSIT - amount_down(Wh(1000), COMPENSATION)


def test_the_energy_of_the_largest_number_pays_for_what_was_sold(world: World) -> None:
    stage = world.cleared(PAIR)
    over(world, stage)

    settled = settle_with(world, stage, world.reading(stage.slot, 1, 2**32 - 1))

    assert [trade.delivered for trade in settled] == [1000]


def test_the_key_of_a_retired_meter_speaks_for_old_slots_only(
    world: World, exchange: Contract, registry: Contract
) -> None:
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    new = development_key("replacement meter")
    world.send(ROLES.registrar, "announceMeters", [1], [new.address], first, on=registry)
    world.now_runs_at(starts_at(Slot(first - 8)))
    stage = world.cleared(PAIR)
    over(world, stage)

    assert stage.slot == first
    with reverts(exchange, "WrongMeter", participant=1, signer=meter_of(1).address):
        settle_with(world, stage, world.reading(first, 1, 1000))
    settle_with(world, stage, world.reading(first, 1, 1000, meter=new))
