"""
What is due in a market, told by its chain alone.

A slot with orders is cleared from its gate's closure on, in a sealed market from the end of the
reveals on; it is void when its delivery begins first. A cleared slot is settled after its end: as
soon as every seller's reading is there, at the latest when the readings' deadline has passed; where
readings may be corrected, when they are final. The storage provider's compensation is paid for days
that are over, days counted from the market's first slot.
"""

from dataclasses import dataclass
from enum import StrEnum

from oracle.chain.market import Market
from oracle.chain.storage_record import StorageRecord
from oracle.domain.book import Trade
from oracle.domain.clock import (
    GATE_CLOSURE_SECONDS,
    READING_SECONDS,
    REVEAL_SECONDS,
    starts_at,
)
from oracle.units import SLOT_SECONDS, Slot


class Step(StrEnum):
    """What anybody may do for a market."""

    CLEAR = "clear"
    VOID = "void"
    SETTLE = "settle"
    PAY = "pay-compensation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A step of a slot and the time from which it is due, in Unix seconds of the chain."""

    step: Step
    slot: Slot
    due_at: int


class Duties:
    """Finds what is due in one market."""

    def __init__(self, market: Market, storage: StorageRecord, first_slot: Slot) -> None:
        self._market = market
        self._storage = storage
        self._first_slot = first_slot
        self._clears_after = REVEAL_SECONDS if market.is_sealed() else 0
        self._challenge_seconds = market.challenge_seconds()

    def due(self, now: int) -> list[Duty]:
        """Return what is due at a time, what has a deadline first."""
        found = [
            duty for slot in self._market.unsettled_slots() if (duty := self._of_slot(slot, now))
        ]
        order = list(Step)
        return [
            *sorted(found, key=lambda duty: (order.index(duty.step), duty.slot)),
            *self._payment(now),
        ]

    def _of_slot(self, slot: Slot, now: int) -> Duty | None:
        trades = self._market.cleared_trades(slot)
        if trades is not None:
            due_at = self._settles_at(slot, trades, now)
            return Duty(step=Step.SETTLE, slot=slot, due_at=due_at) if now >= due_at else None
        if now >= starts_at(slot):
            return Duty(step=Step.VOID, slot=slot, due_at=starts_at(slot))
        closes_at = starts_at(slot) - GATE_CLOSURE_SECONDS + self._clears_after
        if now < closes_at or not self._market.book(slot):
            return None
        return Duty(step=Step.CLEAR, slot=slot, due_at=closes_at)

    def _settles_at(self, slot: Slot, trades: tuple[Trade, ...], now: int) -> int:
        ends_at = starts_at(slot) + SLOT_SECONDS
        if self._challenge_seconds:
            return ends_at + READING_SECONDS + self._challenge_seconds
        book = self._market.book(slot)
        heard = {entry >> 32 & 0xFFFF for entry in self._market.readings(slot)}
        complete = {book[trade.offer].participant for trade in trades} <= heard
        # Complete since the last reading came, which is not before now for all we know.
        return max(ends_at, now) if complete else ends_at + READING_SECONDS

    def _payment(self, now: int) -> list[Duty]:
        """Return the payment of what was earned on days that are over, as far as it can be paid."""
        earned = self._storage.earned_until_yesterday(self._first_slot)
        if (
            not earned
            or earned <= self._market.compensation_paid()
            or not self._market.operator_has_money()
        ):
            return []
        return [Duty(step=Step.PAY, slot=self._storage.next_slot(), due_at=now)]
