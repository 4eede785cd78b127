"""Events to rows: what the contracts logged as the tables have it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.chain import ChainEvent, ChainSegment, MarketRules
from backend.index import money, tables
from backend.index.announcements import Announcements
from backend.index.money import Cause, moved
from backend.index.rows import Rows
from backend.index.state import IndexedBlock, MarketState, SlotState
from backend.index.writer import Writer, of_slot
from oracle.domain.book import Kind, Order, Trade
from oracle.model.reputation import Reputation, after_sale
from oracle.model.settlement import overstated, sales
from oracle.units import Slot, Wh


class Projection:
    """
    Makes the rows of a segment, and keeps a market's state up to date with it.

    It is worth nothing after a segment whose rows were not kept: a new one reads the state again.
    """

    def __init__(self, session: Session, rules: MarketRules, names: Mapping[int, str]) -> None:
        """`names` are what participants are called, by number."""
        self.state = MarketState(session)
        self._rules = rules
        self._announcements = Announcements(names)
        self._takers: dict[str, Callable[[ChainEvent], None]] = {
            "OwnershipTransferred": self._handed_over,
            "Deposited": self._deposited,
            "Withdrawn": self._withdrawn,
            "CompensationPaid": self._compensated,
            "Enrolled": self._enrolled,
            "OfferPlaced": self._ordered,
            "BidPlaced": self._ordered,
            "OrderCancelled": self._ordered,
            "OrdersPosted": self._ordered,
            "OrderSkipped": self._skipped,
            "NoncesSpent": self._nonces_spent,
            "OrderSealed": self._sealed,
            "OrderRevealed": self._revealed,
            "SlotCleared": self._cleared,
            "ReadingsRecorded": self._read,
            "SlotSettled": self._settled,
            "SlotVoided": self._voided,
            "StorageRecorded": self._stored,
        }

    def take(self, session: Session, segment: ChainSegment) -> Rows:
        """Return the rows of a segment that follows the last block of the state."""
        of_slots = [one for one in segment.events if one.contract == "Exchange"]
        slots = {event.slot for event in of_slots if event.slot is not None}
        self.state.load_slots(session, slots)
        self._segment, self._writer = segment, Writer()
        self._rows = self._writer.rows
        self._transactions = {one.hash: one for one in segment.transactions}
        self._writer.add_blocks(segment.headers)
        self._writer.add_transactions(segment.transactions)
        for event in segment.events:
            self._take(event)
        ended = ("SlotSettled", "SlotVoided")
        self.state.forget(event.slot for event in of_slots if event.name in ended)
        last = segment.headers[-1]
        self.state.last = IndexedBlock(last.number, last.hash)
        return self._rows

    def _take(self, event: ChainEvent) -> None:
        self._writer.add_event(event)
        if self._announcements.take(event, self._segment, self.state, self._rows):
            return
        taker = self._takers.get(event.name)
        if taker is not None:
            taker(event)

    def _slot(self, event: ChainEvent) -> SlotState:
        return self.state.slots[Slot(event.values["slot"])]

    def _handed_over(self, event: ChainEvent) -> None:
        holder = event.values["newOwner"]
        self.state.roles[event.contract] = holder
        place = {"block": event.block, "log_index": event.log_index}
        self._rows.add(tables.Role, **place, contract=event.contract, holder=holder)

    def _deposited(self, event: ChainEvent) -> None:
        owner, amount = event.values["owner"], event.values["amount"]
        self._writer.add_entries(event, [moved(owner, Cause.DEPOSIT, amount)])

    def _withdrawn(self, event: ChainEvent) -> None:
        owner, amount = event.values["owner"], event.values["amount"]
        self._writer.add_entries(event, [moved(owner, Cause.WITHDRAWAL, -amount)])

    def _compensated(self, event: ChainEvent) -> None:
        operator, provider, amount = (
            event.values[key] for key in ("operator", "provider", "amount")
        )
        cause = Cause.STORAGE_COMPENSATION
        self._writer.add_entries(
            event, [moved(operator, cause, -amount), moved(provider, cause, amount)]
        )

    def _enrolled(self, event: ChainEvent) -> None:
        values = event.values
        self._move(event, values["participant"], Reputation(values["r"], values["s"]))

    def _move(self, event: ChainEvent, participant: int, reputation: Reputation) -> None:
        self.state.reputations[participant] = reputation
        self._writer.add_score(event, participant, reputation)

    def _ordered(self, event: ChainEvent) -> None:
        """Take the entry of a book, or those of a batch."""
        many = event.values["orders"] if event.name == "OrdersPosted" else [event.values["order"]]
        self._record(event, [_order(fields) for fields in many])

    def _record(self, event: ChainEvent, orders: Sequence[Order]) -> None:
        book = self._slot(event).book
        for order in orders:
            self._writer.add_order(event, len(book), order)
            book.append(order)
            owner, lock = self.state.owners[order.participant], order.lock(self._rules.bond_price)
            self._writer.add_entries(event, [money.locked(owner, Cause.LOCK, lock)])

    def _skipped(self, event: ChainEvent) -> None:
        reason = self._segment.refusals[event.values["reason"]]
        self._rows.add(
            tables.SkippedOrder,
            block=event.block,
            log_index=event.log_index,
            slot=event.slot,
            order_word=event.values["order"],
            reason_name=reason.name,
            reason_text=reason.text,
            transaction_hash=event.transaction,
        )

    def _nonces_spent(self, event: ChainEvent) -> None:
        owner, below = event.values["owner"], event.values["below"]
        place = {"block": event.block, "log_index": event.log_index}
        self._rows.add(tables.SpentNonces, **place, owner=owner, below=below)

    def _sealed(self, event: ChainEvent) -> None:
        owner = event.values["owner"]
        self._slot(event).sealed.append(owner)
        log_index, seal = event.log_index, event.values["seal"]
        self._rows.add(tables.Seal, **of_slot(event), owner=owner, seal=seal, log_index=log_index)
        self._writer.add_entries(event, [money.locked(owner, Cause.SEAL, self._rules.seal_bond)])

    def _revealed(self, event: ChainEvent) -> None:
        owner = event.values["owner"]
        self._slot(event).sealed.remove(owner)
        self._rows.add(tables.Reveal, **of_slot(event), owner=owner, log_index=event.log_index)
        bond = self._rules.seal_bond
        self._writer.add_entries(event, [money.locked(owner, Cause.SEAL_RELEASE, -bond)])
        self._record(event, [_order(event.values["order"])])

    def _cleared(self, event: ChainEvent) -> None:
        values, state = event.values, self._slot(event)
        self._rows.add(
            tables.Clearing,
            **of_slot(event),
            submitter=values["submitter"],
            mechanism=values["mechanism"],
            certificate=self._transactions[event.transaction].certificate,
        )
        state.trades = [Trade(**fields) for fields in values["trades"]]
        for position, trade in enumerate(state.trades):
            seller, buyer = (state.book[k].participant for k in (trade.offer, trade.bid))
            self._writer.add_trade(event, position, trade, seller=seller, buyer=buyer)

    def _read(self, event: ChainEvent) -> None:
        self._hear(event, event.values["entries"])

    def _hear(self, event: ChainEvent, entries: Sequence[int]) -> None:
        readings = self._slot(event).readings
        for entry in entries:
            self._writer.add_reading(event, len(readings), entry)
            readings.append(entry)

    def _settled(self, event: ChainEvent) -> None:
        slot, state = Slot(event.values["slot"]), self._slot(event)
        self._hear(event, event.values["heard"])
        submitter = event.values["submitter"]
        self._rows.add(tables.Settlement, **of_slot(event), submitter=submitter)
        delivered = [
            trade.with_delivered(Wh(energy))
            for trade, energy in zip(state.trades, event.values["delivered"], strict=True)
        ]
        for position, trade in enumerate(delivered):
            place = {"slot": slot, "position": position, "block": event.block}
            self._rows.add(tables.Delivery, **place, delivered_wh=trade.delivered)
        self._release(event)
        self._pay(event, slot, state.book, delivered)

    def _pay(
        self, event: ChainEvent, slot: Slot, book: Sequence[Order], delivered: Sequence[Trade]
    ) -> None:
        rules, roles = self._rules, self.state.roles
        sold = sales(
            book,
            delivered,
            overstated(self._slot(event).readings),
            compensation_price=rules.compensation_price,
            bond_price=rules.bond_price,
        )
        line_owner, operator = roles["LineLease"], roles["Exchange"]
        self._writer.add_entries(
            event,
            money.paid(sold, book, self.state.owners, line_owner=line_owner, operator=operator),
        )
        for sale in sold:
            seller = book[sale.offer].participant
            strangers = [
                trade
                for trade in sale.trades
                if not self.state.are_of_one_group(slot, seller, book[trade.bid].participant)
            ]
            if strangers:
                reputation = after_sale(
                    self.state.reputations[seller],
                    strangers,
                    is_slashed=sale.is_slashed,
                    memory=rules.memory,
                    full_value=rules.full_value,
                )
                self._move(event, seller, reputation)

    def _voided(self, event: ChainEvent) -> None:
        submitter = event.values["submitter"]
        self._rows.add(tables.Void, **of_slot(event), submitter=submitter)
        self._release(event)

    def _release(self, event: ChainEvent) -> None:
        state, line_owner = self._slot(event), self.state.roles["LineLease"]
        owners, rules = self.state.owners, self._rules
        self._writer.add_entries(
            event, money.released(state.book, owners, state.sealed, line_owner, rules)
        )

    def _stored(self, event: ChainEvent) -> None:
        self._rows.add(
            tables.StorageRecord,
            **of_slot(event),
            charge_wh=event.values["chargeWh"],
            discharge_wh=event.values["dischargeWh"],
            stored_wh=event.values["storedWh"],
        )


def _order(fields: Mapping[str, Any]) -> Order:
    return Order(**{**fields, "kind": Kind(fields["kind"])})
