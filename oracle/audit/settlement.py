"""What everybody gets and pays, and how reputations move; as contracts/exchange/Settlement.sol."""

from collections.abc import Sequence

from oracle.audit.delivery import Delivery
from oracle.audit.faults import compare, fault
from oracle.audit.slot import NOBODY, SlotLedger, readings_hash
from oracle.domain.book import Trade
from oracle.domain.clock import READING_SECONDS
from oracle.domain.record import EventRecord, Values
from oracle.model.reputation import after_sale
from oracle.model.settlement import deliveries, forfeit_shares, sales
from oracle.units import SLOT_SECONDS, MicroUsd, Slot, Wh


class Settlement(Delivery):
    """The ends of the slots."""

    def _settled(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        plain = self._in_phase(event, slot, "cleared")
        if slot in self._hashes:
            stored = self._hashes[slot].readings
            compare(event, "hash of the readings", readings_hash(plain), stored)
        cleared = plain.cleared or ()
        statements = self._final_statements(event, slot, plain)
        stated = {n: one.final for n, one in statements.items() if one.final is not None}
        final_at = (slot + 1) * SLOT_SECONDS + READING_SECONDS + self._constants.challenge_seconds
        if self._constants.challenge_seconds and event.time < final_at:
            raise fault(event, f"time: expected from {final_at} on, came {event.time}")
        sellers = {plain.book[trade.offer].participant for trade in cleared}
        deadline = (slot + 1) * SLOT_SECONDS + READING_SECONDS
        silent = sorted(sellers - stated.keys())
        if silent and event.time < deadline:
            raise fault(
                event,
                f"time: expected from {deadline} on, as participant {silent[0]}'s reading is "
                f"missing, came {event.time}",
            )
        of_offer = {
            position: stated.get(order.participant, Wh(0))
            for position, order in enumerate(plain.book)
        }
        expected = deliveries(cleared, of_offer)
        came = values["delivered"]
        compare(event, "number of trades", len(expected), len(came))
        for position, (one, energy) in enumerate(zip(expected, came, strict=True)):
            compare(event, f"delivered of trade {position}", one.delivered, energy)
        plain.settled = True
        self._release(slot, plain)
        slashed = {number for number, one in statements.items() if one.overstated}
        self._pay(slot, plain, expected, slashed)
        self.checked["slots settled"] += 1
        self.checked["deliveries"] += len(expected)

    def _voided(self, event: EventRecord, values: Values) -> None:
        slot = Slot(values["slot"])
        forfeited = slot in self.slots and bool(self.slots[slot].seals)
        plain = self._in_phase(event, slot, "recorded", may_be_empty=forfeited)
        if event.time < slot * SLOT_SECONDS:
            raise fault(event, f"time: expected from {slot * SLOT_SECONDS} on, came {event.time}")
        self._compare_book(event, slot, plain)
        plain.void = True
        self._release(slot, plain)
        self.checked["slots voided"] += 1

    def _release(self, slot: Slot, plain: SlotLedger) -> None:
        """Release the locks, and share what was forfeited, the earliest first with the rest."""
        pot = MicroUsd(len(plain.seals) * self._constants.seal_bond)
        if not plain.book:
            self.account(self.roles.get("line owner", NOBODY)).free += pot
        for owner, part in zip(plain.owners, forfeit_shares(pot, len(plain.book)), strict=True):
            self.account(owner).free += part
        for owner, order in zip(plain.owners, plain.book, strict=True):
            account, lock = self.account(owner), order.lock(self._constants.bond_price)
            account.locked -= lock
            account.free += lock
            account.touched = slot

    def _pay(
        self, slot: Slot, plain: SlotLedger, trades: Sequence[Trade], slashed: set[int]
    ) -> None:
        line_owner = self.account(self.roles.get("line owner", NOBODY))
        operator = self.account(self.roles.get("operator", NOBODY))
        for sale in sales(
            plain.book,
            trades,
            slashed,
            compensation_price=self._constants.compensation_price,
            bond_price=self._constants.bond_price,
        ):
            seller = self.account(plain.owners[sale.offer])
            for trade, money in zip(sale.trades, sale.payments, strict=True):
                buyer = self.account(plain.owners[trade.bid])
                seller.free += money.goods - money.compensation
                buyer.free += money.compensation - money.goods - money.fee - money.surplus
                line_owner.free += money.fee
                operator.free += money.surplus
                if money.surplus:
                    operator.touched = slot
                line_owner.touched = slot
            strangers = [one for one in sale.trades if not self._of_one_group(slot, plain, one)]
            if strangers:
                seller.reputation = after_sale(
                    seller.reputation,
                    strangers,
                    is_slashed=sale.is_slashed,
                    memory=self._constants.reputation_memory,
                    full_value=self._constants.reputation_full_value,
                )
                self.checked["reputations"] += 1

    def _of_one_group(self, slot: Slot, plain: SlotLedger, trade: Trade) -> bool:
        """Return whether seller and buyer belong together."""
        seller, buyer = (plain.book[k].participant for k in (trade.offer, trade.bid))
        group = self.terms.group(slot, seller)
        return group != 0 and group == self.terms.group(slot, buyer)
