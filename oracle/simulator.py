"""
The outside world of a devnet: prosumers who order, meters, a storage device, a system operator.

It follows a chain. At the start of slot b the meters of slot b − 1 speak; when the oracle has
settled that slot and cleared slot b + 2, the prosumers order for slot b + 3, as in `oracle.day`,
and the storage device says what it did in slot b − 1. What is due is what the chain lacks: whoever
starts again, or finds that the chain took blocks back, does the same once more.

Somebody who trades with a prosumer's key comes first: for a slot with an order of its owner's, the
simulated prosumer places none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import Any

from structlog.typing import FilteringBoundLogger

from oracle import bidding
from oracle.chain.chains import Chain, Head
from oracle.chain.manifest import Manifest, deployment_of
from oracle.chain.market import Market
from oracle.chain.signatures import development_key, sign_storage_reading
from oracle.deploy import DEPOSIT, LEAD
from oracle.domain.book import Order, Trade
from oracle.domain.clock import (
    OPEN_SLOTS,
    READING_SECONDS,
    slot_at,
    slots_until_final,
    starts_at,
)
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.round import ORDERS_PER_POST
from oracle.simulation import Prosumers, signed_readings, sold_in
from oracle.units import (
    MICRO_USD_PER_USD,
    SLOT_SECONDS,
    MicroUsd,
    MicroUsdPerMwh,
    Slot,
    Wh,
)

CLEARING_LEAD = 2
PATIENCE_S = 720  # of chain time into a slot, for the oracle; later the prosumers order anyhow
LOW = MicroUsd(50 * MICRO_USD_PER_USD)  # who has less pays in
READABLE_SLOTS = 1 + READING_SECONDS // SLOT_SECONDS  # after which a reading comes too late
SET_POINT_SLOTS = 8  # without a set-point for so long the storage stands still
PRICES_AHEAD = 96  # slots for which real-time prices are announced, beyond those that are open
PRICES_LEFT = 48  # announced slots; with fewer the operator announces more
RECEIPT_TIMEOUT_S = 10.0  # a transaction that is lost with its block is sent again


@dataclass(frozen=True, slots=True)
class Move:
    """What the storage takes in and gives out in a slot."""

    charge: Wh
    discharge: Wh


AskSetPoint = Callable[[Slot], Move | None]  # None where there is none yet


def stand_still(slot: Slot) -> Move:
    """Return the set-point of a storage that nobody tells anything."""
    return Move(Wh(0), Wh(0))


class Simulator:
    """The outside world of one market; `look` does what is due at the latest block."""

    def __init__(
        self,
        chain: Chain,
        manifest: Manifest,
        scenario: Scenario,
        ask_set_point: AskSetPoint,
        log: FilteringBoundLogger,
    ) -> None:
        """
        Take the keys of everybody in the scenario.

        Raises
        ------
        InvalidInputError
            If the market is not the scenario's, or its keys are not development keys.
        """
        if scenario.community is None:
            raise InvalidInputError(f"scenario {scenario.name}: expected one with prosumers")
        chain.receipt_timeout_s = RECEIPT_TIMEOUT_S
        self.head: Head | None = None
        self.through: Slot | None = None
        self._chain = chain
        self._community = scenario.community
        self._has_storage = scenario.storage is not None
        self._first, self._start = manifest.first_slot, manifest.start_slot
        names = [prosumer.name for prosumer in self._community.prosumers]
        self._owners = [development_key(f"{name} owner") for name in names]
        self._meters = [development_key(f"{name} meter") for name in names]
        self._operator = development_key("system operator")
        self._storage_meter = development_key("storage meter")
        self._postman = development_key("simulator")
        _require_the_same(manifest, names, [owner.address for owner in self._owners])
        self._market = Market(chain, deployment_of(chain, manifest))
        self._bond = manifest.settings.bond_micro_usd_per_mwh
        self._delay = slots_until_final(self._community.rules.challenge_minutes)
        self._ask_set_point = ask_set_point
        self._log = log
        self._reorganisations = 0
        self._start_over()

    def look(self) -> None:
        """
        Do what is due at the latest block and can be done now.

        Raises
        ------
        ChainError
            If the chain fails us; to look again is right then.
        """
        head = self.head = self._chain.head()
        now = slot_at(head.time)
        self._market.has_entries(now)  # reads new blocks, and so finds those that were taken back
        if self._market.reorganisations != self._reorganisations:
            self._log.warning("reorganisation", block=head.number, slot=now)
            self._reorganisations = self._market.reorganisations
            self._start_over()
        if self.through == now:
            return
        self._announce_prices(now)
        if now >= self._start:
            self._read_meters(head, now)
        if self._is_oracle_awaited(now) and head.time < starts_at(now) + PATIENCE_S:
            return
        ordered = Slot(now + LEAD)
        if ordered >= self._start:
            self._place_orders(ordered)
        if self._record_storage(now):
            self.through = now
            self._log.info("slot-done", slot=now, block=head.number)

    def forget(self) -> None:
        """Believe nothing that the chain was told: the node may have lost it."""
        self._chain.forget_nonces()

    def status(self) -> dict[str, Any]:
        """Return how far the work is, at the block that is named."""
        head = self.head
        return {
            "chain_time": None if head is None else head.time,
            "block": None if head is None else head.number,
            "slot": None if head is None else slot_at(head.time),
            "through_slot": self.through,
        }

    def _start_over(self) -> None:
        self._chain.forget_nonces()
        self.through = None
        self._announced: Slot | None = None
        self._prosumers = Prosumers(self._community)
        self._lived = self._first  # all slots before
        self._outcomes: dict[Slot, tuple[Trade, ...]] = {}  # of slots that may change yet

    def _is_oracle_awaited(self, now: Slot) -> bool:
        """Return whether a slot is to be cleared or settled before the prosumers go on."""
        closed, over = Slot(now + CLEARING_LEAD), Slot(now - 1 - self._delay)
        is_uncleared = (
            self._market.has_entries(closed) and self._market.cleared_trades(closed) is None
        )
        return is_uncleared or (
            self._market.cleared_trades(over) is not None
            and self._market.settled_trades(over) is None
        )

    def _live_until(self, slot: Slot) -> None:
        """Let the prosumers live through all slots before `slot`, as the chain has them."""
        if any(self._trades(one) != trades for one, trades in self._outcomes.items()):
            self._start_over()  # cleared later than we waited for
        while self._lived < slot:
            one, index = self._lived, self._lived - self._first
            trades = self._trades(one)
            book = self._market.book(one) if trades else ()
            self._prosumers.stand(index)
            self._prosumers.cleared(index, book, trades)
            self._prosumers.forget(index - LEAD - READABLE_SLOTS)
            self._outcomes[one] = trades
            self._outcomes.pop(Slot(one - LEAD), None)
            self._lived = Slot(one + 1)

    def _trades(self, slot: Slot) -> tuple[Trade, ...]:
        return () if slot < self._start else self._market.cleared_trades(slot) or ()

    def _read_meters(self, head: Head, now: Slot) -> None:
        """Let the meters of those speak who sold, in all slots where it is not too late."""
        self._live_until(now)
        for slot in map(Slot, range(max(self._start, now - READABLE_SLOTS), now)):
            trades = self._trades(slot)
            is_late = head.time >= starts_at(slot) + SLOT_SECONDS + READING_SECONDS
            if is_late or not trades or self._market.settled_trades(slot) is not None:
                continue
            spoken = {entry >> 32 & 0xFFFF for entry in self._market.readings(slot)}
            sold = sold_in(self._market.book(slot), trades)
            silent = {number: energy for number, energy in sold.items() if number not in spoken}
            if silent:
                delivered = self._prosumers.delivered(slot - self._first, silent)
                domain = self._market.exchange_domain
                readings = signed_readings(self._meters, domain, slot, delivered)
                self._market.record_readings(self._postman, slot, readings)
                self._log.info("readings", slot=slot, count=len(readings))

    def _place_orders(self, slot: Slot) -> None:
        """Place the orders of those who have none in the book, and see that they can pay."""
        self._live_until(slot)
        index = slot - self._first
        self._prosumers.stand(index)
        accounts = [self._market.account(owner.address) for owner in self._owners]
        orders = self._prosumers.orders(index, [account.score for account in accounts])
        there = {order.participant for order in self._market.book(slot)}
        missing = [order for order in orders if order.participant not in there]
        for order in missing:
            lock = order.lock(self._bond)
            if accounts[order.participant - 1].free < max(LOW, lock):
                self._pay_in(order.participant, lock)
        self._post(slot, missing)

    def _post(self, slot: Slot, orders: Sequence[Order]) -> None:
        owners = [self._owners[order.participant - 1] for order in orders]
        signed = [
            self._market.signed(
                owner, slot, replace(order, nonce=self._market.nonce(owner.address))
            )
            for owner, order in zip(owners, orders, strict=True)
        ]
        for first in range(0, len(signed), ORDERS_PER_POST):
            batch = signed[first : first + ORDERS_PER_POST]
            for skipped in self._market.post(self._postman, slot, batch):
                participant, reason = skipped.order.participant, str(skipped.reason)
                self._log.warning("skipped", slot=slot, participant=participant, reason=reason)
        if orders:
            self._log.info("orders", slot=slot, count=len(orders))

    def _pay_in(self, participant: int, lock: MicroUsd) -> None:
        amount = MicroUsd(DEPOSIT + lock)
        self._market.deposit(self._owners[participant - 1], amount)
        self._log.info("deposit", participant=participant, micro_usd=amount)

    def _record_storage(self, now: Slot) -> bool:
        """Record what the storage did in the slots that are over; return whether all is said."""
        if not self._has_storage:
            return True
        while (slot := self._market.next_storage_slot()) < now:
            move = self._ask_set_point(slot)
            if move is None and now - slot <= SET_POINT_SLOTS:
                return False
            if move is None:
                self._log.warning("no-set-point", slot=slot, waited_slots=now - slot)
            charge, discharge = (Wh(0), Wh(0)) if move is None else (move.charge, move.discharge)
            signature = sign_storage_reading(
                self._storage_meter,
                self._market.storage_domain,
                slot=slot,
                charge=charge,
                discharge=discharge,
            )
            self._market.record_storage(self._postman, slot, charge, discharge, signature)
        if self._market.account(self._operator.address).free < LOW:
            self._market.deposit(self._operator, DEPOSIT)  # it pays the storage's compensation
        return True

    def _announce_prices(self, now: Slot) -> None:
        """Announce prices ahead where the chain would have others than the tariff."""
        opened = now + OPEN_SLOTS
        if self._announced is not None and self._announced >= opened + PRICES_LEFT:
            return
        since, until = Slot(opened + 2), Slot(opened + PRICES_AHEAD)
        changes = {since: self._price(since)}
        for slot in map(Slot, range(since + 1, until + 1)):
            if self._price(slot) != self._price(Slot(slot - 1)):
                changes[slot] = self._price(slot)

        def is_there(change: tuple[Slot, MicroUsdPerMwh]) -> bool:
            return self._market.real_time_price(change[0]) == change[1]

        missing = dict(dropwhile(is_there, changes.items()))
        if missing:
            self._market.announce_real_time_prices(self._operator, missing)
            self._log.info("prices", since_slot=min(missing), count=len(missing))
        self._announced = until

    def _price(self, slot: Slot) -> MicroUsdPerMwh:
        index = (slot - self._first) % self._community.pv.shape[1]
        return bidding.grid_prices(self._community, index)[0]


def _require_the_same(manifest: Manifest, names: Sequence[str], owners: Sequence[str]) -> None:
    expected = [(one.name, one.owner) for one in manifest.participants]
    if expected != list(zip(names, owners, strict=True)):
        raise InvalidInputError(
            f"expected the market of scenario {manifest.scenario} with development keys: "
            "its participants are not those of the scenario given"
        )
