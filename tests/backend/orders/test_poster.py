"""The poster over a relay that is made up: batches, halves, what is lost, what is forgotten."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, event

from backend.chain import OrderToPost, Outgoing, Posted, ReadingToPost, Refusal, Replaced
from backend.index.database import Database
from backend.index.tables import Block, OrderEntry, OutboxOrder, Posting, SkippedOrder
from backend.orders.outbox import word_of
from backend.orders.poster import Poster
from backend.postings import Postings
from oracle.domain.book import Kind, Order
from oracle.errors import ChainUnavailable, ContractRevert, TransactionRefused
from oracle.units import MicroUsdPerMwh, Slot, Wh
from tests.backend.index.comparing import rows

NOW = 900 * 1_000
SLOT = Slot(1_010)
BAD = 6  # a participant whose orders sink a transaction


class FakeRelay:
    """Mines at once, in the block after the last; its wallets and participants may be bad."""

    def __init__(self) -> None:
        self.block = 10
        self.nonce = 0
        self.sent: list[list[int]] = []  # participants by transaction
        self.refuses: dict[int, str] = {}  # errors by participant, when signing
        self.sinks: set[int] = set()  # participants that let a transaction fail
        self.dies = False  # after sending
        self.forgets = False  # what was sent
        self.is_full = False
        self._calls: dict[str, list[int]] = {}

    def is_signed(self, owner: str, signed: OrderToPost) -> bool:
        raise NotImplementedError

    def sign_readings(self, slot: Slot, readings: Sequence[ReadingToPost]) -> Outgoing:
        raise NotImplementedError

    def sign_orders(self, slot: Slot, orders: Sequence[OrderToPost]) -> Outgoing:
        people = [one.order.participant for one in orders]
        for number in people:
            if number in self.refuses:
                raise ContractRevert(self.refuses[number])
        name = f"0x{self.nonce:064x}"
        self._calls[name] = people
        self.nonce += 1
        return Outgoing(
            sender="0x01", nonce=self.nonce, call="0x", max_fee=2, tip=1, hashes=(name,)
        )

    def send(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        if self.is_full:
            raise TransactionRefused("the node refused: no room")
        self.sent.append(self._calls[outgoing.hashes[-1]])
        if self.dies:
            raise ChainUnavailable("the node does not answer: is it running?")
        return self._posted(outgoing)

    def resume(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
        if self.dies:
            raise ChainUnavailable("the node does not answer: is it running?")
        return None if self.forgets else self._posted(outgoing)

    def _posted(self, outgoing: Outgoing) -> Posted:
        self.block += 1
        has_sunk = self.sinks & set(self._calls[outgoing.hashes[-1]])
        return Posted(
            transaction=outgoing.hashes[-1],
            block=self.block,
            refusal=Refusal(name="Panic", text="Panic(code=17)") if has_sunk else None,
        )


@pytest.fixture
def relay() -> FakeRelay:
    return FakeRelay()


@pytest.fixture
def ready(database: Database) -> Database:
    database.prepare({"chain_id": "1"})
    add(database, a_block(10))
    return database


@pytest.fixture
def poster(ready: Database, relay: FakeRelay) -> Poster:
    return a_poster(ready, relay)


def a_poster(database: Database, relay: FakeRelay) -> Poster:
    """Return a poster that begins anew, as after a start of the service."""
    return Poster(
        database,
        Postings(database, relay),
        batch_orders=8,
        batch_wallet_orders=2,
        outbox_days=7,
    )


def a_block(number: int, *, time: int = NOW, fork: str = "a") -> Block:
    return Block(number=number, hash=f"0x{fork}{number}", parent_hash="0x", time=time)


def an_order(participant: int) -> Order:
    return Order(
        kind=Kind.BID, participant=participant, energy=Wh(10), price=MicroUsdPerMwh(20_000_000)
    )


def handed_in(participant: int, **changes: Any) -> OutboxOrder:
    values: dict[str, Any] = {
        "id": f"0x{participant:064x}",
        "slot": int(SLOT),
        "participant": participant,
        "order_word": word_of(an_order(participant)),
        "signature": "0x" + "11" * 65,
        "is_wallets": False,
        "state": "waiting",
        "reason": None,
        "created_block": 10,
        "attempts": 0,
        "posting": None,
    }
    return OutboxOrder(**{**values, **changes})


def an_entry(participant: int, *, block: int) -> OrderEntry:
    order = an_order(participant)
    return OrderEntry(
        slot=int(SLOT),
        position=participant,
        entry="order",
        kind="bid",
        participant=participant,
        energy_wh=order.energy,
        price_micro_usd_per_mwh=order.price,
        nonce=0,
        terms="0",
        score_bps=9_000,
        transaction_hash="0x05",
        log_index=0,
        block=block,
    )


def a_skip(participant: int, transaction: str, *, block: int) -> SkippedOrder:
    return SkippedOrder(
        block=block,
        log_index=0,
        slot=int(SLOT),
        order_word=word_of(an_order(participant)),
        reason_name="InsufficientFree",
        reason_text="InsufficientFree(needed=5)",
        transaction_hash=transaction,
    )


def add(database: Database, *new: Any) -> None:
    for one in new:  # one by one: blocks come before what hangs on them
        with database.writing() as session:
            session.add(one)


def states(database: Database) -> dict[int, str]:
    return {row.participant: row.state for row in rows(database, OutboxOrder)}


def test_keys_and_wallets_travel_apart(ready: Database, relay: FakeRelay, poster: Poster) -> None:
    add(ready, *(handed_in(number, is_wallets=number > 3) for number in range(1, 7)))

    assert poster.round() == 6

    assert [sorted(batch) for batch in relay.sent] == [[1, 2, 3], [4, 5], [6]]
    assert set(states(ready).values()) == {"posted"}


def test_what_is_posted_is_not_posted_again_until_the_index_comes(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1))
    poster.round()

    assert poster.round() == 0
    add(ready, a_block(11), an_entry(1, block=11))
    assert poster.round() == 0

    assert states(ready) == {1: "recorded"}
    assert relay.sent == [[1]]


@pytest.mark.parametrize("where", ["refuses", "sinks"])
def test_a_batch_that_fails_is_halved_until_the_bad_one_is_alone(
    where: str, ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, *(handed_in(number) for number in range(1, 9)))
    if where == "refuses":
        relay.refuses = {BAD: "Panic"}
    else:
        relay.sinks = {BAD}

    assert poster.round() == 7

    assert states(ready) == {
        number: "failed" if number == BAD else "posted" for number in range(1, 9)
    }
    failed = {row.participant: row for row in rows(ready, OutboxOrder)}
    assert "Panic" in str(failed[BAD].reason)
    assert {row.attempts for number, row in failed.items() if number != BAD} == {1}
    sent = len(relay.sent)
    poster.round()
    assert len(relay.sent) == sent


def test_orders_wait_while_the_market_takes_none_and_other_slots_go_on(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1), handed_in(2), handed_in(3, slot=SLOT + 1))
    relay.refuses = {1: "GateClosed"}

    assert poster.round() == 1

    assert states(ready) == {1: "waiting", 2: "waiting", 3: "posted"}


def test_a_transaction_of_an_earlier_life_is_not_sent_twice(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1))
    relay.dies = True
    assert poster.round() == 0
    assert states(ready) == {1: "posted"}

    relay.dies = False
    again = a_poster(ready, relay)
    assert again.round() == 0

    assert relay.sent == [[1]]
    [posting] = rows(ready, Posting)
    assert (posting.state, posting.block) == ("mined", relay.block)


def test_orders_of_a_lost_transaction_wait_again_at_no_cost(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1))
    relay.dies = True
    poster.round()

    relay.dies, relay.forgets = False, True
    assert a_poster(ready, relay).round() == 1

    assert relay.sent == [[1], [1]]
    [row] = rows(ready, OutboxOrder)
    assert (row.state, row.attempts) == ("posted", 1)


def test_a_node_that_takes_nothing_lets_them_wait(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1))
    relay.is_full = True

    assert poster.round() == 0

    [row] = rows(ready, OutboxOrder)
    assert (row.state, row.attempts, row.posting) == ("waiting", 0, None)
    assert rows(ready, Posting) == []


def test_only_a_skip_in_our_own_transaction_counts(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1), a_block(11), a_skip(1, "0xstranger", block=11))
    assert poster.round() == 1
    poster.round()
    assert states(ready) == {1: "posted"}

    [posting] = rows(ready, Posting)
    add(ready, a_block(12), a_skip(1, posting.hashes[-1], block=12))
    poster.round()
    poster.round()

    [row] = rows(ready, OutboxOrder)
    assert (row.state, row.reason) == ("skipped", "InsufficientFree(needed=5)")
    assert relay.sent == [[1]]


def test_a_transaction_that_the_chain_took_back_is_looked_for(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1))
    poster.round()
    add(ready, a_block(11), an_entry(1, block=11))
    poster.round()
    assert states(ready) == {1: "recorded"}

    with ready.writing() as session:
        session.delete(session.get(Block, 11))
    add(ready, a_block(11, fork="b"))
    poster.round()
    assert states(ready) == {1: "posted"}
    poster.round()

    [posting] = rows(ready, Posting)
    assert (posting.state, posting.block) == ("mined", 12)
    assert relay.sent == [[1]]
    add(ready, a_block(12), an_entry(1, block=12))
    poster.round()
    assert states(ready) == {1: "recorded"}


def test_what_came_to_its_end_is_not_read_again(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    add(ready, handed_in(1), an_entry(1, block=10))
    poster.round()
    asked: list[Any] = []
    with ready.writing() as session:  # nobody but a chain that goes back would do this
        session.execute(delete(OrderEntry))
    event.listen(ready.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))

    poster.round()

    [of_orders] = [text for text in asked if "FROM outbox" in text]
    assert states(ready) == {1: "recorded"}
    assert relay.sent == []
    assert "outbox.slot" not in of_orders.partition("WHERE")[2]


def test_what_is_over_for_days_is_forgotten(
    ready: Database, relay: FakeRelay, poster: Poster
) -> None:
    gate = NOW // 900 + 3
    week, day = 7 * 96, 96
    add(
        ready,
        handed_in(1, state="recorded", slot=gate - week - 1),
        handed_in(2, state="recorded", slot=gate - week),
        handed_in(3, state="dropped", slot=gate - week - 1),
        *(
            Posting(
                slot=slot,
                state="mined",
                block=1,
                sender="0x01",
                nonce=slot,
                call="0x12",
                max_fee=1,
                tip=1,
                hashes=["0x"],
            )
            for slot in (gate - week - 1, gate - day - 1, gate - day)
        ),
    )

    poster.round()

    assert states(ready) == {2: "recorded"}
    kept = {row.slot: row.call for row in rows(ready, Posting)}
    assert kept == {gate - day - 1: "", gate - day: "0x12"}


def test_a_replacement_is_remembered(ready: Database, relay: FakeRelay, poster: Poster) -> None:
    class Replacing(FakeRelay):
        def send(self, outgoing: Outgoing, replaced: Replaced) -> Posted | None:
            dearer = replace(outgoing, max_fee=9, tip=8, hashes=(*outgoing.hashes, "0xdearer"))
            replaced(dearer)
            self._calls["0xdearer"] = []
            return self._posted(dearer)

    add(ready, handed_in(1))

    a_poster(ready, Replacing()).round()

    [posting] = rows(ready, Posting)
    assert (posting.max_fee, posting.tip) == (9, 8)
    assert len(posting.hashes) == 2
