"""Oracles that lie, race, die or never come; and roles whose keys have leaked."""

from collections.abc import Callable

import pytest
from web3.contract import Contract

from oracle.chain.market import Market, Phase, SignedReading
from oracle.domain.clock import OPEN_SLOTS, READING_SECONDS, slot_at, starts_at
from oracle.errors import ContractRevert
from oracle.market.mechanism import Mechanism
from oracle.market.pairwise_nash import PairwiseNash
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, Wh
from tests.contracts.markets import (
    BOND,
    CHALLENGE_SECONDS,
    DEPOSIT,
    LATECOMER,
    PROSUMERS,
    ROLES,
    STRANGER,
    World,
    a_book,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def an_oracle(world: World, *, key: object = LATECOMER) -> RoundRunner:
    """An oracle that knows nothing but the chain."""
    mechanisms: dict[str, Mechanism] = {world.deployment.mechanism.address: PairwiseNash()}
    return RoundRunner(Market(world.chain, world.deployment), key, mechanisms)  # type: ignore[arg-type]


def money(world: World) -> list[object]:
    return [world.market.account(person) for person in world.people()]


def test_of_two_oracles_that_race_one_wins_and_the_other_goes_on(world: World) -> None:
    stage = world.closed()
    first, second = an_oracle(world, key=STRANGER), an_oracle(world)

    won = first.clear(stage.slot)
    with pytest.raises(ContractRevert) as lost:
        second.clear(stage.slot)
    world.read(stage.slot, stage.sold())
    settled = second.settle(stage.slot)
    with pytest.raises(ContractRevert) as late:
        first.settle(stage.slot)

    assert lost.value.name == late.value.name == "WrongPhase"
    assert lost.value.values["phase"] == Phase.CLEARED
    assert late.value.values["phase"] == Phase.SETTLED
    assert won is not None
    assert second.outcome(stage.slot) == settled == first.outcome(stage.slot)


@pytest.mark.parametrize("dies_after", ["post", "clear", "read"])
def test_a_stranger_ends_the_slot_of_an_oracle_that_died_with_the_same_money(
    world: World, dies_after: str
) -> None:
    results = []
    for interrupted in (False, True):
        mark = world.mark()
        slot = world.open_slot
        world.post(slot, a_book())
        stage = world.close(slot)
        oracle = an_oracle(world, key=STRANGER)
        if interrupted and dies_after == "post":
            oracle = an_oracle(world)
        oracle.clear(slot)
        if interrupted and dies_after == "clear":
            oracle = an_oracle(world)
        world.read(slot, stage.sold())
        if interrupted and dies_after == "read":
            oracle = an_oracle(world)
        oracle.settle(slot)
        results.append(money(world))
        world.put_back(mark)

    assert results[0] == results[1]


def test_an_oracle_that_never_comes_holds_no_money(world: World) -> None:
    stage = world.closed()
    world.now_runs_at(starts_at(stage.slot))

    world.market.void(LATECOMER, stage.slot, stage.book)

    for number in range(1, PROSUMERS + 1):
        account = world.market.account(owner_of(number).address)
        assert (account.free, account.locked) == (DEPOSIT, 0)
        world.market.withdraw(owner_of(number), DEPOSIT)


def test_what_was_cleared_cannot_be_made_void_by_waiting(
    world: World, exchange: Contract, travel_to: Callable[[int], None]
) -> None:
    stage = world.cleared()

    travel_to(starts_at(stage.slot) + 100 * SLOT_SECONDS)

    with reverts(exchange, "WrongPhase", phase=Phase.CLEARED):
        world.attempt(STRANGER, "void", stage.slot, stage.book_words)
    world.settle(stage)


def test_a_settlement_overtaken_by_a_reading_is_tried_again(world: World) -> None:
    """A stranger takes a reading out of a pending settlement and records it first."""

    class Overtaken(Market):
        left: list[SignedReading]

        def readings(self, slot: Slot) -> list[int]:
            entries = super().readings(slot)
            if self.left:
                self.record_readings(STRANGER, slot, [self.left.pop()])
            return entries

    stage = world.cleared()
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    readings = [world.reading(stage.slot, n, energy) for n, energy in stage.sold().items()]
    market = Overtaken(world.chain, world.deployment)
    market.left = list(readings)
    oracle = RoundRunner(market, LATECOMER, {world.deployment.mechanism.address: PairwiseNash()})

    settled = oracle.settle(stage.slot, readings)

    assert market.left == []
    assert settled is not None
    assert [trade.delivered for trade in settled.trades] == [t.energy for t in stage.trades]


def test_a_settlement_overtaken_by_a_reading_costs_little(world: World) -> None:
    stage = world.cleared()
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    readings = [world.reading(stage.slot, n, energy) for n, energy in stage.sold().items()]
    data = world.exchange.encode_abi(
        "settle",
        [
            stage.slot,
            stage.book_words,
            stage.trade_words,
            [],
            [reading.fields() for reading in readings],
        ],
    )
    world.market.record_readings(STRANGER, stage.slot, readings[:1])

    sent = world.chain.w3.eth.send_transaction(
        {
            "from": world.chain.w3.eth.accounts[0],
            "to": world.exchange.address,
            "data": data,
            "gas": 1_000_000,
        }
    )

    receipt = world.chain.w3.eth.get_transaction_receipt(sent)
    bytes_gas = sum(16 if byte else 4 for byte in bytes.fromhex(data[2:]))
    assert receipt["status"] == 0
    assert receipt["gasUsed"] < 21_000 + bytes_gas + 25_000


def test_a_leaked_operator_key_moves_no_money_but_its_own(world: World) -> None:
    """What it may do here: announce ahead, and pause."""
    slot = world.open_slot
    world.place(slot, a_book())
    before = [world.market.account(owner_of(n).address) for n in range(1, PROSUMERS + 1)]
    first = slot_at(world.chain.now()) + OPEN_SLOTS + 1

    world.send(ROLES.operator, "announceRealTimePrices", [first], [0])
    world.market.pause(ROLES.operator)
    world.market.pay_compensation(ROLES.operator)

    assert before == [world.market.account(owner_of(n).address) for n in range(1, PROSUMERS + 1)]
    for number in range(1, PROSUMERS + 1):
        free = world.market.account(owner_of(number).address).free
        world.market.withdraw(owner_of(number), free)


def test_a_leaked_operator_key_changes_no_slot_that_is_open(
    world: World, exchange: Contract
) -> None:
    last = slot_at(world.chain.now()) + OPEN_SLOTS

    with reverts(exchange, "AnnouncedTooLate"):
        world.attempt(ROLES.operator, "announceRealTimePrices", [last], [0])
    with reverts(exchange, "AnnouncedTooLate"):
        world.attempt(ROLES.operator, "announceMechanism", world.deployment.mechanism.address, last)


@pytest.mark.parametrize("said", [0, 500, 100_000])
def test_a_leaked_operator_key_moves_at_most_what_a_slot_has_locked(
    watched: World, said: int
) -> None:
    """Where the rules leave time for corrections, it decides what was delivered, at most."""
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    for number in stage.sold():
        watched.market.correct_reading(ROLES.operator, stage.slot, number, Wh(said))
    locks = {order.participant: order.lock(BOND) for order in stage.book}
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + READING_SECONDS + CHALLENGE_SECONDS)

    watched.settle(stage)

    for number, lock in locks.items():
        assert watched.market.account(owner_of(number).address).free >= DEPOSIT - lock
    assert watched.market.account(ROLES.operator.address).free == DEPOSIT


@pytest.mark.parametrize("contract", ["exchange", "line_lease", "registry", "storage_ledger"])
def test_a_role_is_not_taken_by_whom_it_was_not_given(world: World, contract: str) -> None:
    role: Contract = getattr(world.deployment, contract)
    holder = role.functions.owner().call()
    key = next(k for k in (ROLES.operator, ROLES.provider, ROLES.registrar) if k.address == holder)
    world.send(key, "transferOwnership", LATECOMER.address, on=role)

    with reverts(role, "OwnableUnauthorizedAccount", account=STRANGER.address):
        world.attempt(STRANGER, "acceptOwnership", on=role)
    assert role.functions.owner().call() == holder
    world.send(key, "transferOwnership", key.address, on=role)
    with reverts(role, "OwnableUnauthorizedAccount", account=LATECOMER.address):
        world.attempt(LATECOMER, "acceptOwnership", on=role)


def test_an_operator_without_money_does_not_stop_the_market(
    world: World, exchange: Contract
) -> None:
    world.market.withdraw(ROLES.operator, DEPOSIT)
    stage = world.cleared()
    world.read(stage.slot, stage.sold())

    world.settle(stage)

    assert world.market.phase(stage.slot) is Phase.SETTLED


def test_an_operator_does_not_slash_after_the_settlement(
    watched: World,
) -> None:
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + 3600 + 1800)
    watched.settle(stage)

    with reverts(watched.exchange, "OutsideReadingTime"):
        watched.attempt(ROLES.operator, "correctReading", stage.slot, 1, 0)


def test_an_operators_correction_never_takes_more_than_the_bond(watched: World) -> None:
    stage = watched.cleared()
    locked = watched.market.account(owner_of(1).address).locked
    watched.read(stage.slot, stage.sold())
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(0))
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + 3600 + 1800)

    watched.settle(stage)

    account = watched.market.account(owner_of(1).address)
    assert account.free >= DEPOSIT - locked
    assert watched.money() == 7 * DEPOSIT


def test_a_correction_moves_no_money_to_the_operator(watched: World) -> None:
    stage = watched.cleared()
    watched.read(stage.slot, stage.sold())
    watched.market.correct_reading(ROLES.operator, stage.slot, 1, Wh(0))
    watched.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS + 3600 + 1800)

    watched.settle(stage)

    assert watched.market.account(ROLES.operator.address).free == DEPOSIT


def test_a_strangers_money_is_no_part_of_any_slot(world: World) -> None:
    world.market.deposit(STRANGER, MicroUsd(77))
    stage = world.cleared()
    world.read(stage.slot, {1: 0, 2: 0, 3: 0})
    world.settle(stage)

    world.market.withdraw(STRANGER, MicroUsd(77))

    assert world.market.account(STRANGER.address).free == 0


def test_an_outcome_of_another_slot_with_the_same_book_is_still_its_own(
    world: World, exchange: Contract
) -> None:
    """Equal books make equal hashes: nothing of one slot settles the other before it is cleared."""
    first = world.closed()
    world.clear(first)
    second = Slot(first.slot + 4)
    world.now_runs_at(starts_at(Slot(second - 8)))

    with reverts(exchange, "WrongPhase", slot=second):
        world.attempt(STRANGER, "settle", second, first.book_words, first.trade_words, [], [])
