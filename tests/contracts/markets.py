"""
A small market on a development chain, with builders for orders and the stages of a slot.

Six prosumers; the first three sell to the others over six lines, the first two also trade with each
other. Nobody but the pairs of LINES has a line. All amounts of the tests come from these constants.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_account.signers.local import LocalAccount
from web3.contract import Contract
from web3.types import TxReceipt

from oracle.chain.deployment import (
    MarketTerms,
    Participant,
    Roles,
    deploy_market,
)
from oracle.chain.market import Market, SignedOrder, SignedReading
from oracle.chain.reverts import translated
from oracle.chain.signatures import development_key, sign_reading
from oracle.domain.book import Kind, Order, Trade
from oracle.domain.clock import GATE_CLOSURE_SECONDS, slot_at, starts_at
from oracle.domain.community import FeeLadder, Line
from oracle.domain.rows import rows_of
from oracle.domain.storage_rating import StorageRating
from oracle.market.mechanism import Mechanism, Outcome, Round, round_of
from oracle.market.pairwise_nash import PairwiseNash, bid_terms, offer_terms
from oracle.round import RoundRunner
from oracle.units import (
    SLOT_SECONDS,
    Bps,
    Meters,
    MicroUsd,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    Slot,
    Wh,
)
from tests.contracts.revertible import RevertibleChain

FIRST_SLOT = Slot(3_400_000)
PROSUMERS = 6
DEPOSIT = MicroUsd(100_000_000)
CHALLENGE_SECONDS = 1800
SEAL_BOND = MicroUsd(1_000_003)
USD_PER_MWH = 1_000_000

REAL_TIME_PRICE = MicroUsdPerMwh(300 * USD_PER_MWH)
PRICE_CAP = MicroUsdPerMwh(500 * USD_PER_MWH)
BOND = MicroUsdPerMwh(200 * USD_PER_MWH)
COMPENSATION = MicroUsdPerMwh(120_000_007)
MEMORY = Bps(9000)
FULL_VALUE = MicroUsd(1_000_000)
SCORES = (Bps(9000), Bps(8000), Bps(0), Bps(0), Bps(0), Bps(0))

LADDER = FeeLadder(base=MicroUsdPerMwhKm(5_000_000), interval=Meters(1000), growth=Bps(2000))
LINES = tuple(
    Line(first=seller - 1, second=buyer - 1, distance=Meters(distance))
    for seller, buyer, distance in (
        (1, 2, 700),
        (1, 4, 1000),
        (1, 5, 2500),
        (2, 4, 1501),
        (2, 5, 800),
        (2, 6, 4000),
        (3, 6, 500),
    )
)
RATING = StorageRating(
    max_slot=Wh(10_000),
    min_stored=Wh(1_000),
    max_stored=Wh(50_000),
    initial=Wh(20_000),
    charge_efficiency=Bps(9500),
    discharge_efficiency=Bps(9300),
    compensation=MicroUsdPerMwh(7_000_001),
)


def an_offer(
    participant: int, energy: int, usd_per_mwh: float, *, cost: float | None = None
) -> Order:
    """Return an offer; the seller's cost is its price unless it says otherwise."""
    price = MicroUsdPerMwh(round(usd_per_mwh * USD_PER_MWH))
    own = price if cost is None else MicroUsdPerMwh(round(cost * USD_PER_MWH))
    return Order(
        kind=Kind.OFFER,
        participant=participant,
        energy=Wh(energy),
        price=price,
        terms=offer_terms(own),
    )


def a_bid(
    participant: int,
    energy: int,
    usd_per_mwh: float,
    *,
    utility: float = 150,
    saturation: int = 20_000,
    weight: int = 6000,
) -> Order:
    """Return a bid with a buyer's tastes."""
    return Order(
        kind=Kind.BID,
        participant=participant,
        energy=Wh(energy),
        price=MicroUsdPerMwh(round(usd_per_mwh * USD_PER_MWH)),
        terms=bid_terms(MicroUsdPerMwh(round(utility * USD_PER_MWH)), Wh(saturation), Bps(weight)),
    )


def a_cancellation(participant: int) -> Order:
    return Order(kind=Kind.CANCELLATION, participant=participant)


def a_book() -> tuple[Order, ...]:
    """Return six orders with more than one trade per offer and per bid in their outcome."""
    return (
        an_offer(1, 10_000, 80),
        a_bid(4, 8_000, 250),
        an_offer(2, 6_000, 90),
        a_bid(5, 7_001, 240),
        a_bid(6, 4_000, 230),
        an_offer(3, 1_500, 70),
    )


def packed(words: Iterable[int]) -> bytes:
    """Return words as the mechanisms take them, 32 bytes each."""
    return b"".join(word.to_bytes(32, "big") for word in words)


def owner_of(participant: int) -> LocalAccount:
    return development_key(f"prosumer {participant} owner")


def meter_of(participant: int) -> LocalAccount:
    return development_key(f"prosumer {participant} meter")


ROLES = Roles(
    registrar=development_key("registrar"),
    operator=development_key("system operator"),
    provider=development_key("storage provider"),
    storage_meter=development_key("storage meter"),
)
STRANGER = development_key("stranger")
LATECOMER = development_key("latecomer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A slot whose gate is closed: its book, and what the mechanism makes of it."""

    slot: Slot
    book: tuple[Order, ...]
    round: Round
    outcome: Outcome

    @property
    def trades(self) -> tuple[Trade, ...]:
        return self.outcome.trades

    @property
    def trade_words(self) -> list[int]:
        return [trade.pack() for trade in self.trades]

    @property
    def book_words(self) -> list[int]:
        return [order.pack() for order in self.book]

    def trades_with(self, position: int, **changes: Any) -> list[int]:
        """Return the trades' words with one trade changed."""
        changed = list(self.trades)
        changed[position] = replace(changed[position], **changes)
        return [trade.pack() for trade in changed]

    def sold(self) -> dict[int, Wh]:
        """Return what each seller sold, by its number."""
        sold: dict[int, Wh] = {}
        for trade in self.trades:
            seller = self.book[trade.offer].participant
            sold[seller] = Wh(sold.get(seller, 0) + trade.energy)
        return sold


def some_terms(
    *,
    prosumers: int = PROSUMERS,
    lines: Iterable[Line] = LINES,
    scores: Sequence[Bps] = SCORES,
    groups: Mapping[int, int] | None = None,
    **changes: Any,
) -> MarketTerms:
    """Return the terms of a market; `changes` are fields of MarketTerms."""
    rows, row_words = rows_of(lines, prosumers)
    known = [*scores, *[Bps(0)] * prosumers][:prosumers]
    terms = MarketTerms(
        participants=tuple(
            Participant(
                name=f"prosumer {number}",
                owner=owner_of(number),
                meter=meter_of(number),
                initial_score=known[number - 1],
                group=(groups or {}).get(number, 0),
            )
            for number in range(1, prosumers + 1)
        ),
        rows=rows,
        row_words=row_words,
        ladder=LADDER,
        mechanism="PairwiseNash",
        real_time_price=REAL_TIME_PRICE,
        price_cap=PRICE_CAP,
        bond_price=BOND,
        compensation_price=COMPENSATION,
        reputation_memory=MEMORY,
        reputation_full_value=FULL_VALUE,
        storage=RATING,
        first_slot=FIRST_SLOT,
    )
    return replace(terms, **changes)


@dataclass(frozen=True, slots=True)
class Mark:
    """A state of the chain, and the block from which the market's events are read then."""

    snapshot: Any
    first_block: int


class World:
    """A deployed market and its people."""

    def __init__(self, chain: RevertibleChain, terms: MarketTerms) -> None:
        self.chain = chain
        owners = [participant.owner.address for participant in terms.participants]
        people = [*ROLES.addresses(), STRANGER.address, LATECOMER.address]
        chain.fund([*owners, *people])
        chain.travel_to(starts_at(FIRST_SLOT))
        self.deployment = deploy_market(chain, STRANGER, ROLES, terms)
        self.market = Market(chain, self.deployment)
        self.exchange = self.deployment.exchange
        self.mechanism = PairwiseNash()

    @property
    def runner(self) -> RoundRunner:
        """The oracle; a new one each time, for what it remembers may have been put back."""
        mechanisms: dict[str, Mechanism] = {self.deployment.mechanism.address: self.mechanism}
        return RoundRunner(self.market, STRANGER, mechanisms)

    def mark(self, first_block: int | None = None) -> Mark:
        """Return where the chain stands; events before `first_block`, or before now, are old."""
        block = self.chain.block_number() if first_block is None else first_block
        return Mark(self.chain.mark(), block)

    def put_back(self, mark: Mark) -> None:
        """Put the chain back, and forget what was read of it."""
        self.chain.put_back(mark.snapshot)
        self.market = Market(self.chain, replace(self.deployment, first_block=mark.first_block))

    @property
    def open_slot(self) -> Slot:
        """The slot that tests order for: its gate closes in more than an hour."""
        return Slot(slot_at(self.chain.now()) + 8)

    def attempt(
        self, sender: LocalAccount, name: str, *arguments: Any, on: Contract | None = None
    ) -> Any:
        """Call a function, of the exchange unless another is named, and keep no trace of it."""
        contract = on or self.exchange
        with translated():
            return contract.functions[name](*arguments).call({"from": sender.address})

    def send(
        self, sender: LocalAccount, name: str, *arguments: Any, on: Contract | None = None
    ) -> TxReceipt:
        return self.chain.send(sender, on or self.exchange, name, *arguments)

    def now_runs_at(self, timestamp: int) -> None:
        """Let calls run at `timestamp`, and the next transaction a second later."""
        self.chain.travel_to(timestamp)

    def place(self, slot: Slot, orders: Iterable[Order]) -> None:
        """Place orders, and cancellations, in the names of their participants."""
        for order in orders:
            owner = owner_of(order.participant)
            if order.kind is Kind.CANCELLATION:
                self.market.cancel(owner, slot)
            else:
                self.market.place(owner, slot, order)

    def sign(self, slot: Slot, order: Order, *, key: LocalAccount | None = None) -> SignedOrder:
        """Return an order, signed by its participant's owner unless another key is named."""
        return self.market.signed(key or owner_of(order.participant), slot, order)

    def post(self, slot: Slot, orders: Iterable[Order]) -> list[str]:
        """Let a stranger post orders that their owners signed; return why some were skipped."""
        signed = [self.sign(slot, order) for order in orders]
        return [skipped.reason.name for skipped in self.market.post(STRANGER, slot, signed)]

    def post_alone(self, slot: Slot, signed: SignedOrder, *, for_wallets: bool = False) -> None:
        """Let a stranger post an order, and raise why it was skipped."""
        post = self.market.post_for_wallets if for_wallets else self.market.post
        for skipped in post(STRANGER, slot, [signed]):
            raise skipped.reason

    def close(self, slot: Slot) -> Stage:
        """Let a slot's gate close and compute its outcome."""
        self.now_runs_at(starts_at(slot) - GATE_CLOSURE_SECONDS)
        book = self.market.book(slot)
        market_round = round_of(book, self.runner.fees(slot), self.market.real_time_price(slot))
        outcome = self.mechanism.clear(market_round)
        return Stage(slot=slot, book=book, round=market_round, outcome=outcome)

    def closed(self, orders: Iterable[Order] | None = None) -> Stage:
        """Record orders, by default those of `a_book`, and close the gate."""
        slot = self.open_slot
        self.place(slot, a_book() if orders is None else orders)
        return self.close(slot)

    def clear(self, stage: Stage) -> None:
        self.market.clear(STRANGER, stage.slot, stage.book, stage.trades, stage.outcome.certificate)

    def cleared(self, orders: Iterable[Order] | None = None) -> Stage:
        """Record orders, close the gate, and let a stranger clear."""
        stage = self.closed(orders)
        self.clear(stage)
        return stage

    def reading(
        self, slot: Slot, participant: int, energy: int, *, meter: LocalAccount | None = None
    ) -> SignedReading:
        """Return a reading, signed by the participant's meter unless another is named."""
        signature = sign_reading(
            meter or meter_of(participant),
            self.market.exchange_domain,
            slot=slot,
            participant=participant,
            energy=Wh(energy),
        )
        return SignedReading(participant=participant, energy=Wh(energy), signature=signature)

    def read(self, slot: Slot, energies: Mapping[int, int]) -> None:
        """Let a slot end and meters say what was delivered; a stranger records it."""
        self.now_runs_at(starts_at(slot) + SLOT_SECONDS)
        readings = [self.reading(slot, number, energy) for number, energy in energies.items()]
        self.market.record_readings(STRANGER, slot, readings)

    def settle(self, stage: Stage) -> tuple[Trade, ...]:
        """Let a stranger settle, and return the trades with what was delivered."""
        readings = self.market.readings(stage.slot)
        self.market.settle(STRANGER, stage.slot, stage.book, stage.trades, readings)
        return self.market.settled_trades(stage.slot) or ()

    def deploy_exchange(
        self,
        *,
        token: Contract | None = None,
        mechanism: Contract | None = None,
        price_cap: int = PRICE_CAP,
        bond: int = BOND,
        compensation: int = COMPENSATION,
        memory: int = MEMORY,
        full_value: int = FULL_VALUE,
        challenge: int = 0,
    ) -> Contract:
        """Deploy a second exchange beside the first, with other constants."""
        contracts = self.deployment
        return self.chain.deploy(
            STRANGER,
            "Exchange",
            ROLES.operator.address,
            (token or contracts.token).address,
            contracts.registry.address,
            contracts.line_lease.address,
            contracts.storage_ledger.address,
            (mechanism or contracts.mechanism).address,
            REAL_TIME_PRICE,
            (price_cap, bond, compensation, memory, full_value, challenge),
        )

    def money(self) -> int:
        """Return the sum of all accounts."""
        return sum(
            account.free + account.locked for account in map(self.market.account, self.people())
        )

    def people(self) -> list[Any]:
        owners = [owner_of(number).address for number in range(1, PROSUMERS + 1)]
        return [*owners, *ROLES.addresses(), STRANGER.address, LATECOMER.address]
