"""Sealed rounds: seals until the gate closes, orders after it, the bonds of the silent shared."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from oracle.chain.market import Phase, SealedOrder
from oracle.domain.book import Kind, Order
from oracle.domain.clock import (
    GATE_CLOSURE_SECONDS,
    OPEN_SLOTS,
    READING_SECONDS,
    slot_at,
    starts_at,
)
from oracle.units import SLOT_SECONDS, Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh, amount_up
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    DEPOSIT,
    FULL_VALUE,
    MEMORY,
    PRICE_CAP,
    PROSUMERS,
    REAL_TIME_PRICE,
    ROLES,
    SCORES,
    SEAL_BOND,
    STRANGER,
    Stage,
    World,
    a_bid,
    a_book,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

REVEAL_SECONDS = 600


def sealed_order(order: Order) -> SealedOrder:
    return SealedOrder(order=order, salt=order.participant.to_bytes(32, "big"))


def commit(world: World, slot: Slot, orders: Sequence[Order]) -> None:
    for order in orders:
        world.market.commit(owner_of(order.participant), slot, sealed_order(order))


def reveal(world: World, slot: Slot, orders: Sequence[Order]) -> None:
    """Let a stranger who knows the salts open the seals."""
    for order in orders:
        owner = owner_of(order.participant).address
        world.market.reveal(STRANGER, owner, slot, sealed_order(order))


def close_gate(world: World, slot: Slot) -> None:
    world.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)


def staged(world: World, slot: Slot) -> Stage:
    """Let the window of reveals end and compute the outcome."""
    world.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS + REVEAL_SECONDS)
    stage = world.close(slot)
    return stage


def reveal_arguments(slot: Slot, order: Order, *, owner: LocalAccount | None = None) -> list[Any]:
    sealed = sealed_order(order)
    address = (owner or owner_of(order.participant)).address
    return [slot, address, int(order.kind), order.energy, order.price, order.terms, sealed.salt]


def free(world: World) -> list[int]:
    owners = [owner_of(number).address for number in range(1, PROSUMERS + 1)]
    return [world.market.account(owner).free for owner in owners]


def test_a_seal_stakes_the_bond_and_says_nothing_else(sealed: World) -> None:
    slot = sealed.open_slot

    commit(sealed, slot, [an_offer(1, 1000, 80)])

    account = sealed.market.account(owner_of(1).address)
    assert (account.free, account.locked) == (DEPOSIT - SEAL_BOND, 0)
    assert sealed.market.book(slot) == ()
    assert sealed.exchange.functions.sealsOf(slot).call() == [1, 0]
    assert sealed.exchange.functions.hasOrder(owner_of(1).address, slot).call()


def test_a_reveal_gives_the_bond_back_and_takes_the_lock(sealed: World) -> None:
    slot = sealed.open_slot
    offer, bid = an_offer(1, 1000, 80), a_bid(4, 1000, 250)
    commit(sealed, slot, [offer, bid])
    close_gate(sealed, slot)

    reveal(sealed, slot, [bid, offer])

    assert sealed.market.book(slot) == (
        replace(bid, score=Bps(5000)),
        replace(offer, score=SCORES[0]),
    )
    for order in (offer, bid):
        price = BOND if order.kind is Kind.OFFER else order.price
        lock = amount_up(order.energy, price)
        account = sealed.market.account(owner_of(order.participant).address)
        assert (account.free, account.locked) == (DEPOSIT - lock, lock)
    assert sealed.exchange.functions.sealsOf(slot).call() == [2, 2]


def test_a_sealed_round_clears_and_settles_like_an_open_one(sealed: World, world: World) -> None:
    slot = sealed.open_slot
    commit(sealed, slot, a_book())
    close_gate(sealed, slot)
    reveal(sealed, slot, a_book())
    stage = staged(sealed, slot)
    sealed.clear(stage)
    sealed.read(slot, stage.sold())
    open_stage = world.cleared()
    world.read(open_stage.slot, open_stage.sold())

    settled = sealed.settle(stage)

    assert settled == world.settle(open_stage)
    assert free(sealed) == free(world)


def test_orders_are_revealed_for_ten_minutes_after_the_gate(
    sealed: World, travel_sealed_to: Callable[[int], None]
) -> None:
    slot = sealed.open_slot
    offer = an_offer(1, 1000, 80)
    commit(sealed, slot, [offer])
    opens_at = starts_at(slot) - GATE_CLOSURE_SECONDS
    closes_at = opens_at + REVEAL_SECONDS
    arguments = reveal_arguments(slot, offer)

    def refused() -> None:
        with reverts(
            sealed.exchange, "OutsideRevealTime", slot=slot, opensAt=opens_at, closesAt=closes_at
        ):
            sealed.attempt(STRANGER, "reveal", *arguments)

    travel_sealed_to(opens_at - 1)
    refused()
    travel_sealed_to(opens_at)
    sealed.attempt(STRANGER, "reveal", *arguments)
    travel_sealed_to(closes_at - 1)
    sealed.attempt(STRANGER, "reveal", *arguments)
    travel_sealed_to(closes_at)
    refused()


@pytest.fixture
def travel_sealed_to(sealed: World) -> Callable[[int], None]:
    return sealed.now_runs_at


def test_a_sealed_slot_is_cleared_after_the_reveals_only(
    sealed: World, travel_sealed_to: Callable[[int], None]
) -> None:
    slot = sealed.open_slot
    commit(sealed, slot, [an_offer(1, 1000, 80)])
    close_gate(sealed, slot)
    reveal(sealed, slot, [an_offer(1, 1000, 80)])
    book = [order.pack() for order in sealed.market.book(slot)]
    clears_from = starts_at(slot) - GATE_CLOSURE_SECONDS + REVEAL_SECONDS

    travel_sealed_to(clears_from - 1)
    with reverts(sealed.exchange, "GateOpen", slot=slot, closesAt=clears_from):
        sealed.attempt(STRANGER, "clear", slot, book, [], b"\0")
    travel_sealed_to(clears_from)
    sealed.attempt(STRANGER, "clear", slot, book, [], b"\0")


def test_seals_are_taken_while_the_slot_is_open(
    sealed: World, travel_sealed_to: Callable[[int], None]
) -> None:
    slot = sealed.open_slot
    last = slot_at(sealed.chain.now()) + OPEN_SLOTS
    closes_at = starts_at(slot) - GATE_CLOSURE_SECONDS

    with reverts(sealed.exchange, "NotOpenYet", slot=last + 1, lastOpen=last):
        sealed.attempt(owner_of(1), "commit", last + 1, b"\1" * 32)
    travel_sealed_to(closes_at - 1)
    sealed.attempt(owner_of(1), "commit", slot, b"\1" * 32)
    travel_sealed_to(closes_at)
    with reverts(sealed.exchange, "GateClosed", slot=slot, closedAt=closes_at):
        sealed.attempt(owner_of(1), "commit", slot, b"\1" * 32)


def test_only_participants_seal_and_once_a_slot(sealed: World) -> None:
    slot = sealed.open_slot
    commit(sealed, slot, [an_offer(1, 1000, 80)])

    with reverts(sealed.exchange, "OrderExists", slot=slot):
        sealed.attempt(owner_of(1), "commit", slot, b"\1" * 32)
    with reverts(sealed.exchange, "NotAParticipant", owner=STRANGER.address):
        sealed.attempt(STRANGER, "commit", slot, b"\1" * 32)
    with reverts(sealed.exchange, "NoSeal", owner=owner_of(2).address, slot=slot):
        sealed.attempt(owner_of(2), "commit", slot, bytes(32))
    sealed.attempt(owner_of(1), "commit", slot + 1, b"\1" * 32)


def test_a_seal_needs_the_money_of_its_bond(sealed: World) -> None:
    owner = owner_of(1)
    sealed.market.withdraw(owner, MicroUsd(DEPOSIT - SEAL_BOND))
    slot = sealed.open_slot

    sealed.attempt(owner, "commit", slot, b"\1" * 32)
    sealed.market.withdraw(owner, MicroUsd(1))
    with reverts(
        sealed.exchange,
        "InsufficientFree",
        freeMicroUsd=SEAL_BOND - 1,
        neededMicroUsd=SEAL_BOND,
    ):
        sealed.attempt(owner, "commit", slot, b"\1" * 32)


@pytest.mark.parametrize("silent", [(6,), (5, 6), (2, 5, 6)])
def test_the_bonds_of_the_silent_are_shared_to_the_micro_dollar(
    sealed: World, silent: tuple[int, ...]
) -> None:
    """Equal shares, and of what does not divide one micro-dollar each to the earliest."""
    slot = sealed.open_slot
    commit(sealed, slot, a_book())
    close_gate(sealed, slot)
    shown = [order for order in a_book() if order.participant not in silent]
    reveal(sealed, slot, shown)
    stage = staged(sealed, slot)
    sealed.now_runs_at(starts_at(slot))

    sealed.market.void(STRANGER, slot, stage.book)

    pot = SEAL_BOND * len(silent)
    share, rest = divmod(pot, len(shown))
    expected = dict.fromkeys(silent, DEPOSIT - SEAL_BOND)
    for position, order in enumerate(shown):
        expected[order.participant] = DEPOSIT + share + int(position < rest)
    assert free(sealed) == [expected[number] for number in range(1, PROSUMERS + 1)]
    assert sum(free(sealed)) == PROSUMERS * DEPOSIT
    assert sealed.money() == (PROSUMERS + 1) * DEPOSIT


def test_a_settlement_shares_the_bonds_as_well(sealed: World) -> None:
    slot = sealed.open_slot
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250), a_bid(5, 1000, 250)]
    commit(sealed, slot, [*orders, a_bid(6, 1000, 250)])
    close_gate(sealed, slot)
    reveal(sealed, slot, orders)
    stage = staged(sealed, slot)
    sealed.clear(stage)
    sealed.read(slot, stage.sold())

    settled = sealed.settle(stage)

    trade = settled[0]
    share, rest = divmod(SEAL_BOND, 3)
    goods, fee = (trade.energy * price // 10**6 for price in (trade.price, trade.fee))
    assert rest == 1
    assert free(sealed)[0] == DEPOSIT + goods + share + 1
    assert free(sealed)[3] == DEPOSIT - goods - fee + share
    assert free(sealed)[4] == DEPOSIT + share
    assert free(sealed)[5] == DEPOSIT - SEAL_BOND
    assert sealed.money() == (PROSUMERS + 1) * DEPOSIT


def test_where_nobody_reveals_the_line_owner_gets_the_bonds(sealed: World) -> None:
    """Else who seals alone would get its own bond back, and silence would cost nothing."""
    slot = sealed.open_slot
    commit(sealed, slot, a_book())
    sealed.now_runs_at(starts_at(slot))

    sealed.market.void(STRANGER, slot, ())

    assert sealed.market.phase(slot) is Phase.VOID
    assert free(sealed) == [DEPOSIT - SEAL_BOND] * PROSUMERS
    assert sealed.market.account(ROLES.provider.address).free == PROSUMERS * SEAL_BOND


def test_a_slot_without_seals_is_not_void(sealed: World) -> None:
    slot = sealed.open_slot
    sealed.now_runs_at(starts_at(slot))

    with reverts(sealed.exchange, "NothingRecorded", slot=slot):
        sealed.attempt(STRANGER, "void", slot, [])


def test_settlement_waits_for_nobody_to_reveal(sealed: World) -> None:
    slot = sealed.open_slot
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    commit(sealed, slot, [*orders, an_offer(2, 1000, 80), a_bid(6, 1000, 250)])
    close_gate(sealed, slot)
    reveal(sealed, slot, orders)
    stage = staged(sealed, slot)
    sealed.clear(stage)
    sealed.now_runs_at(starts_at(slot) + SLOT_SECONDS + READING_SECONDS)

    sealed.settle(stage)

    assert sealed.market.phase(slot) is Phase.SETTLED
    assert sealed.market.account(owner_of(2).address).locked == 0


def test_an_owner_withdraws_while_its_seals_stand(sealed: World) -> None:
    slot = sealed.open_slot
    commit(sealed, slot, [an_offer(1, 1000, 80)])

    sealed.market.withdraw(owner_of(1), MicroUsd(DEPOSIT - SEAL_BOND))

    assert sealed.market.token_balance(owner_of(1).address) == DEPOSIT - SEAL_BOND


def test_an_order_that_cannot_stand_stays_sealed(sealed: World) -> None:
    """What a seal hides is looked at when it opens: too dear, empty or of no kind, it costs the
    bond like any that stays shut."""
    slot = sealed.open_slot
    dear = replace(a_bid(4, 1000, 1), price=MicroUsdPerMwh(PRICE_CAP + 1))
    empty = an_offer(1, 0, 80)
    commit(sealed, slot, [dear, empty])
    fields = [slot, owner_of(2).address, 3, 0, 0, 0, b"\2" * 32]
    seal = sealed.exchange.functions.sealOf(fields[1], slot, *fields[2:]).call()
    sealed.send(owner_of(2), "commit", slot, seal)
    close_gate(sealed, slot)

    with reverts(sealed.exchange, "PriceAboveCap", price=PRICE_CAP + 1, cap=PRICE_CAP):
        sealed.attempt(STRANGER, "reveal", *reveal_arguments(slot, dear))
    with reverts(sealed.exchange, "ZeroEnergy"):
        sealed.attempt(STRANGER, "reveal", *reveal_arguments(slot, empty))
    with reverts(sealed.exchange, "NotAnOrder", kind=3):
        sealed.attempt(STRANGER, "reveal", *fields)


@pytest.mark.parametrize(
    ("bond", "fits"), [(0, False), (1, True), (2**50 - 1, True), (2**50, False)]
)
def test_a_seal_costs_something_that_an_account_can_hold(
    sealed: World, bond: int, fits: bool
) -> None:
    contracts = sealed.deployment
    rules = (PRICE_CAP, BOND, COMPENSATION, MEMORY, FULL_VALUE, 0)
    arguments = [
        ROLES.operator.address,
        contracts.token.address,
        contracts.registry.address,
        contracts.line_lease.address,
        contracts.storage_ledger.address,
        contracts.mechanism.address,
        REAL_TIME_PRICE,
        rules,
    ]

    with nullcontext() if fits else reverts(sealed.exchange, "BadRules"):
        sealed.chain.deploy(STRANGER, "SealedExchange", *arguments, bond)


def test_the_reputation_in_the_book_is_that_of_the_reveal(sealed: World) -> None:
    slot = sealed.open_slot
    early = Slot(slot - 3)
    orders = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    commit(sealed, early, orders)
    commit(sealed, slot, orders)
    close_gate(sealed, early)
    reveal(sealed, early, orders)
    stage = staged(sealed, early)
    sealed.clear(stage)
    sealed.now_runs_at(starts_at(early) + SLOT_SECONDS)
    sealed.read(early, {1: 0})
    sealed.settle(stage)
    close_gate(sealed, slot)

    reveal(sealed, slot, orders)

    score = sealed.market.account(owner_of(1).address).score
    assert score < SCORES[0]
    assert sealed.market.book(slot)[0].score == score


def test_a_lock_above_the_money_is_refused_at_the_reveal(sealed: World) -> None:
    slot = sealed.open_slot
    bid = replace(a_bid(4, 1000, 250), energy=Wh(4_000_000))
    commit(sealed, slot, [bid])
    close_gate(sealed, slot)

    with reverts(
        sealed.exchange, "InsufficientFree", freeMicroUsd=DEPOSIT, neededMicroUsd=1_000_000_000
    ):
        sealed.attempt(STRANGER, "reveal", *reveal_arguments(slot, bid))
