"""
The slots of the benchmark: orders in own transactions, then in signed batches; cleared and settled
in both ways; and, from a copy of the state, voided instead.

A copy is the node's own snapshot. Each branch has senders of its own: what was sent in one is
unknown to the other, their nonces included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oracle.chain.chains import Chain
from oracle.chain.market import Market, SignedReading
from oracle.chain.signatures import development_key, sign_reading
from oracle.domain.book import Order
from oracle.domain.clock import GATE_CLOSURE_SECONDS, slot_at, starts_at
from oracle.errors import ChainUnavailable, SolverError
from oracle.market.mechanism import Outcome, round_of
from oracle.market.pairwise_nash import PairwiseNash
from oracle.progress import Progress
from oracle.round import RoundRunner
from oracle.units import SLOT_SECONDS, Slot, Wh
from scripts.bench.gas.community import Shape, orders_of, participant
from scripts.bench.gas.price_list import Log, Sent

BATCH = 100
MOST_OWN = 100  # orders in own transactions: what one costs does not depend on their number
FIRST_SLOTS_AHEAD = 5
SLOTS_AHEAD = 8  # the chain's time passes while orders are sent
CHAIN_HAS_NO_COPY = "the node cannot copy its state (evm_snapshot): expected a development chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What was sent for one book."""

    shape: Shape
    orders: int
    sellers: int
    trades: int
    edges: int
    certificate_bytes: int
    own: tuple[Sent, ...]
    batches: tuple[Sent, ...]
    readings: Sent
    clear: Sent
    settle: Sent
    settle_with_readings: Sent
    void: Sent


def senders_of(shape: Shape) -> dict[str, str]:
    """Return the labels of the senders of a book, by what they send."""
    return {what: f"bench {shape} {what}" for what in ("post", "clear", "settle", "hear", "void")}


class RoundBench:
    """Sends the rounds of one market, and keeps every transaction as the chain has it."""

    def __init__(self, market: Market, prosumers: int, progress: Progress) -> None:
        self._market = market
        self._chain = market.chain
        self._people = [participant(number) for number in range(1, prosumers + 1)]
        self._progress = progress
        self._mechanism = PairwiseNash()

    def first_orders(self, shape: Shape) -> tuple[Sent, ...]:
        """Record the first order of each account, in signed batches for a slot of no other use."""
        slot = Slot(slot_at(self._chain.now()) + FIRST_SLOTS_AHEAD)
        return self._posted(slot, orders_of(shape, len(self._people)), shape)

    def run(self, shape: Shape) -> Rounds:
        """Record, clear and settle a book of that shape, and void it instead."""
        orders = orders_of(shape, len(self._people))
        keys = {what: development_key(label) for what, label in senders_of(shape).items()}
        slot = Slot(slot_at(self._chain.now()) + SLOTS_AHEAD)
        own = self._placed(Slot(slot + 1), orders[:MOST_OWN], shape)
        batches = self._posted(slot, orders, shape)

        self._chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
        book, edges, outcome = self._outcome(slot)
        closed = _copy(self._chain)
        self._market.clear(keys["clear"], slot, book, outcome.trades, outcome.certificate)
        clear = self._last("clear")

        self._chain.travel_to(starts_at(slot) + SLOT_SECONDS)
        readings = self._readings(slot, book, outcome)
        cleared = _copy(self._chain)
        self._market.record_readings(keys["settle"], slot, readings)
        recorded = self._last("recordReadings")
        entries = [reading.participant << 32 | reading.energy for reading in readings]
        self._market.settle(keys["settle"], slot, book, outcome.trades, entries)
        settle = self._last("settle")

        _put_back(self._chain, cleared)
        self._market.settle(keys["hear"], slot, book, outcome.trades, [], readings)
        with_readings = self._last("settle with readings")

        _put_back(self._chain, closed)
        self._chain.travel_to(starts_at(slot))
        self._market.void(keys["void"], slot, book)
        return Rounds(
            shape=shape,
            orders=len(orders),
            sellers=len(readings),
            trades=len(outcome.trades),
            edges=edges,
            certificate_bytes=len(outcome.certificate),
            own=own,
            batches=batches,
            readings=recorded,
            clear=clear,
            settle=settle,
            settle_with_readings=with_readings,
            void=self._last("void"),
        )

    def _placed(self, slot: Slot, orders: Sequence[Order], shape: Shape) -> tuple[Sent, ...]:
        """Let each owner place its order in a transaction of its own."""
        sent = []
        for done, order in enumerate(orders):
            self._progress(f"{shape}, own transactions", done, len(orders))
            self._market.place(self._people[order.participant - 1].owner, slot, order)
            sent.append(self._last("order"))
        self._progress(f"{shape}, own transactions", len(orders), len(orders))
        return tuple(sent)

    def _posted(self, slot: Slot, orders: Sequence[Order], shape: Shape) -> tuple[Sent, ...]:
        """Let a stranger post the orders that their owners signed."""
        poster = development_key(senders_of(shape)["post"])
        sent = []
        for first in range(0, len(orders), BATCH):
            some = [
                self._market.signed(self._people[order.participant - 1].owner, slot, order)
                for order in orders[first : first + BATCH]
            ]
            skipped = self._market.post(poster, slot, some)
            if skipped:
                raise skipped[0].reason
            sent.append(self._last("post"))
        return tuple(sent)

    def _outcome(self, slot: Slot) -> tuple[tuple[Order, ...], int, Outcome]:
        """Return a slot's book, the number of its edges, and what the mechanism makes of it."""
        book = self._market.book(slot)
        runner = RoundRunner(self._market, development_key("bench oracle"), {})
        real_time_price = self._market.real_time_price(slot)
        market_round = round_of(book, runner.fees(slot), real_time_price)
        outcome = self._mechanism.clear(market_round)
        if not outcome.trades:
            raise SolverError("the benchmark's book has no trade")
        return book, len(market_round.edges), outcome

    def _readings(self, slot: Slot, book: Sequence[Order], outcome: Outcome) -> list[SignedReading]:
        """Return the readings of all who sold: each delivers just that."""
        sold: dict[int, int] = {}
        for trade in outcome.trades:
            seller = book[trade.offer].participant
            sold[seller] = sold.get(seller, 0) + trade.energy
        return [
            SignedReading(
                participant=seller,
                energy=Wh(energy),
                signature=sign_reading(
                    self._people[seller - 1].meter,
                    self._market.exchange_domain,
                    slot=slot,
                    participant=seller,
                    energy=Wh(energy),
                ),
            )
            for seller, energy in sold.items()
        ]

    def _last(self, label: str) -> Sent:
        """Return the transaction of the latest block, which is ours alone."""
        eth = self._chain.w3.eth
        transaction: Any = eth.get_block("latest", full_transactions=True)["transactions"][-1]
        receipt = eth.get_transaction_receipt(transaction["hash"])
        calldata = transaction["input"] if "input" in transaction else transaction["data"]
        return Sent(
            label=label,
            gas=receipt["gasUsed"],
            calldata=bytes(calldata),
            logs=tuple(
                Log(topics=len(log["topics"]), data_bytes=len(log["data"]))
                for log in receipt["logs"]
            ),
        )


def _copy(chain: Chain) -> Any:
    return _asked(chain, "evm_snapshot", [])


def _put_back(chain: Chain, copy: Any) -> None:
    _asked(chain, "evm_revert", [copy])


def _asked(chain: Chain, method: str, arguments: list[Any]) -> Any:
    answer = chain.w3.provider.make_request(method, arguments)  # type: ignore[arg-type]
    if "error" in answer:
        raise ChainUnavailable(f"{chain.name}: {CHAIN_HAS_NO_COPY}")
    return answer["result"]
