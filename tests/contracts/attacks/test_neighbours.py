"""Two participants' accounts share a word; neither can reach into the other's half."""

import pytest
from eth_account.signers.local import LocalAccount
from web3.contract import Contract

from oracle.chain.signatures import sign_storage_reading
from oracle.domain.clock import starts_at
from oracle.model.settlement import payment
from oracle.units import SLOT_SECONDS, MicroUsd, Wh
from tests.contracts.markets import (
    BOND,
    COMPENSATION,
    DEPOSIT,
    FIRST_SLOT,
    ROLES,
    STRANGER,
    World,
    a_bid,
    an_offer,
    owner_of,
)

pytestmark = pytest.mark.contract


def hand_over(world: World, role: Contract, holder: LocalAccount, heir: LocalAccount) -> None:
    world.send(holder, "transferOwnership", heir.address, on=role)
    world.send(heir, "acceptOwnership", on=role)


def free(world: World, participant: int) -> int:
    return world.market.account(owner_of(participant).address).free


@pytest.mark.parametrize("line_owner", [1, 2, 4])
def test_fees_and_sales_meet_in_one_word(world: World, line_owner: int) -> None:
    """The line owner is the seller, its neighbour, or the buyer; each gets all that is its own."""
    hand_over(world, world.deployment.line_lease, ROLES.provider, owner_of(line_owner))
    stage = world.cleared([an_offer(1, 1000, 100), a_bid(4, 1000, 300)])
    world.read(stage.slot, {1: 1000})
    money, before = world.money(), {number: free(world, number) for number in (1, 2, 3, 4)}

    (trade,) = world.settle(stage)

    paid = payment(trade, COMPENSATION)
    expected = {1: paid.goods, 2: 0, 3: 0, 4: -paid.goods - paid.fee}
    locks = {order.participant: order.lock(BOND) for order in stage.book}
    expected = {number: change + locks.get(number, 0) for number, change in expected.items()}
    expected[line_owner] += paid.fee
    assert {number: free(world, number) - before[number] for number in before} == expected
    assert paid.fee > 0
    assert world.money() == money


def test_a_deposit_and_a_withdrawal_leave_the_neighbour_its_money(world: World) -> None:
    money = world.money()
    world.market.deposit(owner_of(1), MicroUsd(5))
    world.market.withdraw(owner_of(2), MicroUsd(DEPOSIT))

    assert (free(world, 1), free(world, 2)) == (DEPOSIT + 5, 0)
    assert world.money() == money + 5 - DEPOSIT


def test_neighbours_order_and_cancel_each_for_itself(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 100), an_offer(2, 1000, 100)])

    world.market.cancel(owner_of(1), slot)

    live = [exchange.functions.hasOrder(owner_of(n).address, slot).call() for n in (1, 2, 3)]
    assert live == [False, True, False]


def test_one_neighbours_spent_nonces_are_not_the_others(world: World) -> None:
    world.market.spend_nonces(owner_of(1), 9)

    skipped = world.post(world.open_slot, [an_offer(1, 1000, 100), an_offer(2, 1000, 100)])

    assert skipped == ["NonceSpent"]
    assert world.market.nonce(owner_of(2).address) == 0


def test_the_compensation_moves_between_two_halves_of_a_word(world: World) -> None:
    """Operator and storage provider are neighbours: what one pays the other gets, once."""
    world.now_runs_at(starts_at(FIRST_SLOT) + SLOT_SECONDS)
    signature = sign_storage_reading(
        ROLES.storage_meter,
        world.market.storage_domain,
        slot=FIRST_SLOT,
        charge=Wh(1000),
        discharge=Wh(0),
    )
    world.market.record_storage(STRANGER, FIRST_SLOT, Wh(1000), Wh(0), signature)
    hand_over(world, world.deployment.storage_ledger, ROLES.provider, owner_of(3))
    hand_over(world, world.exchange, ROLES.operator, owner_of(4))
    owed = world.deployment.storage_ledger.functions.compensationEarned().call()

    world.send(STRANGER, "payCompensation")

    assert owed > 0
    assert (free(world, 3), free(world, 4)) == (DEPOSIT + owed, DEPOSIT - owed)
