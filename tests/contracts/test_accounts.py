"""Money in, money out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from web3.contract import Contract

from oracle.domain.clock import starts_at
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, amount_up
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    DEPOSIT,
    LATECOMER,
    REAL_TIME_PRICE,
    ROLES,
    SCORES,
    STRANGER,
    World,
    an_offer,
    owner_of,
)
from tests.contracts.revertible import deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

MAX_MONEY = 2**50 - 1
WEEK = 7 * 24 * 3600


def test_a_deposit_is_credited_and_enrols_its_owner(world: World) -> None:
    account = world.market.account(owner_of(1).address)

    assert (account.free, account.locked) == (DEPOSIT, 0)
    assert account.participant == 1
    assert account.score == SCORES[0]


def test_a_stranger_pays_in_and_out_without_a_number(world: World) -> None:
    world.market.deposit(STRANGER, MicroUsd(5))

    world.market.withdraw(STRANGER, MicroUsd(5))

    assert world.market.account(STRANGER.address).participant == 0
    assert world.market.account(STRANGER.address).free == 0
    assert world.market.token_balance(STRANGER.address) == 5


def test_all_that_is_free_can_be_withdrawn_and_not_a_micro_dollar_more(
    world: World, exchange: Contract
) -> None:
    owner = owner_of(1)

    with reverts(exchange, "InsufficientFree", freeMicroUsd=DEPOSIT, neededMicroUsd=DEPOSIT + 1):
        world.attempt(owner, "withdraw", DEPOSIT + 1)
    world.market.withdraw(owner, DEPOSIT)

    assert world.market.account(owner.address).free == 0
    assert world.market.token_balance(owner.address) == DEPOSIT


def test_a_buyer_cannot_withdraw_from_under_the_settlement(
    world: World, exchange: Contract
) -> None:
    stage = world.cleared()
    buyer = owner_of(4)
    lock = amount_up(stage.book[1].energy, stage.book[1].price)

    with reverts(
        exchange,
        "InsufficientFree",
        freeMicroUsd=DEPOSIT - lock,
        neededMicroUsd=DEPOSIT - lock + 1,
    ):
        world.attempt(buyer, "withdraw", DEPOSIT - lock + 1)
    world.market.withdraw(buyer, MicroUsd(DEPOSIT - lock))

    assert world.market.account(buyer.address).locked == lock


@pytest.mark.parametrize("moment", ["open", "closed", "cleared", "over", "settled"])
def test_what_is_free_can_be_withdrawn_at_any_time(world: World, moment: str) -> None:
    slot = world.open_slot
    lock = 0
    if moment == "open":
        world.place(slot, [an_offer(1, 1000, 80)])
    else:
        stage = world.closed() if moment == "closed" else world.cleared()
        slot = stage.slot
    if moment == "over":
        world.now_runs_at(starts_at(slot) + 100 * SLOT_SECONDS)
    if moment == "settled":
        world.read(slot, stage.sold())
        world.settle(stage)
    else:
        energy = 1000 if moment == "open" else 10_000
        lock = energy * BOND // 1_000_000
    account = world.market.account(owner_of(1).address)

    world.market.withdraw(owner_of(1), account.free)

    assert account.locked == lock
    assert account.free + account.locked >= DEPOSIT
    assert world.market.token_balance(owner_of(1).address) == account.free


def test_no_deposit_without_the_tokens(world: World) -> None:
    token = world.deployment.token

    with reverts(token, "ERC20InsufficientAllowance", allowance=0, needed=1):
        world.attempt(STRANGER, "deposit", 1)
    world.send(STRANGER, "approve", world.exchange.address, 1, on=token)
    with reverts(token, "ERC20InsufficientBalance", balance=0, needed=1):
        world.attempt(STRANGER, "deposit", 1)


def test_the_exchange_holds_at_most_what_one_account_can(world: World, exchange: Contract) -> None:
    room = MAX_MONEY - world.market.token_balance(exchange.address)
    token = world.deployment.token
    world.send(STRANGER, "mint", STRANGER.address, room + 1, on=token)
    world.send(STRANGER, "approve", exchange.address, room + 1, on=token)

    with reverts(exchange, "ExchangeFull", heldMicroUsd=MAX_MONEY + 1, maximumMicroUsd=MAX_MONEY):
        world.attempt(STRANGER, "deposit", room + 1)
    world.send(STRANGER, "deposit", room)

    assert world.market.account(STRANGER.address).free == room


def test_a_token_that_keeps_a_fee_credits_what_arrived(world: World) -> None:
    token = deploy_mock(world.chain, STRANGER, "MockFeeToken")
    exchange = world.deploy_exchange(token=token)
    world.send(STRANGER, "mint", STRANGER.address, 1000, on=token)
    world.send(STRANGER, "approve", exchange.address, 1000, on=token)

    world.send(STRANGER, "deposit", 1000, on=exchange)

    assert exchange.functions.accountOf(STRANGER.address).call()[0] == 990
    assert token.functions.balanceOf(exchange.address).call() == 990
    with reverts(exchange, "InsufficientFree", freeMicroUsd=990, neededMicroUsd=991):
        world.attempt(STRANGER, "withdraw", 991, on=exchange)


def test_a_token_that_answers_false_moves_no_account(world: World) -> None:
    token = deploy_mock(world.chain, STRANGER, "MockFalseToken")
    exchange = world.deploy_exchange(token=token)
    world.send(STRANGER, "mint", STRANGER.address, 1000, on=token)
    world.send(STRANGER, "approve", exchange.address, 1000, on=token)
    world.send(STRANGER, "deposit", 600, on=exchange)
    world.send(STRANGER, "setFailing", True, on=token)

    with reverts(exchange, "SafeERC20FailedOperation", token=token.address):
        world.attempt(STRANGER, "deposit", 1, on=exchange)
    with reverts(exchange, "SafeERC20FailedOperation", token=token.address):
        world.attempt(STRANGER, "withdraw", 1, on=exchange)

    assert exchange.functions.accountOf(STRANGER.address).call()[0] == 600


@pytest.mark.parametrize("call", ["deposit", "withdraw"])
@pytest.mark.parametrize("callback", ["deposit", "withdraw"])
def test_a_token_that_calls_back_is_refused(world: World, call: str, callback: str) -> None:
    token = deploy_mock(world.chain, STRANGER, "MockReentrantToken")
    exchange = world.deploy_exchange(token=token)
    world.send(STRANGER, "mint", token.address, 1000, on=token)
    deposit = exchange.encode_abi("deposit", [500])
    world.send(STRANGER, "act", exchange.address, deposit, b"", on=token)

    with reverts(exchange, "ReentrancyGuardReentrantCall"):
        world.attempt(
            STRANGER,
            "act",
            exchange.address,
            exchange.encode_abi(call, [1]),
            exchange.encode_abi(callback, [1]),
            on=token,
        )

    assert exchange.functions.accountOf(token.address).call()[0] == 500


@pytest.mark.parametrize(
    "change",
    [{"memory": 9601}, {"compensation": BOND + 1}, {"full_value": 0}, {"challenge": WEEK + 1}],
    ids=["memory too long", "compensation above the bond", "no full value", "endless challenge"],
)
def test_rules_that_contradict_each_other_are_refused(
    world: World, exchange: Contract, change: dict[str, Any]
) -> None:
    with reverts(exchange, "BadRules"):
        world.deploy_exchange(**change)


def test_rules_at_their_limits_are_accepted(world: World) -> None:
    exchange = world.deploy_exchange(memory=9600, compensation=BOND, full_value=1, challenge=WEEK)

    assert exchange.functions.memoryBps().call() == 9600
    assert exchange.functions.compensationMicroUsdPerMwh().call() == BOND
    assert exchange.functions.bondMicroUsdPerMwh().call() == BOND
    assert exchange.functions.fullValueMicroUsd().call() == 1


def test_the_exchange_says_what_it_is_made_of(world: World, exchange: Contract) -> None:
    contracts = world.deployment

    assert exchange.functions.token().call() == contracts.token.address
    assert exchange.functions.registry().call() == contracts.registry.address
    assert exchange.functions.lineLease().call() == contracts.line_lease.address
    assert exchange.functions.storageLedger().call() == contracts.storage_ledger.address
    assert exchange.functions.owner().call() == ROLES.operator.address
    assert exchange.functions.compensationMicroUsdPerMwh().call() == COMPENSATION
    assert exchange.functions.realTimePriceOf(0).call() == REAL_TIME_PRICE
    assert exchange.functions.eip712Domain().call()[1:5] == [
        "Wattline Exchange",
        "1",
        world.chain.chain_id,
        exchange.address,
    ]


@pytest.mark.parametrize("signed", [False, True])
def test_a_latecomer_that_paid_in_first_is_enrolled_by_its_first_order(
    world: World, registry: Contract, travel_to: Callable[[int], None], signed: bool
) -> None:
    world.market.deposit(LATECOMER, MicroUsd(1_000_000))
    first = Slot(world.open_slot + 20)
    joining = [(LATECOMER.address, LATECOMER.address, 0, 8000)]
    world.send(ROLES.registrar, "register", joining, first, on=registry)
    travel_to(starts_at(first) - 2 * 3600)

    if signed:
        offer = replace(an_offer(1, 1000, 80), participant=7)
        world.post_alone(first, world.sign(first, offer, key=LATECOMER))
    else:
        world.send(LATECOMER, "placeOffer", first, 1000, 80, 0)

    account = world.market.account(LATECOMER.address)
    assert (account.participant, account.score) == (7, 8000)
    assert world.market.book(first)[0].participant == 7
    assert world.market.book(first)[0].score == 8000
