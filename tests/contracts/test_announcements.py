"""What a slot depends on is fixed before it opens; and only by whom it may be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3.contract import Contract

from oracle.domain.book import Trade
from oracle.domain.clock import OPEN_SLOTS, slot_at, starts_at
from oracle.domain.community import Line, manager_index
from oracle.domain.rows import capacity_words, rows_of
from oracle.units import Meters, MicroUsdPerMwh, Slot, Wh
from tests.contracts.markets import (
    LATECOMER,
    LINES,
    PROSUMERS,
    REAL_TIME_PRICE,
    ROLES,
    STRANGER,
    World,
    a_bid,
    an_offer,
    owner_of,
)
from tests.contracts.revertible import deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

LADDER_FIELDS = (9_000_000, 500, 100)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A change that is announced ahead, who may, and with what before the slot."""

    contract: str
    name: str
    by: LocalAccount
    arguments: tuple[Any, ...]

    def at(self, slot: int, world: World) -> list[Any]:
        if self.name == "announceRealTimePrices":
            return [[slot], [5]]
        if self.name == "announceMechanism":
            return [world.deployment.mechanism.address, slot]
        return [*self.arguments, slot]


ANNOUNCEMENTS = [
    Announcement("exchange", "announceMechanism", ROLES.operator, ()),
    Announcement("exchange", "announceRealTimePrices", ROLES.operator, ()),
    Announcement("line_lease", "announceLadder", ROLES.provider, (LADDER_FIELDS,)),
    Announcement("line_lease", "announceLines", ROLES.provider, ([], 1)),
    Announcement("line_lease", "announceCapacities", ROLES.provider, ([],)),
    Announcement(
        "registry", "register", ROLES.registrar, ([(LATECOMER.address, LATECOMER.address, 0, 0)],)
    ),
    Announcement("registry", "announceMeters", ROLES.registrar, ([1], [STRANGER.address])),
    Announcement("registry", "announceGroups", ROLES.registrar, ([1], [9])),
]


@pytest.fixture(params=ANNOUNCEMENTS, ids=lambda announcement: announcement.name)
def announcement(request: pytest.FixtureRequest) -> Announcement:
    result: Announcement = request.param
    return result


def contract_of(world: World, announcement: Announcement) -> Contract:
    contract: Contract = getattr(world.deployment, announcement.contract)
    return contract


def test_a_change_reaches_no_slot_that_is_open(
    world: World, exchange: Contract, announcement: Announcement
) -> None:
    contract = contract_of(world, announcement)
    earliest = slot_at(world.chain.now()) + OPEN_SLOTS + 1

    world.attempt(
        announcement.by, announcement.name, *announcement.at(earliest, world), on=contract
    )
    with reverts(exchange, "AnnouncedTooLate", **{"from": earliest - 1, "earliest": earliest}):
        world.attempt(
            announcement.by, announcement.name, *announcement.at(earliest - 1, world), on=contract
        )


def test_a_change_is_announced_at_most_a_leap_year_ahead(
    world: World, exchange: Contract, announcement: Announcement
) -> None:
    contract = contract_of(world, announcement)
    latest = slot_at(world.chain.now()) + 366 * 96

    world.attempt(announcement.by, announcement.name, *announcement.at(latest, world), on=contract)
    with reverts(exchange, "AnnouncedTooEarly", **{"from": latest + 1, "latest": latest}):
        world.attempt(
            announcement.by, announcement.name, *announcement.at(latest + 1, world), on=contract
        )


def what_is_told(world: World, slot: int, name: str) -> tuple[str, dict[str, Any]]:
    """Return the event of an announcement for a slot, and what it says beside the slot."""
    if name == "announceMechanism":
        return "MechanismAnnounced", {"mechanism": world.deployment.mechanism.address}
    if name == "announceLines":
        directory, row_words = world.deployment.line_lease.functions.rowTableOf(slot).call()
        words, _ = world.deployment.line_lease.functions.rowsOf(slot).call()
        rows_hash = keccak(b"".join(word.to_bytes(32, "big") for word in words))
        return "LinesAnnounced", {
            "directory": directory,
            "rowWords": row_words,
            "rowsHash": rows_hash,
        }
    base, step, growth = LADDER_FIELDS
    told: dict[str, tuple[str, dict[str, Any]]] = {
        "announceRealTimePrices": ("RealTimePriceAnnounced", {"price": 5}),
        "announceLadder": (
            "LadderAnnounced",
            {"baseMicroUsdPerMwhKm": base, "stepMeters": step, "growthBps": growth},
        ),
        "register": (
            "ParticipantRegistered",
            {
                "participant": PROSUMERS + 1,
                "owner": LATECOMER.address,
                "meter": LATECOMER.address,
                "group": 0,
                "initialScoreBps": 0,
            },
        ),
        "announceCapacities": (
            "CapacitiesAnnounced",
            {"directory": "0x" + 40 * "0", "capacitiesHash": keccak(b"")},
        ),
        "announceMeters": ("MeterAnnounced", {"participant": 1, "meter": STRANGER.address}),
        "announceGroups": ("GroupAnnounced", {"participant": 1, "group": 9}),
    }
    return told[name]


def test_a_change_is_told_with_the_slot_it_holds_from(
    world: World, announcement: Announcement
) -> None:
    contract = contract_of(world, announcement)
    slot = slot_at(world.chain.now()) + OPEN_SLOTS + 2

    receipt = world.send(
        announcement.by, announcement.name, *announcement.at(slot, world), on=contract
    )

    event, said = what_is_told(world, slot, announcement.name)
    (log,) = (log for log in receipt["logs"] if log["address"] == contract.address)
    assert contract.events[event]().process_log(log)["args"] == {"from": slot, **said}


def test_a_mechanism_without_code_is_refused(world: World, exchange: Contract) -> None:
    slot = slot_at(world.chain.now()) + OPEN_SLOTS + 1

    with reverts(exchange, "NotAContract", mechanism=STRANGER.address):
        world.attempt(ROLES.operator, "announceMechanism", STRANGER.address, slot)


@pytest.mark.parametrize("contract", ["exchange", "line_lease", "registry", "storage_ledger"])
def test_a_role_is_never_left_to_nobody(world: World, registry: Contract, contract: str) -> None:
    role: Contract = getattr(world.deployment, contract)
    holders = [ROLES.operator, ROLES.provider, ROLES.registrar]
    holder = next(key for key in holders if key.address == role.functions.owner().call())

    with reverts(registry, "RoleIsKept", holder=holder.address):
        world.attempt(holder, "renounceOwnership", on=role)
    with reverts(registry, "OwnableUnauthorizedAccount", account=STRANGER.address):
        world.attempt(STRANGER, "renounceOwnership", on=role)


@pytest.mark.parametrize("sender", [STRANGER, owner_of(1)], ids=["stranger", "participant"])
def test_nobody_else_announces(
    world: World, registry: Contract, announcement: Announcement, sender: LocalAccount
) -> None:
    contract = contract_of(world, announcement)
    slot = slot_at(world.chain.now()) + OPEN_SLOTS + 1

    with reverts(registry, "OwnableUnauthorizedAccount", account=sender.address):
        world.attempt(sender, announcement.name, *announcement.at(slot, world), on=contract)


def test_an_announcement_does_not_go_before_an_earlier_one(
    world: World, registry: Contract, announcement: Announcement
) -> None:
    contract = contract_of(world, announcement)
    slot = slot_at(world.chain.now()) + OPEN_SLOTS + 2
    world.send(announcement.by, announcement.name, *announcement.at(slot, world), on=contract)
    again = announcement.at(slot - 1, world)
    if announcement.name == "register":
        again[0] = [(STRANGER.address, STRANGER.address, 0, 0)]

    with reverts(registry, "CheckpointUnorderedInsertion"):
        world.attempt(announcement.by, announcement.name, *again, on=contract)


@pytest.mark.parametrize("contract", ["exchange", "line_lease", "registry", "storage_ledger"])
def test_a_role_is_handed_over_in_two_steps(world: World, contract: str) -> None:
    role: Contract = getattr(world.deployment, contract)
    by = {
        "exchange": ROLES.operator,
        "registry": ROLES.registrar,
        "line_lease": ROLES.provider,
        "storage_ledger": ROLES.provider,
    }[contract]

    world.send(by, "transferOwnership", LATECOMER.address, on=role)

    assert role.functions.owner().call() == by.address
    with reverts(role, "OwnableUnauthorizedAccount", account=STRANGER.address):
        world.attempt(STRANGER, "acceptOwnership", on=role)
    world.send(LATECOMER, "acceptOwnership", on=role)
    assert role.functions.owner().call() == LATECOMER.address


def test_real_time_prices_hold_from_their_slots_on(world: World, exchange: Contract) -> None:
    first = slot_at(world.chain.now()) + OPEN_SLOTS + 1
    slots, prices = [first, first + 1, first + 5], [100, 200, 50]

    world.send(ROLES.operator, "announceRealTimePrices", slots, prices)

    held = [exchange.functions.realTimePriceOf(first + k).call() for k in (-1, 0, 1, 2, 4, 5, 1000)]
    assert held == [REAL_TIME_PRICE, 100, 200, 200, 200, 50, 50]


@pytest.mark.parametrize(("slots", "prices"), [(2, 1), (1, 2), (0, 1)])
def test_each_slot_has_its_price(world: World, exchange: Contract, slots: int, prices: int) -> None:
    first = slot_at(world.chain.now()) + OPEN_SLOTS + 1

    with reverts(exchange, "LengthsDiffer", first=slots, second=prices):
        world.attempt(
            ROLES.operator,
            "announceRealTimePrices",
            [first + k for k in range(slots)],
            [5] * prices,
        )


def test_a_mechanism_clears_from_its_slot_on(
    world: World, exchange: Contract, mechanism: Contract, travel_to: Callable[[int], None]
) -> None:
    lenient = deploy_mock(world.chain, STRANGER, "MockMechanism")
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    world.send(ROLES.operator, "announceMechanism", lenient.address, first)
    travel_to(starts_at(Slot(first - 4)))
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    for slot in (Slot(first - 1), first):
        world.place(slot, orders)
    strict, free = world.close(Slot(first - 1)), world.close(first)

    assert exchange.functions.mechanismOf(first - 1).call() == mechanism.address
    assert exchange.functions.mechanismOf(first).call() == lenient.address
    with reverts(mechanism, "NotOptimal", primal=0):
        world.attempt(
            STRANGER, "clear", strict.slot, strict.book_words, [], strict.outcome.certificate
        )
    world.attempt(STRANGER, "clear", free.slot, free.book_words, [], b"")


def test_a_mechanism_that_accepts_all_cannot_bend_what_always_holds(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    lenient = deploy_mock(world.chain, STRANGER, "MockMechanism")
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    world.send(ROLES.operator, "announceMechanism", lenient.address, first)
    travel_to(starts_at(Slot(first - 4)))
    world.place(first, [an_offer(1, 1000, 80), a_bid(4, 900, 250)])
    stage = world.close(first)

    def attempt(**changes: Any) -> None:
        trades = stage.trades_with(0, **changes)
        world.attempt(STRANGER, "clear", first, stage.book_words, trades, b"")

    attempt(energy=1, price=80_000_000)
    attempt(energy=900, price=245_000_000)
    with reverts(exchange, "Overfilled", orderIndex=1, filledWh=901, orderedWh=900):
        attempt(energy=901)
    with reverts(exchange, "PriceOutsideLimits", price=79_999_999):
        attempt(price=79_999_999)
    with reverts(exchange, "PriceOutsideLimits", price=245_000_001):
        attempt(price=245_000_001)
    with reverts(exchange, "WrongFee", fee=0, expected=5_000_000):
        attempt(fee=0)
    with reverts(exchange, "NoLine", offerIndex=1, bidIndex=0):
        attempt(offer=1, bid=0)
    with reverts(exchange, "NoLine", offerIndex=0, bidIndex=1):
        attempt(pooled=True)
    attempt(price=240_000_000, surplus=5_000_000)
    with reverts(exchange, "PriceOutsideLimits", high=239_999_999):
        attempt(price=240_000_000, surplus=5_000_001)
    with reverts(exchange, "PriceOutsideLimits", low=80_000_000, high=0):
        attempt(price=80_000_000, surplus=2**48 - 1)
    twice = [trade.pack() for trade in 2 * stage.trades]
    with reverts(exchange, "NoLine", position=1):
        world.attempt(STRANGER, "clear", first, stage.book_words, twice, b"")


def test_capacities_bound_what_goes_over_their_lines(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    lenient = deploy_mock(world.chain, STRANGER, "MockMechanism")
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    lines = [replace(line, capacity=Wh(500)) if line == LINES[1] else line for line in LINES]
    rows, row_words = rows_of(lines, PROSUMERS)
    words = capacity_words(lines, rows, row_words)
    lease = world.deployment.line_lease
    world.send(ROLES.operator, "announceMechanism", lenient.address, first)
    world.send(ROLES.provider, "announceCapacities", words, first, on=lease)
    travel_to(starts_at(Slot(first - 4)))
    world.place(first, [an_offer(1, 1000, 80), a_bid(4, 900, 250)])
    stage = world.close(first)

    def attempt(energy: int) -> None:
        trades = stage.trades_with(0, energy=energy, price=100_000_000)
        world.attempt(STRANGER, "clear", first, stage.book_words, trades, b"")

    attempt(500)
    with reverts(exchange, "LineOverloaded", position=0, energyWh=501, capacityWh=500):
        attempt(501)


def test_a_manager_lets_its_members_trade_within_their_capacities(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    lenient = deploy_mock(world.chain, STRANGER, "MockMechanism")
    first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
    mill = manager_index(1)
    lines = [
        Line(first=0, second=mill, distance=Meters(1000), capacity=Wh(500)),
        Line(first=5, second=mill, distance=Meters(0)),
        Line(first=3, second=manager_index(2), distance=Meters(0)),
    ]
    rows, row_words = rows_of(lines, PROSUMERS)
    lease = world.deployment.line_lease
    world.send(ROLES.operator, "announceMechanism", lenient.address, first)
    world.send(ROLES.provider, "announceLines", rows, row_words, first, on=lease)
    words = capacity_words(lines, rows, row_words)
    world.send(ROLES.provider, "announceCapacities", words, first, on=lease)
    travel_to(starts_at(Slot(first - 4)))
    world.place(first, [an_offer(1, 1000, 80), a_bid(6, 900, 250), a_bid(4, 900, 250)])
    stage = world.close(first)

    def attempt(times: int = 1, **changes: Any) -> None:
        trade = Trade(
            offer=0,
            bid=1,
            energy=Wh(500),
            price=REAL_TIME_PRICE,
            fee=MicroUsdPerMwh(5_000_000),
            pooled=True,
        )
        trades = times * [replace(trade, price=MicroUsdPerMwh(100_000_000), **changes).pack()]
        world.attempt(STRANGER, "clear", first, stage.book_words, trades, b"")

    attempt()
    with reverts(exchange, "LineOverloaded", position=0, energyWh=501, capacityWh=500):
        attempt(energy=Wh(501))
    with reverts(exchange, "WrongFee", position=0, fee=0, expected=5_000_000):
        attempt(fee=MicroUsdPerMwh(0))
    with reverts(exchange, "TradesNotAscending", position=1):
        attempt(times=2, energy=Wh(200))
    for other in ({"bid": 2}, {"bid": 0}, {"offer": 1}, {"bid": 3}, {"pooled": False}):
        with reverts(exchange, "NoLine", position=0):
            attempt(**other)


def test_a_ladder_changes_the_fees_of_its_slots_alone(world: World, line_lease: Contract) -> None:
    first = slot_at(world.chain.now()) + OPEN_SLOTS + 1
    before = line_lease.functions.ladderOf(first).call()

    world.send(ROLES.provider, "announceLadder", LADDER_FIELDS, first, on=line_lease)

    assert line_lease.functions.ladderOf(first - 1).call() == before
    assert list(line_lease.functions.ladderOf(first).call()) == list(LADDER_FIELDS)
    assert line_lease.functions.feeOf(first - 1, 1, 4).call() == 5_000_000
    assert line_lease.functions.feeOf(first, 1, 4).call() == 9_045_000
