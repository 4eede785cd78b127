"""Oracles that are killed between or in their steps: others go on, and the money is the same."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, TxReceipt

from oracle.chain.artifacts import load_artifact
from oracle.chain.chains import AnvilChain, Chain, open_chain
from oracle.chain.deployment import Deployment
from oracle.chain.market import AccountRecord, Market, SignedOrder, SignedReading
from oracle.chain.signatures import development_key
from oracle.domain.book import Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.errors import ContractRevert
from oracle.market.mechanism import Mechanism
from oracle.market.pairwise_nash import PairwiseNash
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.contracts.markets import (
    DEPOSIT,
    PROSUMERS,
    ROLES,
    World,
    a_book,
    owner_of,
    some_terms,
)

pytestmark = [pytest.mark.contract, pytest.mark.node]

SLOTS = 2
APART = 12  # each slot is settled before the next one's orders come
ORACLE, SUCCESSOR = development_key("oracle"), development_key("successor")

Oracles = tuple[str, str, str]  # who posts, clears and settles
RESTARTED: Oracles = ("oracle", "oracle", "oracle")
REPLACED: Oracles = ("oracle", "successor", "oracle")


@dataclass(frozen=True, slots=True)
class Task:
    """What one oracle does before it dies, and all it knows of the market."""

    step: str
    url: str
    addresses: dict[str, str]
    account: str
    slot: Slot
    orders: tuple[SignedOrder, ...] = ()
    readings: tuple[SignedReading, ...] = ()


def do(task: Task, market: Market) -> None:
    account = development_key(task.account)
    mechanism = market.deployment.mechanism.address
    mechanisms: dict[str, Mechanism] = {mechanism: PairwiseNash()}
    runner = RoundRunner(market, account, mechanisms)
    if task.step == "post":
        runner.post(task.slot, task.orders)
    elif task.step == "clear":
        runner.clear(task.slot)
    else:
        runner.settle(task.slot, task.readings)


def live_and_die(task: Task) -> None:
    """Do one step in a process of its own, which then kills itself: nothing is put in order."""
    chain = open_chain(task.url)
    do(task, Market(chain, deployment_of(chain, task.addresses)))
    os.kill(os.getpid(), signal.SIGKILL)


class Fatal(Chain):
    """A chain that kills who has sent it a transaction and would read its receipt."""

    def _await(self, transaction_hash: Any) -> TxReceipt:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")


class Mining(Chain):
    """A chain that mines what is pending, in the order it came, when we await a receipt."""

    def _await(self, transaction_hash: Any) -> TxReceipt:
        self.w3.provider.make_request(RPCEndpoint("evm_mine"), [])
        return super()._await(transaction_hash)


def send_and_die(task: Task) -> None:
    """Do one step in a process of its own as far as its transaction has been sent."""
    chain = Fatal(task.url, Web3(HTTPProvider(task.url)))
    do(task, Market(chain, deployment_of(chain, task.addresses)))


def killed(target: Callable[[Task], None], task: Task) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=(task,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def deployment_of(chain: Chain, addresses: dict[str, str]) -> Deployment:
    contracts = {
        name: chain.w3.eth.contract(address=address, abi=load_artifact(name).abi)  # type: ignore[call-overload]
        for name, address in addresses.items()
    }
    return Deployment(
        token=contracts["TestDollar"],
        registry=contracts["Registry"],
        line_lease=contracts["LineLease"],
        storage_ledger=contracts["StorageLedger"],
        mechanism=contracts["PairwiseNash"],
        mechanism_name="PairwiseNash",
        exchange=contracts["Exchange"],
        first_block=0,
    )


def a_world(chain: AnvilChain) -> World:
    world = World(chain, some_terms())  # type: ignore[arg-type]
    chain.fund([ORACLE.address, SUCCESSOR.address])
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    return world


@pytest.fixture
def worlds() -> Iterator[tuple[World, World]]:
    """The same market twice, each on a node of its own."""
    chains = AnvilChain(), AnvilChain()
    try:
        yield a_world(chains[0]), a_world(chains[1])
    finally:
        for chain in chains:
            chain.close()


def signed_book(world: World, slot: Slot) -> tuple[SignedOrder, ...]:
    def signed(order: Order) -> SignedOrder:
        return world.market.signed(owner_of(order.participant), slot, order)

    return tuple(signed(order) for order in a_book())


def half_of_what_was_sold(world: World, slot: Slot) -> tuple[SignedReading, ...]:
    book = world.market.book(slot)
    sold: dict[int, int] = {}
    for trade in world.market.cleared_trades(slot) or ():
        seller = book[trade.offer].participant
        sold[seller] = sold.get(seller, 0) + trade.energy
    return tuple(world.reading(slot, number, Wh(energy // 2)) for number, energy in sold.items())


def run_day(
    world: World, oracles: Oracles, perform: Callable[[Task, World], None]
) -> list[AccountRecord]:
    """Run some slots, each step by the oracle named for it; return what every account ends with."""
    first = world.open_slot
    url = str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
    for slot in (Slot(first + APART * index) for index in range(SLOTS)):
        steps = (
            ("post", starts_at(slot) - 2 * GATE_CLOSURE_SECONDS),
            ("clear", starts_at(slot) - GATE_CLOSURE_SECONDS),
            ("settle", starts_at(slot) + SLOT_SECONDS),
        )
        for (step, time), account in zip(steps, oracles, strict=True):
            world.chain.travel_to(time)
            task = Task(
                step=step,
                url=url,
                addresses=world.deployment.addresses(),
                account=account,
                slot=slot,
                orders=signed_book(world, slot) if step == "post" else (),
                readings=half_of_what_was_sold(world, slot) if step == "settle" else (),
            )
            perform(task, world)
    people = [*(owner_of(n).address for n in range(1, PROSUMERS + 1)), ROLES.provider.address]
    return [world.market.account(person) for person in people]


def undisturbed(task: Task, world: World) -> None:
    do(task, world.market)


def killed_after_it(task: Task, world: World) -> None:
    killed(live_and_die, task)


@pytest.mark.parametrize("oracles", [RESTARTED, REPLACED], ids=["restarted", "replaced"])
def test_a_day_of_killed_oracles_ends_with_the_same_money(
    worlds: tuple[World, World], oracles: Oracles
) -> None:
    expected = run_day(worlds[0], RESTARTED, undisturbed)
    found = run_day(worlds[1], oracles, killed_after_it)

    assert found == expected
    assert all(account.locked == 0 for account in found)


Fate = Literal["mined", "pending", "lost"]


@dataclass(frozen=True, slots=True)
class InFlight:
    """Each step's oracle dies before its receipt; `fate` is what its transaction comes to."""

    fate: Fate
    successor: str

    def __call__(self, task: Task, world: World) -> None:
        ask = world.chain.w3.provider.make_request
        ask(RPCEndpoint("evm_setAutomine"), [self.fate == "mined"])
        killed(send_and_die, task)
        if self.fate == "lost":
            ask(RPCEndpoint("anvil_dropAllTransactions"), [])
        before = world.chain.block_number()

        refusal = self._go_on(task)

        ask(RPCEndpoint("evm_setAutomine"), [True])
        block = world.chain.w3.eth.get_block(before + 1)
        assert len(block["transactions"]) == (2 if self.fate == "pending" else 1)
        came_second = self.fate != "lost" and task.step != "post"
        assert refusal == ("WrongPhase" if came_second else None)

    def _go_on(self, task: Task) -> str | None:
        """Do the step again, knowing nothing of what became of it; return the refusal's name."""
        chain = Mining(task.url, Web3(HTTPProvider(task.url)))
        try:
            again = replace(task, account=self.successor)
            do(again, Market(chain, deployment_of(chain, task.addresses)))
        except ContractRevert as refusal:
            return refusal.name
        return None


@pytest.mark.parametrize(
    ("fate", "successor"),
    [
        ("mined", "successor"),
        ("pending", "oracle"),
        ("pending", "successor"),
        ("lost", "oracle"),
    ],
)
def test_a_day_of_oracles_killed_before_their_receipts_ends_with_the_same_money(
    worlds: tuple[World, World], fate: Fate, successor: str
) -> None:
    expected = run_day(worlds[0], RESTARTED, undisturbed)

    found = run_day(worlds[1], RESTARTED, InFlight(fate, successor))

    assert found == expected
    assert all(account.locked == 0 for account in found)
