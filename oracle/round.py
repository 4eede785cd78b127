"""
One slot of the market, as anybody may run it: post what the owners signed; read the chain, clear,
submit; later settle or void.

Nothing is kept between the calls that could not be read back from the chain, so whoever runs them
may die at any point, and a stranger may go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eth_account.signers.local import LocalAccount

from oracle.chain.market import Market, Phase, SignedOrder, SignedReading, SkippedOrder
from oracle.domain.book import Order, Trade
from oracle.domain.community import FeeLadder
from oracle.domain.rows import capacities_of, lines_of
from oracle.errors import ChainUnavailable, ContractRevert, OrderSkipped
from oracle.market.mechanism import Mechanism, Outcome, Round, round_of
from oracle.market.registry import BY_CONTRACT
from oracle.model.line_lease import lease_fee
from oracle.model.settlement import overstated
from oracle.units import Bps, MicroUsdPerMwh, Slot, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOutcome:
    """A slot's book and its trades; positions in the trades count in the book."""

    book: tuple[Order, ...]
    trades: tuple[Trade, ...]
    overstated: frozenset[int] = frozenset()  # participants whose meter the operator corrected down


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotBook:
    """A slot's book as the chain has it, with all that clearing it depends on."""

    book: tuple[Order, ...]
    mechanism: Mechanism
    market_round: Round

    def cleared(self) -> Outcome:
        """
        Return the mechanism's outcome, checked as the contract will check it.

        Raises
        ------
        SolverError
            If the mechanism finds none.
        ContractRevert
            If it is not the mechanism's: a bug of ours.
        """
        outcome = self.mechanism.clear(self.market_round)
        self.mechanism.verify(self.market_round, outcome)
        return outcome


ORDERS_PER_POST = 100  # about 1.1 M gas; larger batches save at most 6 % more
SETTLE_TRIES = 5  # each reading that overtakes a settlement costs who sends it more than us


class RoundRunner:
    """Clears and settles the slots of one market, from any account."""

    def __init__(
        self,
        market: Market,
        account: LocalAccount,
        mechanisms: Mapping[str, Mechanism] | None = None,
    ) -> None:
        """`mechanisms` maps the address of a verifier to its twin; None to go by its code."""
        self._market = market
        self._account = account
        self._mechanisms = mechanisms
        self._twins: dict[str, Mechanism] = {}
        self._fees: dict[tuple[str, FeeLadder], dict[tuple[int, int], MicroUsdPerMwh]] = {}

    def post(self, slot: Slot, orders: Sequence[SignedOrder]) -> None:
        """
        Record signed orders in batches; where somebody posted one of them before, it stands.

        Raises
        ------
        OrderSkipped
            If one of them is not in the book then.
        """
        for first in range(0, len(orders), ORDERS_PER_POST):
            batch = orders[first : first + ORDERS_PER_POST]
            for skipped in self._market.post(self._account, slot, batch):
                if not self._is_in_the_book(slot, skipped):
                    raise OrderSkipped(
                        f"slot {slot}, order of participant {skipped.order.participant}: "
                        f"{skipped.reason}"
                    ) from skipped.reason

    def _is_in_the_book(self, slot: Slot, skipped: SkippedOrder) -> bool:
        book = [replace(order, score=Bps(0)) for order in self._market.book(slot)]
        return skipped.reason.name == "OrderExists" and skipped.order in book

    def clear(self, slot: Slot) -> SlotOutcome | None:
        """
        Clear a slot whose gate is closed; None where nobody ordered.

        Raises
        ------
        ContractRevert
            If the contract refuses, as WrongPhase where somebody else was faster.
        """
        found = self.read(slot)
        return None if found is None else self.submit(slot, found.book, found.cleared())

    def read(self, slot: Slot) -> SlotBook | None:
        """
        Read what clearing a slot depends on; None where nobody ordered.

        Raises
        ------
        ChainUnavailable
            If the slot's mechanism is unknown here.
        """
        book = self._market.book(slot)
        if not book:
            return None
        mechanism = self._mechanism(slot)
        market_round = round_of(
            book, self.fees(slot), self._market.real_time_price(slot), self.capacities(slot)
        )
        return SlotBook(book=book, mechanism=mechanism, market_round=market_round)

    def submit(self, slot: Slot, book: Sequence[Order], outcome: Outcome) -> SlotOutcome | None:
        """
        Clear a slot on the chain; return what the chain has of it then.

        Raises
        ------
        ContractRevert
            If the contract refuses, as WrongPhase where somebody else was faster.
        """
        self._market.clear(self._account, slot, book, outcome.trades, outcome.certificate)
        return self.outcome(slot)

    def settle(self, slot: Slot, readings: Sequence[SignedReading] = ()) -> SlotOutcome | None:
        """
        Settle a cleared slot; None where nothing was cleared.

        `readings` are besides those recorded so far: to give them here costs less gas. Where
        somebody records one meanwhile, the settlement is tried again.

        Raises
        ------
        ContractRevert
            If the contract refuses, as ReadingsIncomplete where a reading may still come.
        """
        trades = self._market.cleared_trades(slot)
        if trades is None:
            return None
        book = self._market.book(slot)
        for tries_left in reversed(range(SETTLE_TRIES)):
            entries = self._market.readings(slot)
            try:
                self._market.settle(self._account, slot, book, trades, entries, readings)
                break
            except ContractRevert as revert:
                if revert.name != "ReadingsMismatch" or not tries_left:
                    raise
        return self.outcome(slot)

    def outcome(self, slot: Slot) -> SlotOutcome | None:
        """Return what a slot was settled or else cleared with, by whomever; None if neither."""
        trades = self._market.settled_trades(slot)
        if trades is None:
            trades = self._market.cleared_trades(slot)
        if trades is None:
            return None
        return SlotOutcome(
            book=self._market.book(slot),
            trades=trades,
            overstated=overstated(self._market.readings(slot)),
        )

    def void(self, slot: Slot) -> bool:
        """Release the locks of a slot not cleared in time; False where there is nothing to."""
        if not self._market.has_entries(slot):
            return False
        if self._market.phase(slot) not in (Phase.OPEN, Phase.CLOSED):
            return False
        self._market.void(self._account, slot, self._market.book(slot))
        return True

    def _mechanism(self, slot: Slot) -> Mechanism:
        address = self._market.mechanism(slot)
        known = self._twins if self._mechanisms is None else self._mechanisms
        if self._mechanisms is None and address not in self._twins:
            verifier = self._market.verifier(address)
            if verifier is not None and verifier.contract in BY_CONTRACT:
                twin = BY_CONTRACT[verifier.contract].of_parameters(verifier.parameters)
                self._twins[address] = twin
        if address not in known:
            raise ChainUnavailable(f"slot {slot} is cleared by {address}, a mechanism unknown here")
        return known[address]

    def fees(self, slot: Slot) -> dict[tuple[int, int], MicroUsdPerMwh]:
        """Return the fee per (seller, buyer) in a slot, from the chain's lines and ladder."""
        key = self._market.row_table(slot), self._market.ladder(slot)
        if key not in self._fees:
            words, row_words = self._market.rows(slot)
            self._fees[key] = {
                pair: lease_fee(key[1], distance)
                for pair, distance in lines_of(words, row_words).items()
            }
        return self._fees[key]

    def capacities(self, slot: Slot) -> dict[tuple[int, int], Wh]:
        """Return the capacity per (seller, buyer) in a slot, of those lines that have one."""
        words = self._market.capacities(slot)
        return capacities_of(words, *self._market.rows(slot)) if words else {}
