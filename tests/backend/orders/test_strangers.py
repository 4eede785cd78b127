"""Orders of people who wish the relay no good, on a real node: desk, poster and index together."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount

from backend.errors import AttemptsSpent, WrongSignature
from backend.index.database import Database
from backend.index.follower import Follower
from backend.orders.poster import Poster
from backend.orders.queries import outbox_order
from backend.orders.schemas import OrderPost, OutboxRead
from backend.service import Service
from backend.settings import ServiceSettings
from oracle.chain.relay import MarketRelay
from oracle.chain.signatures import development_key
from oracle.domain.book import Order
from oracle.domain.clock import OPEN_SLOTS
from oracle.units import MicroUsd, Slot
from tests.backend.api.conftest import manifest_of
from tests.backend.index.worlds import NodeWorld
from tests.contracts.attacks.test_signatures import Manner, Wallet
from tests.contracts.markets import STRANGER, a_bid, an_offer, owner_of, some_terms

pytestmark = [pytest.mark.contract, pytest.mark.node]

PAYER = development_key("relay")
SETTINGS = ServiceSettings()


@pytest.fixture(scope="module")
def world() -> Iterator[NodeWorld]:
    world = NodeWorld(some_terms())
    with closing(world.chain):
        world.chain.fund([PAYER.address])
        yield world


@pytest.fixture(scope="module")
def wallet(world: NodeWorld) -> Wallet:
    """The owner of participant 7."""
    return Wallet(world)


@dataclass(frozen=True, slots=True)
class Office:
    """A service that does one thing after the other, as it is told."""

    world: NodeWorld
    service: Service
    follower: Follower
    poster: Poster

    def take(self, slot: Slot, order: Order, *, key: LocalAccount | None = None) -> OutboxRead:
        signed = self.world.sign(slot, order, key=key)
        self.follower.catch_up()
        return self.service.orders.take(
            OrderPost(
                chain_id=self.world.chain.chain_id,
                exchange=self.world.exchange.address,
                slot=int(slot),
                kind="offer" if order.kind == 1 else "bid",
                participant=order.participant,
                energy_wh=order.energy,
                price_micro_usd_per_mwh=order.price,
                nonce=order.nonce,
                terms=str(order.terms),
                signature=f"0x{signed.signature.hex()}",
            )
        )

    def work(self) -> None:
        """Post what waits, and hear of it."""
        self.poster.round()
        self.follower.catch_up()
        self.poster.round()

    def look(self, taken: OutboxRead) -> OutboxRead:
        with self.service.index.view() as view:
            found = outbox_order(view, taken.id)
        assert found is not None
        return found


def an_office(world: NodeWorld, database: Database) -> Office:
    """Return a service as it is after a start."""
    follower = Follower(database, world.source())
    follower.open()
    follower.catch_up()
    relay = MarketRelay(world.source(), PAYER)
    service = Service(SETTINGS, manifest_of(world), database, follower, relay)
    assert service.postings is not None
    poster = Poster(
        database, service.postings, batch_orders=100, batch_wallet_orders=8, outbox_days=7
    )
    return Office(world, service, follower, poster)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    yield database
    database.close()


@pytest.fixture
def office(world: NodeWorld, wallet: Wallet, index: Database) -> Office:
    return an_office(world, index)


@pytest.fixture
def slot(world: NodeWorld, wallet: Wallet) -> Slot:
    """A slot that no other test orders for; the wallet takes part in it."""
    taken = world.__dict__.setdefault("taken", [])
    taken.append(Slot(max(world.chain.now() // 900 + 4, wallet.first) + len(taken)))
    slot: Slot = taken[-1]
    assert slot <= world.chain.now() // 900 + OPEN_SLOTS
    return slot


def a_wallets_bid() -> Order:
    bid = a_bid(4, 1_000, 250)
    return Order(kind=bid.kind, participant=7, energy=bid.energy, price=bid.price, terms=bid.terms)


def functions_of(world: NodeWorld, *orders: OutboxRead) -> list[str]:
    """Return which functions have taken orders, or passed over them."""
    hashes = {one.transaction_hash for one in orders}
    segment = world.source().segment(0, world.chain.block_number())
    return sorted(one.function for one in segment.transactions if one.hash in hashes)


def sent_by(account: LocalAccount, world: NodeWorld) -> int:
    return int(world.chain.w3.eth.get_transaction_count(account.address))


def test_a_contract_wallet_orders_beside_keys(
    office: Office, wallet: Wallet, world: NodeWorld, slot: Slot
) -> None:
    taken = [
        office.take(slot, an_offer(1, 1_000, 80)),
        office.take(slot, a_wallets_bid(), key=wallet.key),
    ]

    office.work()

    found = [office.look(one) for one in taken]
    assert [one.state for one in found] == ["recorded", "recorded"]
    assert functions_of(world, *found) == ["post", "postForWallets"]
    assert {order.participant for order in world.market.book(slot)} == {1, 7}


def test_a_wallet_that_has_not_signed_is_refused(
    office: Office, wallet: Wallet, slot: Slot
) -> None:
    with pytest.raises(WrongSignature, match="the owner of participant 7"):
        office.take(slot, a_wallets_bid(), key=STRANGER)


def test_a_wallet_that_turns_bad_is_skipped_alone(
    office: Office, wallet: Wallet, world: NodeWorld, slot: Slot
) -> None:
    bad = office.take(slot, a_wallets_bid(), key=wallet.key)
    good = office.take(slot, an_offer(2, 1_000, 80))
    wallet.behave(Manner.BURNING_GAS)

    office.work()

    wallet.behave(Manner.HONEST)
    found = office.look(bad)
    assert (found.state, office.look(good).state) == ("skipped", "recorded")
    assert str(found.reason).startswith("WrongSigner(participant=7")
    assert functions_of(world, found) == ["postForWallets"]


def test_so_many_attempts_are_paid_for_and_no_more(
    office: Office, world: NodeWorld, slot: Slot
) -> None:
    owner = owner_of(3)
    before = sent_by(PAYER, world)
    for _ in range(SETTINGS.attempts_per_slot):
        taken = office.take(slot, an_offer(3, 1_000, 80))
        free = world.market.account(owner.address).free
        world.market.withdraw(owner, free)
        office.work()
        office.work()
        world.market.deposit(owner, MicroUsd(free))
        assert office.look(taken).state == "skipped"

    with pytest.raises(AttemptsSpent, match="4 transactions have carried orders of participant 3"):
        office.take(slot, an_offer(3, 1_000, 80))
    with pytest.raises(AttemptsSpent):
        office.take(slot, an_offer(3, 1_001, 80))

    assert sent_by(PAYER, world) == before + SETTINGS.attempts_per_slot
    assert office.take(Slot(slot + 1), an_offer(3, 1_000, 80)).state == "waiting"


def test_a_strangers_skip_of_an_equal_order_is_not_ours(
    office: Office, world: NodeWorld, slot: Slot
) -> None:
    owner, order = owner_of(4), a_bid(4, 1_000, 90)
    taken = office.take(slot, order)
    free = world.market.account(owner.address).free
    world.market.withdraw(owner, free)
    assert len(world.market.post(STRANGER, slot, [world.sign(slot, order)])) == 1
    world.market.deposit(owner, MicroUsd(free))
    office.follower.catch_up()

    office.work()

    assert office.look(taken).state == "recorded"


def test_a_service_that_died_finds_its_transaction_again(
    office: Office, index: Database, world: NodeWorld, slot: Slot
) -> None:
    taken = office.take(slot, an_offer(5, 1_000, 80))
    before, patience = sent_by(PAYER, world), world.chain.receipt_timeout_s
    world.ask("evm_setAutomine", False)
    world.chain.receipt_timeout_s = 0.5
    office.poster.round()
    assert office.look(taken).state == "posted"

    again = an_office(world, index)
    again.poster.round()
    world.chain.receipt_timeout_s = patience
    world.ask("evm_setAutomine", True)
    world.ask("evm_mine")
    again.work()

    assert again.look(taken).state == "recorded"
    assert sent_by(PAYER, world) == before + 1
    assert len([one for one in world.market.book(slot) if one.participant == 5]) == 1


def test_a_service_that_died_before_it_sent_sends_what_it_had_signed(
    office: Office, index: Database, world: NodeWorld, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = office.take(slot, a_bid(6, 1_000, 90))
    before = sent_by(PAYER, world)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(MarketRelay, "send", die)
        with pytest.raises(KeyboardInterrupt):
            office.poster.round()
    assert sent_by(PAYER, world) == before

    again = an_office(world, index)
    again.work()

    assert again.look(taken).state == "recorded"
    assert sent_by(PAYER, world) == before + 1
