"""The rows that segments, events and what they carry make, one kind each."""

from collections.abc import Iterable
from typing import Any

from backend.chain import BlockHeader, ChainEvent, ChainTransaction
from backend.index import tables
from backend.index.money import Movement
from backend.index.rows import Rows, plain
from oracle.domain.book import CONTRADICTION, COUNTER_READING, MARKS, MAX_ENERGY, Kind, Order, Trade
from oracle.model.reputation import Reputation

KIND_NAMES = {Kind.OFFER: "offer", Kind.BID: "bid", Kind.CANCELLATION: None}
READING_NAMES = {0: "meter", COUNTER_READING: "correction", CONTRADICTION: "contradiction"}


class Writer:
    """Fills `rows`; account entries are numbered within their event."""

    def __init__(self) -> None:
        self.rows = Rows()
        self._sequence = 0

    def add_blocks(self, headers: Iterable[BlockHeader]) -> None:
        for header in headers:
            self.rows.add(
                tables.Block,
                number=header.number,
                hash=header.hash,
                parent_hash=header.parent_hash,
                time=header.time,
            )

    def add_transactions(self, transactions: Iterable[ChainTransaction]) -> None:
        for transaction in transactions:
            self.rows.add(
                tables.Transaction,
                hash=transaction.hash,
                block=transaction.block,
                contract=transaction.contract,
                function=transaction.function,
                sender=transaction.sender,
                gas_used=transaction.gas_used,
                status=transaction.status,
            )

    def add_event(self, event: ChainEvent) -> None:
        self._sequence = 0
        self.rows.add(
            tables.Event,
            block=event.block,
            log_index=event.log_index,
            transaction_hash=event.transaction,
            contract=event.contract,
            name=event.name,
            slot=event.slot,
            fields=plain(dict(event.values)),
        )

    def add_entries(self, event: ChainEvent, movements: Iterable[Movement]) -> None:
        for one in movements:
            if not one.free and not one.locked:
                continue
            self.rows.add(
                tables.AccountEntry,
                block=event.block,
                log_index=event.log_index,
                sequence=self._sequence,
                owner=one.owner,
                slot=event.slot,
                cause=one.cause.value,
                free_micro_usd=one.free,
                locked_micro_usd=one.locked,
                transaction_hash=event.transaction,
            )
            self._sequence += 1

    def add_score(self, event: ChainEvent, participant: int, reputation: Reputation) -> None:
        self.rows.add(
            tables.Score,
            participant=participant,
            block=event.block,
            log_index=event.log_index,
            slot=event.slot,
            score_bps=reputation.score,
            r=reputation.r,
            s=reputation.s,
        )

    def add_order(self, event: ChainEvent, position: int, order: Order) -> None:
        self.rows.add(
            tables.OrderEntry,
            slot=event.slot,
            position=position,
            entry="cancellation" if order.kind is Kind.CANCELLATION else "order",
            kind=KIND_NAMES[order.kind],
            participant=order.participant,
            energy_wh=order.energy,
            price_micro_usd_per_mwh=order.price,
            nonce=order.nonce,
            terms=str(order.terms),
            score_bps=order.score,
            transaction_hash=event.transaction,
            log_index=event.log_index,
            block=event.block,
        )

    def add_trade(
        self, event: ChainEvent, position: int, trade: Trade, *, seller: int, buyer: int
    ) -> None:
        self.rows.add(
            tables.Trade,
            slot=event.slot,
            position=position,
            seller=seller,
            buyer=buyer,
            offer_position=trade.offer,
            bid_position=trade.bid,
            energy_wh=trade.energy,
            price_micro_usd_per_mwh=trade.price,
            fee_micro_usd_per_mwh=trade.fee,
            surplus_micro_usd_per_mwh=trade.surplus,
            pooled=trade.pooled,
            block=event.block,
        )

    def add_reading(self, event: ChainEvent, sequence: int, entry: int) -> None:
        self.rows.add(
            tables.Reading,
            **of_slot(event),
            sequence=sequence,
            participant=(entry & ~MARKS) >> 32,
            energy_wh=entry & MAX_ENERGY,
            kind=READING_NAMES[entry & MARKS],
            log_index=event.log_index,
        )


def of_slot(event: ChainEvent) -> dict[str, Any]:
    """Return the columns of what happens to a slot."""
    return {"slot": event.slot, "transaction_hash": event.transaction, "block": event.block}
