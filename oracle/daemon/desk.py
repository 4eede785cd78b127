"""
Set-points, asked for by the storage's device and computed beside the work on the chain.

The thread of the chain says what is known of a slot; a thread of its own computes the set-point;
those of the HTTP server hand it out. A set-point is that of the block in which the record of the
slot before came, whatever was mined since, so that an oracle that starts later gives the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any

from oracle.chain.market import Market
from oracle.chain.storage_record import StorageRecord
from oracle.daemon.log import Log
from oracle.daemon.set_point import SetPoint, Source, idle
from oracle.domain.book import Order, Trade
from oracle.status_server import problem
from oracle.units import Slot, Wh

SET_POINTS = "/storage/setpoints"
ANSWER_WITHIN_S = 20.0
KEPT = 192  # set-points, two days


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedSlot:
    """The book and the trades of a slot."""

    book: tuple[Order, ...]
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DispatchCase:
    """All that a set-point depends on, besides the scenario."""

    slot: Slot
    stored_before: Wh
    cleared: dict[Slot, ClearedSlot]  # until the block of the record before
    history: int  # changes when blocks are taken back, and with them any slot


Compute = Callable[[DispatchCase], SetPoint]
_Key = tuple[Wh, int, int, object]


class SetPointDesk:
    """Hands out the set-points of one market."""

    def __init__(
        self,
        market: Market,
        storage: StorageRecord,
        start_slot: Slot,
        compute: Compute,
        stamp: Callable[[], object],
        log: Log,
    ) -> None:
        """`stamp` changes with the forecast that `compute` goes by."""
        self._market = market
        self._storage = storage
        self._start_slot = start_slot
        self._compute = compute
        self._stamp = stamp
        self._log = log
        self._changed = Condition()
        self._next: Slot | None = None
        self._asked: set[Slot] = set()
        self._case: tuple[DispatchCase, _Key] | None = None
        self._found: dict[Slot, tuple[_Key, SetPoint]] = {}
        self._known: dict[Slot, tuple[int, ClearedSlot]] = {}  # by slot, with the clearing's block
        self._going_by: tuple[int, object] = (0, None)  # reorganisations so far, forecast
        self._closed = False
        self._thread = Thread(target=self._work, name="set-points", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def look(self) -> None:
        """
        Read the chain and let be computed what is missing; of the thread of the chain.

        Raises
        ------
        ChainUnavailable
            If the chain cannot be read.
        """
        upcoming, going_by = (
            self._storage.next_slot(),
            (self._market.reorganisations, self._stamp()),
        )
        with self._changed:
            if going_by != self._going_by:
                self._going_by = going_by
                self._found.clear()
                self._known.clear()
            self._next = upcoming
            wanted = {slot for slot in self._asked if slot <= upcoming} | {upcoming}
            busy = self._case is not None
        for slot in sorted(wanted, reverse=True):
            key = self._key(slot)
            with self._changed:
                found = self._found.get(slot)
                if found is not None and found[0] != key:
                    del self._found[slot]
            if not busy and slot not in self._found:
                case = self._case_of(slot, key)
                with self._changed:
                    self._case = case, key
                    self._changed.notify_all()
                return

    def through(self) -> Slot | None:
        """Return the latest slot whose set-point is there."""
        with self._changed:
            return max(self._found, default=None)

    def answer(self, slot: Slot) -> SetPoint | str:
        """Return a slot's set-point, or why there is none; waits for one that is being computed."""
        with self._changed:
            if self._next is None:
                return "the chain has not been read yet"
            if slot > self._next:
                return (
                    f"slot {slot}: expected the storage's record of slot {slot - 1} on the chain, "
                    f"which next records slot {self._next}"
                )
            if slot < self._start_slot:
                return f"slot {slot}: expected a slot from {self._start_slot} on"
            self._asked.add(slot)
            self._changed.wait_for(lambda: slot in self._found, ANSWER_WITHIN_S)
            self._asked.discard(slot)
            found = self._found.get(slot)
            return f"slot {slot}: still being computed" if found is None else found[1]

    def _key(self, slot: Slot) -> _Key:
        stored, block = self._before(slot)
        return stored, block, *self._going_by

    def _before(self, slot: Slot) -> tuple[Wh, int]:
        """Return what is stored before a slot, and the block that says so."""
        entry = self._storage.entries().get(Slot(slot - 1))
        if entry is None:
            return self._storage.initial(), 0
        return entry.stored, entry.block

    def _case_of(self, slot: Slot, key: _Key) -> DispatchCase:
        stored, block, history, _ = key
        for traded in self._market.slots_with_orders():
            if traded not in self._known:
                clearing = self._market.clearing_block(traded)
                if clearing is not None:
                    self._known[traded] = (
                        clearing,
                        ClearedSlot(
                            book=self._market.book(traded),
                            trades=self._market.cleared_trades(traded) or (),
                        ),
                    )
        cleared = {one: known for one, (when, known) in self._known.items() if when <= block}
        return DispatchCase(slot=slot, stored_before=stored, cleared=cleared, history=history)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._case is not None)
                if self._closed or self._case is None:
                    return
                case, key = self._case
            try:
                found = self._compute(case)
            except Exception as error:  # the device gets an answer, whatever is wrong
                self._log.exception("set-point-failed", slot=case.slot)
                found = idle(case.slot, case.stored_before, f"{type(error).__name__}: {error}")
            now = found.horizon[0]
            is_fallback = found.source is Source.DAY_AHEAD
            say = self._log.warning if is_fallback else self._log.info
            say(
                "fallback" if is_fallback else "set-point",
                slot=case.slot,
                charge_wh=now.charge,
                discharge_wh=now.discharge,
                stored_before_wh=case.stored_before,
                source=str(found.source),
                reason=found.reason,
            )
            with self._changed:
                if key[2:] == self._going_by:  # else blocks or files have changed meanwhile
                    self._found[case.slot] = key, found
                for old in sorted(self._found)[:-KEPT]:
                    del self._found[old]
                self._case = None
                self._changed.notify_all()


def answered(desk: SetPointDesk, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Return status and body of GET /storage/setpoints?slot=S."""
    text = query.get("slot", "")
    if not text.isdecimal():
        return 422, problem(422, SET_POINTS, f"slot: expected a whole number, got {text!r}")
    found = desk.answer(Slot(int(text)))
    if isinstance(found, str):
        return 404, problem(404, SET_POINTS, found)
    return 200, found.as_json()
