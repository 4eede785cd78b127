"""Tokens that lie, keep a share or call back, whatever they call."""

from typing import Any

import pytest
from web3.contract import Contract

from tests.contracts.markets import DEPOSIT, ROLES, STRANGER, World
from tests.contracts.revertible import deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


@pytest.fixture
def token(world: World) -> Contract:
    return deploy_mock(world.chain, STRANGER, "MockReentrantToken")


@pytest.fixture
def exchange(world: World, token: Contract) -> Contract:
    """An exchange on that token, in which the token itself has 500."""
    exchange = world.deploy_exchange(token=token)
    world.send(STRANGER, "mint", token.address, 1000, on=token)
    act(world, token, exchange, ("deposit", [500]), None)
    return exchange


Call = tuple[str, list[Any]]


def act(
    world: World, token: Contract, exchange: Contract, call: Call, callback: Call | None
) -> None:
    data = exchange.encode_abi(call[0], call[1])
    back = exchange.encode_abi(callback[0], callback[1]) if callback else b""
    world.send(STRANGER, "act", exchange.address, data, back, on=token)


def test_money_that_is_on_its_way_out_is_gone_from_the_account(
    world: World, token: Contract, exchange: Contract
) -> None:
    with reverts(exchange, "ReentrancyGuardReentrantCall"):
        act(world, token, exchange, ("withdraw", [500]), ("withdraw", [500]))

    act(world, token, exchange, ("withdraw", [500]), None)
    assert exchange.functions.accountOf(token.address).call()[0] == 0


@pytest.mark.parametrize("call", [("withdraw", [100]), ("deposit", [100])], ids=lambda c: c[0])
def test_a_callback_into_what_moves_no_tokens_moves_no_money(
    world: World, token: Contract, exchange: Contract, call: Call
) -> None:
    act(world, token, exchange, call, ("payCompensation", []))

    free = exchange.functions.accountOf(token.address).call()[0]
    assert free == (400 if call[0] == "withdraw" else 600)
    assert token.functions.balanceOf(exchange.address).call() == free


def test_a_callback_orders_with_what_is_in_the_account_only(
    world: World, token: Contract, exchange: Contract
) -> None:
    with reverts(exchange, "NotAParticipant", owner=token.address):
        slot = world.open_slot
        act(world, token, exchange, ("deposit", [100]), ("placeBid", [slot, 1, 1, 0]))


def test_a_withdrawal_that_the_token_refuses_changes_nothing(world: World) -> None:
    token = deploy_mock(world.chain, STRANGER, "MockFalseToken")
    exchange = world.deploy_exchange(token=token)
    world.send(STRANGER, "mint", STRANGER.address, 1000, on=token)
    world.send(STRANGER, "approve", exchange.address, 1000, on=token)
    world.send(STRANGER, "deposit", 600, on=exchange)
    world.send(STRANGER, "setFailing", True, on=token)

    with reverts(exchange, "SafeERC20FailedOperation", token=token.address):
        world.send(STRANGER, "withdraw", 600, on=exchange)

    world.send(STRANGER, "setFailing", False, on=token)
    world.send(STRANGER, "withdraw", 600, on=exchange)
    assert token.functions.balanceOf(STRANGER.address).call() == 1000


def test_a_token_that_keeps_a_fee_never_leaves_more_claims_than_tokens(world: World) -> None:
    token = deploy_mock(world.chain, STRANGER, "MockFeeToken")
    exchange = world.deploy_exchange(token=token)
    for account, amount in ((STRANGER, 1000), (ROLES.operator, 777)):
        world.send(STRANGER, "mint", account.address, amount, on=token)
        world.send(account, "approve", exchange.address, amount, on=token)
        world.send(account, "deposit", amount, on=exchange)

    claims = [
        exchange.functions.accountOf(account.address).call()[0]
        for account in (STRANGER, ROLES.operator)
    ]
    assert claims == [990, 770]
    assert token.functions.balanceOf(exchange.address).call() == sum(claims)
    world.send(STRANGER, "withdraw", 990, on=exchange)
    world.send(ROLES.operator, "withdraw", 770, on=exchange)
    assert token.functions.balanceOf(exchange.address).call() == 0
    assert world.money() == 7 * DEPOSIT
