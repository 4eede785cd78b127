"""Readings: whose, when, once, and for this slot on this exchange only."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from web3.contract import Contract

from oracle.chain.market import Phase, SignedReading
from oracle.chain.signatures import development_key, sign_reading
from oracle.domain.book import CONTRADICTION
from oracle.domain.clock import OPEN_SLOTS, READING_SECONDS, slot_at, starts_at
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.contracts.markets import ROLES, STRANGER, World, meter_of, owner_of
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def slot(world: World) -> Slot:
    """A slot that is over; readings need no orders."""
    slot = Slot(slot_at(world.chain.now()) + 1)
    world.now_runs_at(starts_at(Slot(slot + 1)))
    return slot


def try_to_record(world: World, slot: Slot, readings: Sequence[SignedReading]) -> None:
    world.attempt(STRANGER, "recordReadings", slot, [reading.fields() for reading in readings])


def try_to_report(world: World, slot: Slot, one: SignedReading, other: SignedReading) -> None:
    world.attempt(STRANGER, "reportContradiction", slot, one.fields(), other.fields())


def test_readings_become_entries_in_their_order(world: World, slot: Slot) -> None:
    readings = [world.reading(slot, 3, 7), world.reading(slot, 1, 0), world.reading(slot, 2, 9)]

    world.market.record_readings(STRANGER, slot, readings)

    assert world.market.readings(slot) == [3 << 32 | 7, 1 << 32, 2 << 32 | 9]


def test_readings_are_taken_from_the_end_of_their_slot_on(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    slot = Slot(slot_at(world.chain.now()) + 1)
    one, other = world.reading(slot, 1, 5), world.reading(slot, 1, 6)
    opens_at = starts_at(slot) + SLOT_SECONDS
    closes_at = opens_at + READING_SECONDS

    travel_to(opens_at - 1)
    with reverts(exchange, "OutsideReadingTime", slot=slot, opensAt=opens_at, closesAt=closes_at):
        try_to_record(world, slot, [one])
    with reverts(exchange, "OutsideReadingTime", slot=slot, opensAt=opens_at, closesAt=closes_at):
        try_to_report(world, slot, one, other)
    travel_to(opens_at)
    try_to_record(world, slot, [one])
    try_to_report(world, slot, one, other)


def test_readings_are_taken_for_an_hour(
    world: World, exchange: Contract, slot: Slot, travel_to: Callable[[int], None]
) -> None:
    one, other = world.reading(slot, 1, 5), world.reading(slot, 1, 6)
    closes_at = starts_at(slot) + SLOT_SECONDS + READING_SECONDS

    travel_to(closes_at - 1)
    try_to_record(world, slot, [one])
    try_to_report(world, slot, one, other)
    travel_to(closes_at)
    with reverts(exchange, "OutsideReadingTime", slot=slot, closesAt=closes_at):
        try_to_record(world, slot, [one])
    with reverts(exchange, "OutsideReadingTime", slot=slot, closesAt=closes_at):
        try_to_report(world, slot, one, other)


def test_a_settled_slot_takes_no_reading_in_the_hour_that_is_left(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared()
    world.read(stage.slot, stage.sold())
    world.settle(stage)
    low, high = world.reading(stage.slot, 4, 5), world.reading(stage.slot, 4, 6)

    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.SETTLED):
        try_to_record(world, stage.slot, [low])
    with reverts(exchange, "WrongPhase", slot=stage.slot, phase=Phase.SETTLED):
        try_to_report(world, stage.slot, low, high)


def test_a_second_reading_is_passed_over(world: World, slot: Slot) -> None:
    first, second = world.reading(slot, 1, 5), world.reading(slot, 1, 6)

    world.market.record_readings(STRANGER, slot, [first, world.reading(slot, 2, 7), second])
    world.market.record_readings(STRANGER, slot, [second, first])

    assert world.market.readings(slot) == [1 << 32 | 5, 2 << 32 | 7]


@pytest.mark.parametrize("participant", [0, 7, 1024, 65_535])
def test_a_number_that_is_no_participants_has_no_meter(
    world: World, exchange: Contract, slot: Slot, participant: int
) -> None:
    key = meter_of(1)
    reading = world.reading(slot, participant, 5, meter=key)

    with reverts(exchange, "WrongMeter", participant=participant, signer=key.address):
        try_to_record(world, slot, [reading])


def test_one_wrong_reading_refuses_its_batch(world: World, exchange: Contract, slot: Slot) -> None:
    readings = [world.reading(slot, 1, 5), world.reading(slot, 2, 5, meter=STRANGER)]

    with reverts(exchange, "WrongMeter", participant=2, signer=STRANGER.address):
        try_to_record(world, slot, readings)


def test_a_reading_is_not_replayed_in_another_slot(
    world: World, exchange: Contract, slot: Slot
) -> None:
    reading = world.reading(Slot(slot - 1), 1, 5)

    with reverts(exchange, "WrongMeter", participant=1):
        try_to_record(world, slot, [reading])


def test_a_reading_is_not_replayed_for_another_participant(
    world: World, exchange: Contract, slot: Slot
) -> None:
    reading = replace(world.reading(slot, 1, 5), participant=2)

    with reverts(exchange, "WrongMeter", participant=2):
        try_to_record(world, slot, [reading])


@pytest.mark.parametrize("change", ["chain_id", "contract", "name"])
def test_a_reading_for_another_domain_is_refused(
    world: World, exchange: Contract, slot: Slot, change: str
) -> None:
    domain = world.market.exchange_domain
    others = {
        "chain_id": replace(domain, chain_id=domain.chain_id + 1),
        "contract": replace(domain, contract=world.deployment.registry.address),
        "name": world.market.storage_domain,
    }
    signature = sign_reading(meter_of(1), others[change], slot=slot, participant=1, energy=Wh(5))
    reading = SignedReading(participant=1, energy=Wh(5), signature=signature)

    with reverts(exchange, "WrongMeter", participant=1):
        try_to_record(world, slot, [reading])


def test_the_other_half_of_a_signature_is_refused(
    world: World, exchange: Contract, slot: Slot
) -> None:
    honest = world.reading(slot, 1, 5)
    r, s, v = honest.signature[:32], honest.signature[32:64], honest.signature[64]
    other = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    malleable = replace(honest, signature=r + other + bytes([55 - v]))
    inverted = replace(honest, signature=r + s + bytes([55 - v]))

    for forged in (malleable, inverted):
        with reverts(exchange, "WrongMeter", participant=1):
            try_to_record(world, slot, [forged])


@pytest.mark.parametrize(
    ("r", "vs"), [(0, 0), (0, 1), (1, 0), (CURVE_ORDER, 1), (1, CURVE_ORDER // 2 + 1)]
)
def test_a_signature_that_nobody_can_have_made_is_refused(
    world: World, exchange: Contract, slot: Slot, r: int, vs: int
) -> None:
    fields = (1, 5, r.to_bytes(32, "big"), vs.to_bytes(32, "big"))

    with reverts(exchange, "WrongMeter", participant=1, signer="0x" + "0" * 40):
        world.attempt(STRANGER, "recordReadings", slot, [fields])


def test_a_meter_announced_signs_from_its_slot_on(
    world: World, exchange: Contract, registry: Contract, travel_to: Callable[[int], None]
) -> None:
    new = development_key("new meter")
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    world.send(ROLES.registrar, "announceMeters", [1], [new.address], first, on=registry)
    travel_to(starts_at(Slot(first + 1)))

    before = Slot(first - 1)
    try_to_record(world, before, [world.reading(before, 1, 5)])
    with reverts(exchange, "WrongMeter", participant=1, signer=new.address):
        try_to_record(world, before, [world.reading(before, 1, 5, meter=new)])
    try_to_record(world, first, [world.reading(first, 1, 5, meter=new)])
    with reverts(exchange, "WrongMeter", participant=1, signer=meter_of(1).address):
        try_to_record(world, first, [world.reading(first, 1, 5)])


def test_a_contradiction_becomes_an_entry_once(
    world: World, exchange: Contract, slot: Slot
) -> None:
    one, other = world.reading(slot, 1, 5), world.reading(slot, 1, 6)

    world.market.report_contradiction(STRANGER, slot, one, other)

    assert world.market.readings(slot) == [CONTRADICTION | 1 << 32]
    with reverts(exchange, "NoContradiction", participant=1):
        try_to_report(world, slot, one, other)


def test_equal_readings_are_no_contradiction(world: World, exchange: Contract, slot: Slot) -> None:
    reading = world.reading(slot, 1, 5)

    with reverts(exchange, "NoContradiction", participant=1):
        try_to_report(world, slot, reading, reading)


def test_readings_of_two_meters_are_no_contradiction(
    world: World, exchange: Contract, slot: Slot
) -> None:
    with reverts(exchange, "NoContradiction", participant=2):
        try_to_report(world, slot, world.reading(slot, 2, 5), world.reading(slot, 1, 6))


def test_a_contradiction_needs_two_signatures_of_the_meter(
    world: World, exchange: Contract, slot: Slot
) -> None:
    honest = world.reading(slot, 1, 5)
    forged = world.reading(slot, 1, 6, meter=owner_of(1))

    with reverts(exchange, "WrongMeter", participant=1, signer=owner_of(1).address):
        try_to_report(world, slot, honest, forged)
    with reverts(exchange, "WrongMeter", participant=1, signer=owner_of(1).address):
        try_to_report(world, slot, forged, honest)
