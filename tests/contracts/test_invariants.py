"""The whole market under random calls, against a plain ledger; INVARIANTS.md after every step."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, settings
from hypothesis import Phase as HypothesisPhase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from web3.contract import Contract
from web3.exceptions import ContractLogicError
from web3.types import EventData

from oracle.chain.market import Phase, SignedReading
from oracle.chain.signatures import sign_storage_reading
from oracle.domain.book import Kind, Order
from oracle.domain.clock import OPEN_SLOTS, READING_SECONDS, slot_at, starts_at
from oracle.market.mechanism import Outcome, Round, round_of
from oracle.model.line_lease import fees_of_lines
from oracle.units import BPS, SLOT_SECONDS, Bps, MicroUsd, MicroUsdPerMwh, Slot, Wh
from tests.contracts.ledger import (
    OPERATOR,
    PROVIDER,
    Ledger,
    PlainSlot,
    free_by_events,
    lock_of,
)
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    LADDER,
    LINES,
    PRICE_CAP,
    PROSUMERS,
    RATING,
    REAL_TIME_PRICE,
    ROLES,
    STRANGER,
    World,
    meter_of,
    owner_of,
    packed,
)
from tests.contracts.revertible import deploy_mock, send_raw
from tests.contracts.reverting import reverts

pytestmark = [pytest.mark.contract, pytest.mark.slow]

SEQUENCES = int(os.environ.get("INVARIANT_SEQUENCES", "6"))
STEPS = int(os.environ.get("INVARIANT_STEPS", "25"))
MAX_MONEY = 2**50 - 1
FEES = {
    (seller + 1, buyer + 1): fee for (seller, buyer), fee in fees_of_lines(LADDER, LINES).items()
}

numbers = st.integers(1, PROSUMERS)
energies = st.one_of(st.integers(1, 20), st.integers(1, 50_000)).map(Wh)
sales = st.sampled_from([80_000_000, 90_000_000, 250_000_000]).map(MicroUsdPerMwh)
purchases = st.sampled_from([100_000_000, 250_000_000, 400_000_000]).map(MicroUsdPerMwh)
shares = st.sampled_from([0, 3000, 6000, 9999, BPS, BPS, 12_000]).map(Bps)
places = st.floats(0, 1, exclude_max=True)
flips = st.integers(1, 255)


def hashed(words: Iterable[int]) -> bytes:
    result = bytes(32)
    for word in words:
        result = keccak(result + word.to_bytes(32, "big"))
    return result


def max_flow(market_round: Round) -> int:
    """Return the most energy that flows over the edges, by augmenting paths."""
    flow = {(edge.offer, edge.bid): 0 for edge in market_round.edges}
    left = {k: int(order.energy) for k, order in enumerate(market_round.orders) if order}
    served = 0
    while path := _augmenting_path(flow, left):
        amount = min(
            left[path[0]],
            left[path[-1]],
            *(flow[b, a] for a, b in zip(path[1::2], path[2::2], strict=False)),
        )
        for a, b in zip(path[::2], path[1::2], strict=True):
            flow[a, b] += amount
        for a, b in zip(path[1::2], path[2::2], strict=False):
            flow[b, a] -= amount
        left[path[0]] -= amount
        left[path[-1]] -= amount
        served += amount
    return served


def _augmenting_path(flow: dict[tuple[int, int], int], left: dict[int, int]) -> list[int]:
    """Return offer, bid, offer, …, bid: forward over edges, back over edges that carry some."""
    paths = [[offer] for offer in dict.fromkeys(i for i, _ in flow) if left[offer] > 0]
    seen = {path[0] for path in paths}
    while paths:
        path = paths.pop()
        at_offer = len(path) % 2 == 1
        for i, j in flow:
            here, there = (i, j) if at_offer else (j, i)
            if here != path[-1] or there in seen or (not at_offer and flow[i, j] == 0):
                continue
            seen.add(there)
            if at_offer and left[there] > 0:
                return [*path, there]
            paths.append([*path, there])
    return []


class MarketMachine(RuleBasedStateMachine):
    """The rules are what people do; a rule whose call must be refused checks the refusal."""

    world: World
    reader: Contract
    calldata: ClassVar[dict[tuple[str, str, Any], str]] = {}
    outputs: ClassVar[dict[str, list[str]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.mark = self.world.mark()
        deposits = dict.fromkeys(range(1, PROSUMERS + 1), int(DEPOSIT))
        self.ledger = Ledger({**deposits, OPERATOR: int(DEPOSIT)})
        self.exchange = self.world.exchange
        self.challenge = self.exchange.functions.challengeSeconds().call()
        self.regroup({1: 9, 4: 9})
        self.world.now_runs_at(starts_at(Slot(self.ledger.groups[0][0] - 3)))
        self.stored = int(RATING.initial)
        self.throughput = 0
        self.storage_slots = 0
        self.steps = 0
        self.logged: list[EventData] = []
        self.answers: dict[tuple[str, str, Any], Any] = {}
        self.answered = -1
        self.next_block = self.world.deployment.first_block
        self.event_names = {
            str(self.exchange.events[entry["name"]]().topic): entry["name"]
            for entry in self.exchange.abi
            if entry["type"] == "event"
        }
        self.addresses = {
            **{number: owner_of(number).address for number in range(1, PROSUMERS + 1)},
            OPERATOR: ROLES.operator.address,
            PROVIDER: ROLES.provider.address,
        }

    def teardown(self) -> None:
        self.world.put_back(self.mark)

    @property
    def current(self) -> Slot:
        return slot_at(self.world.chain.now())

    def slots_where(self, name: str) -> list[Slot]:
        """Return the slots that may be cleared, read, settled or made void now."""
        now, current = self.world.chain.now() + 1, self.current
        found = []
        for slot, plain in self.ledger.slots.items():
            ends_at = starts_at(slot) + SLOT_SECONDS
            standing = plain.trades is None and not plain.void
            deadline_over = now >= ends_at + READING_SECONDS
            final = now >= ends_at + READING_SECONDS + self.challenge
            due = {
                "clear": standing and slot - 2 <= current < slot,
                "read": ends_at <= now and not deadline_over and plain.settled is None,
                "correct": self.challenge
                and ends_at <= now
                and not final
                and plain.settled is None,
                "settle": plain.trades is not None
                and not plain.done
                and (final if self.challenge else deadline_over or not plain.silent_sellers()),
                "settle with readings": plain.trades is not None
                and not plain.done
                and not self.challenge
                and ends_at <= now
                and not deadline_over,
                "void": standing and current >= slot,
            }
            if due[name]:
                found.append(slot)
        return found

    @rule(number=numbers, amount=st.integers(1, 10**9))
    def deposit(self, number: int, amount: int) -> None:
        if self.ledger.paused:
            with reverts(self.exchange, "EnforcedPause"):
                self.world.attempt(owner_of(number), "deposit", amount)
            return
        self.world.market.deposit(owner_of(number), MicroUsd(amount))
        self.ledger.free[number] += amount
        self.ledger.deposited += amount

    @rule(number=numbers, share=st.integers(0, 10))
    def withdraw(self, number: int, share: int) -> None:
        amount = MicroUsd(self.ledger.free[number] * share // 10)
        self.world.market.withdraw(owner_of(number), amount)
        self.ledger.free[number] -= amount
        self.ledger.withdrawn += amount

    @rule(
        offers=st.lists(st.tuples(st.integers(1, 3), energies, sales), min_size=1, max_size=3),
        bids=st.lists(st.tuples(st.integers(4, 6), energies, purchases), min_size=1, max_size=3),
        share=shares,
        end=st.sampled_from(["settle", "settle", "settle", "deadline", "void", "stand"]),
        posted=st.booleans(),
        corrected=st.sampled_from([None, None, 0, 1, 500, 20_000]),
    )
    def one_round(
        self,
        offers: list[tuple[int, Wh, MicroUsdPerMwh]],
        bids: list[tuple[int, Wh, MicroUsdPerMwh]],
        share: Bps,
        end: str,
        posted: bool,
        corrected: int | None,
    ) -> None:
        """Orders, then most of a slot's life: by single calls it would seldom come to an end."""
        slot = Slot(self.current + 3)
        if self.ledger.paused:
            self.toggle_pause()
        orders = [
            *((number, Kind.OFFER, energy, price) for number, energy, price in offers),
            *((number, Kind.BID, energy, price) for number, energy, price in bids),
        ]
        if posted:
            nonces = self.ledger.nonces
            self.post([(*order, nonces[order[0]], True) for order in orders], 3)
        else:
            for order in orders:
                self.place(*order, 3)
        if end == "stand" or slot not in self.ledger.slots:
            return
        self.move_on(1)
        if end == "void":
            self.move_on(2)
            self.void_due()
            return
        self.clear_due()
        self.move_on(3)
        self.read_due(slot, share)
        if corrected is not None and slot in self.slots_where("correct"):
            self.correct_in(slot, 1, Wh(corrected))
        if end == "deadline" or self.challenge:
            self.move_on(4 + self.challenge // SLOT_SECONDS)
        self.settle_due()

    @rule(
        number=numbers,
        kind=st.sampled_from([Kind.OFFER, Kind.BID]),
        energy=energies,
        price=sales,
        ahead=st.integers(0, 26),
    )
    def place(self, number: int, kind: Kind, energy: Wh, price: MicroUsdPerMwh, ahead: int) -> None:
        slot = Slot(self.current + ahead)
        terms = price if kind is Kind.OFFER else 150_000_000 << 48 | 20_000 << 16 | 6000
        order = Order(
            kind=kind,
            participant=number,
            energy=energy,
            price=price,
            score=self.ledger.reputations[number].score,
            terms=terms,
        )
        plain = self.ledger.slots.get(slot, PlainSlot())
        if self.ledger.paused:
            expected = "EnforcedPause"
        elif ahead <= 2:
            expected = "GateClosed"
        elif ahead > OPEN_SLOTS:
            expected = "NotOpenYet"
        elif plain.has_order(number):
            expected = "OrderExists"
        elif lock_of(order) > self.ledger.free[number]:
            expected = "InsufficientFree"
        else:
            self.world.market.place(owner_of(number), slot, order)
            self.ledger.place(slot, order)
            return
        with reverts(self.exchange, expected):
            self.world.market.place(owner_of(number), slot, order)

    @rule(number=numbers, ahead=st.integers(0, 5))
    def cancel(self, number: int, ahead: int) -> None:
        slot = Slot(self.current + ahead)
        plain = self.ledger.slots.get(slot, PlainSlot())
        if ahead <= 2 or not plain.live_order(number):
            with reverts(self.exchange, "GateClosed" if ahead <= 2 else "NoOrder"):
                self.world.market.cancel(owner_of(number), slot)
            return
        self.world.market.cancel(owner_of(number), slot)
        plain.book.append(Order(kind=Kind.CANCELLATION, participant=number))

    @rule(
        orders=st.lists(
            st.tuples(
                numbers,
                st.sampled_from([Kind.OFFER, Kind.BID, Kind.CANCELLATION]),
                st.one_of(energies, st.just(Wh(0))),
                st.one_of(sales, st.just(MicroUsdPerMwh(PRICE_CAP + 1))),
                st.integers(0, 3),
                st.sampled_from([True, True, True, False]),
            ),
            min_size=1,
            max_size=4,
        ),
        ahead=st.integers(1, 5),
    )
    def post(
        self, orders: list[tuple[int, Kind, Wh, MicroUsdPerMwh, int, bool]], ahead: int
    ) -> None:
        """Post orders, some of them signed by the wrong owner, spent or impossible."""
        slot = Slot(self.current + ahead)
        signed, expected = [], []
        refused = self.ledger.paused or ahead <= 2
        for number, kind, energy, price, nonce, honest in orders:
            order = self.signed_form(number, kind, energy, price, nonce)
            key = owner_of(number if honest else number % PROSUMERS + 1)
            signed.append(self.world.sign(slot, order, key=key))
            if refused:
                continue
            reason = self.reason_against(slot, order, honest=honest)
            if reason is not None:
                expected.append(reason)
            else:
                score = Bps(0)
                if kind is not Kind.CANCELLATION:
                    score = self.ledger.reputations[number].score
                self.ledger.place(slot, replace(order, score=score))
        if refused:
            with reverts(self.exchange, "EnforcedPause" if self.ledger.paused else "GateClosed"):
                self.world.market.post(STRANGER, slot, signed)
            return
        skipped = self.world.market.post(STRANGER, slot, signed)
        assert [one.reason.name for one in skipped] == expected

    def signed_form(
        self, number: int, kind: Kind, energy: Wh, price: MicroUsdPerMwh, nonce: int
    ) -> Order:
        if kind is Kind.CANCELLATION:
            return Order(kind=kind, participant=number, nonce=nonce)
        terms = price if kind is Kind.OFFER else 150_000_000 << 48 | 20_000 << 16 | 6000
        return Order(
            kind=kind, participant=number, energy=energy, price=price, terms=terms, nonce=nonce
        )

    def reason_against(self, slot: Slot, order: Order, *, honest: bool) -> str | None:
        """Return what a signed order for an open slot is skipped with."""
        number, plain = order.participant, self.ledger.slots.get(slot, PlainSlot())
        is_order = order.kind is not Kind.CANCELLATION
        faults = {
            "WrongSigner": not honest,
            "NonceSpent": order.nonce < self.ledger.nonces[number],
            "NoOrder": not is_order and not plain.live_order(number),
            "ZeroEnergy": is_order and order.energy == 0,
            "PriceAboveCap": order.price > PRICE_CAP,
            "OrderExists": is_order and plain.has_order(number),
            "InsufficientFree": lock_of(order) > self.ledger.free[number],
        }
        return next((name for name, fault in faults.items() if fault), None)

    @rule(number=numbers, below=st.integers(0, 4))
    def spend_nonces(self, number: int, below: int) -> None:
        if below <= self.ledger.nonces[number]:
            with reverts(self.exchange, "NonceSpent", lowest=self.ledger.nonces[number]):
                self.world.market.spend_nonces(owner_of(number), below)
            return
        self.world.market.spend_nonces(owner_of(number), below)
        self.ledger.nonces[number] = below

    @rule()
    def toggle_pause(self) -> None:
        if self.ledger.paused:
            self.world.market.unpause(ROLES.operator)
        else:
            self.world.market.pause(ROLES.operator)
        self.ledger.paused = not self.ledger.paused

    @rule(groups=st.dictionaries(numbers, st.integers(0, 2), min_size=1, max_size=3))
    def regroup(self, groups: dict[int, int]) -> None:
        first = Slot(self.current + OPEN_SLOTS + 1)
        arguments = [list(groups), list(groups.values()), first]
        registry = self.world.deployment.registry
        self.world.send(ROLES.registrar, "announceGroups", *arguments, on=registry)
        self.ledger.groups.append((first, groups))

    @rule(slots=st.sampled_from([1, 1, 1, 1, 2, 6]))
    def move_on(self, slots: int) -> None:
        self.world.now_runs_at(starts_at(Slot(self.current + slots)))

    @precondition(lambda self: self.slots_where("clear"))
    @rule(place=places, flip=flips)
    def clear_due(self, place: float = 0.5, flip: int = 1) -> None:
        for slot in self.slots_where("clear"):
            plain = self.ledger.slots[slot]
            outcome = self.outcome_of(plain)
            arguments = [
                slot,
                [order.pack() for order in plain.book],
                [trade.pack() for trade in outcome.trades],
                outcome.certificate,
            ]
            self.send_bent("clear", arguments, place, flip)
            plain.trades = outcome.trades
            assert self.world.market.cleared_trades(slot) == outcome.trades

    @precondition(lambda self: self.slots_where("read"))
    @rule(data=st.data(), share=shares)
    def read(self, data: st.DataObject, share: Bps) -> None:
        self.read_due(data.draw(st.sampled_from(self.slots_where("read"))), share)

    def read_due(self, slot: Slot, share: Bps) -> None:
        """Let the meters of a slot's sellers say that a share of what was sold has come."""
        plain = self.ledger.slots[slot]
        readings = []
        for number in sorted(plain.silent_sellers()) or [1]:
            trades = [t for t in plain.trades or () if plain.book[t.offer].participant == number]
            energy = sum(trade.energy for trade in trades) * share // BPS
            readings.append(self.world.reading(slot, number, energy))
            plain.hear(number, energy)
        self.world.market.record_readings(STRANGER, slot, readings)

    @precondition(lambda self: self.slots_where("read"))
    @rule(number=numbers, data=st.data())
    def contradict(self, number: int, data: st.DataObject) -> None:
        slot = data.draw(st.sampled_from(self.slots_where("read")))
        plain = self.ledger.slots[slot]
        one, other = (self.world.reading(slot, number, energy) for energy in (7, 8))
        if number in plain.contradicted:
            with reverts(self.exchange, "NoContradiction", participant=number):
                self.world.market.report_contradiction(STRANGER, slot, one, other)
            return
        self.world.market.report_contradiction(STRANGER, slot, one, other)
        plain.contradicted.add(number)

    @precondition(lambda self: self.slots_where("correct"))
    @rule(number=numbers, energy=energies, data=st.data())
    def correct(self, number: int, energy: Wh, data: st.DataObject) -> None:
        self.correct_in(data.draw(st.sampled_from(self.slots_where("correct"))), number, energy)

    def correct_in(self, slot: Slot, number: int, energy: Wh) -> None:
        plain = self.ledger.slots[slot]
        if number in plain.corrections:
            with reverts(self.exchange, "AlreadyCorrected", participant=number):
                self.world.market.correct_reading(ROLES.operator, slot, number, energy)
            return
        self.world.market.correct_reading(ROLES.operator, slot, number, energy)
        plain.correct(number, energy)

    @precondition(lambda self: self.slots_where("settle"))
    @rule(place=places, flip=flips)
    def settle_due(self, place: float = 0.5, flip: int = 1) -> None:
        for slot in self.slots_where("settle"):
            self.settle_in(slot, [], place, flip)

    @precondition(lambda self: self.slots_where("settle with readings"))
    @rule(share=shares, place=places, flip=flips)
    def settle_with_readings(self, share: Bps, place: float, flip: int) -> None:
        for slot in self.slots_where("settle with readings"):
            plain = self.ledger.slots[slot]
            given = []
            for number in sorted(plain.sellers()):
                energy = Wh(plain.sold(number) * share // BPS)
                given.append(self.world.reading(slot, number, energy))
                plain.hear(number, energy)
            self.settle_in(slot, given, place, flip)

    def settle_in(self, slot: Slot, given: list[SignedReading], place: float, flip: int) -> None:
        plain = self.ledger.slots[slot]
        arguments = [
            slot,
            [order.pack() for order in plain.book],
            [trade.pack() for trade in plain.trades or ()],
            self.world.market.readings(slot),
            [reading.fields() for reading in given],
        ]
        self.send_bent("settle", arguments, place, flip)
        settled = self.ledger.settle(slot)
        assert self.world.market.settled_trades(slot) == settled

    def send_bent(self, name: str, arguments: list[Any], place: float, flip: int) -> None:
        """
        Send a call with one byte of its calldata changed, or as it is where that is refused.

        What the ledger expects is the same: a change is refused, or worth nothing.
        """
        data = bytes.fromhex(self.exchange.encode_abi(name, arguments).removeprefix("0x"))
        bent = bytearray(data)
        bent[int(place * len(data))] ^= flip
        call: Any = {"from": STRANGER.address, "to": self.exchange.address, "data": bytes(bent)}
        try:
            self.world.chain.w3.eth.call(call)
        except ContractLogicError:
            bent = bytearray(data)
        send_raw(self.world.chain, STRANGER, self.exchange, bytes(bent))

    @precondition(lambda self: self.slots_where("void"))
    @rule()
    def void_due(self) -> None:
        for slot in self.slots_where("void"):
            self.world.market.void(STRANGER, slot, self.ledger.slots[slot].book)
            self.ledger.void(slot)

    @rule(charge=st.booleans(), energy=st.sampled_from([0, 1, 999, 5000, 10_000]))
    def record_storage(self, charge: bool, energy: int) -> None:
        slot = Slot(FIRST_SLOT + self.storage_slots)
        gain = energy * RATING.charge_efficiency // BPS if charge else 0
        drain = 0 if charge else -(-energy * BPS // RATING.discharge_efficiency)
        after = self.stored + gain - drain
        amounts = (Wh(energy), Wh(0)) if charge else (Wh(0), Wh(energy))
        signature = sign_storage_reading(
            ROLES.storage_meter,
            self.world.market.storage_domain,
            slot=slot,
            charge=amounts[0],
            discharge=amounts[1],
        )
        ledger = self.world.deployment.storage_ledger
        expected = None
        if self.current <= slot:
            expected = "SlotNotOver"
        elif after > RATING.max_stored:
            expected = "AboveMaximum"
        elif after < RATING.min_stored:
            expected = "BelowMinimum"
        if expected:
            with reverts(ledger, expected):
                self.world.market.record_storage(STRANGER, slot, *amounts, signature)
            return
        self.world.market.record_storage(STRANGER, slot, *amounts, signature)
        self.stored, self.throughput = after, self.throughput + energy
        self.storage_slots += 1

    @property
    def earned(self) -> int:
        return self.throughput * RATING.compensation // 1_000_000

    @precondition(lambda self: self.earned > self.ledger.compensation)
    @rule()
    def pay_compensation(self) -> None:
        self.world.market.pay_compensation(STRANGER)
        self.ledger.pay_compensation(self.earned)

    def outcome_of(self, plain: PlainSlot) -> Outcome:
        return self.world.mechanism.clear(self.round_of(plain))

    def round_of(self, plain: PlainSlot) -> Round:
        return round_of(tuple(plain.book), FEES, REAL_TIME_PRICE)

    def ask(self, contract: Contract, name: str, arguments: list[Any]) -> list[Any]:
        """Return what a contract's view says of each argument; all views are asked at once."""
        block = self.world.chain.block_number()
        if block != self.answered:
            self.answered, self.answers = block, dict(self._answers())
        return [self.answers[contract.address, name, argument] for argument in arguments]

    def _answers(self) -> Iterator[tuple[tuple[str, str, Any], Any]]:
        storage = self.world.deployment.storage_ledger
        prosumers = [self.addresses[number] for number in self.ledger.reputations]
        questions = [
            *((self.exchange, "accountOf", address) for address in self.addresses.values()),
            *((self.exchange, "reputationOf", address) for address in prosumers),
            *((self.exchange, "nonceOf", address) for address in prosumers),
            *((self.exchange, "slotOf", slot) for slot in self.ledger.slots),
            (self.exchange, "compensationPaid", None),
            (self.world.deployment.token, "balanceOf", self.exchange.address),
            *((storage, n, None) for n in ("storedWh", "nextSlot", "compensationEarned")),
        ]
        calls = [self._encoded(*question) for question in questions]
        targets = [contract.address for contract, _, _ in questions]
        call = self.reader.functions.answers(targets, calls)
        words = call.call({"from": STRANGER.address})
        for (contract, name, argument), answer in zip(questions, words, strict=True):
            values = decode(self._outputs(contract, name), answer)
            yield (contract.address, name, argument), values if len(values) > 1 else values[0]

    def _encoded(self, contract: Contract, name: str, argument: Any) -> str:
        """Return a view's calldata; to make it takes longer than to run it."""
        key = contract.address, name, argument
        if key not in self.calldata:
            self.calldata[key] = contract.encode_abi(name, [] if argument is None else [argument])
        return self.calldata[key]

    def _outputs(self, contract: Contract, name: str) -> list[str]:
        if name not in self.outputs:
            outputs = contract.functions[name].abi["outputs"]
            self.outputs[name] = [str(output["type"]) for output in outputs]
        return self.outputs[name]

    def events(self) -> list[EventData]:
        """Return all that the exchange has logged since it was deployed."""
        latest = self.world.chain.block_number()
        if latest < self.next_block:
            return self.logged
        for log in self.world.chain.logs(self.exchange.address, self.next_block, latest):
            name = self.event_names["0x" + log["topics"][0].hex()]
            self.logged.append(self.exchange.events[name]().process_log(log))
        self.next_block = latest + 1
        return self.logged

    def rebuilt_outcome(self, slot: Slot, book: list[int]) -> bytes:
        """Return a slot's outcome in storage, from the events."""
        own = {e["event"]: e for e in self.events() if e["args"].get("slot") == slot}
        if "SlotSettled" in own:
            return (1).to_bytes(32, "big")
        if "SlotVoided" in own:
            return (2).to_bytes(32, "big")
        if "SlotCleared" not in own:
            return bytes(32)
        trades = own["SlotCleared"]["args"]["trades"]
        return keccak(encode(["bytes"] * 2, [packed(book), packed(trades)]))

    def accounts(self) -> dict[int, tuple[int, int, int]]:
        answers = self.ask(self.exchange, "accountOf", list(self.addresses.values()))
        return dict(zip(self.addresses, answers, strict=True))

    def storage(self, name: str) -> Any:
        return self.ask(self.world.deployment.storage_ledger, name, [None])[0]

    @invariant()
    def m1_accounts_are_deposits_less_withdrawals(self) -> None:
        accounts = self.accounts()
        held = self.ask(self.world.deployment.token, "balanceOf", [self.exchange.address])[0]

        in_accounts = sum(free for free, _, _ in accounts.values())
        in_orders = sum(self.ledger.locked(number) for number in accounts)
        assert in_accounts + in_orders == self.ledger.deposited - self.ledger.withdrawn
        assert self.ledger.deposited - self.ledger.withdrawn == held <= MAX_MONEY

    @invariant()
    def m2_as_much_is_sold_as_is_bought(self) -> None:
        for slot, plain in self.ledger.slots.items():
            trades = self.world.market.cleared_trades(slot) or ()
            for kind, side in ((Kind.OFFER, "offer"), (Kind.BID, "bid")):
                assert all(plain.book[getattr(t, side)].kind is kind for t in trades)
            for trade in self.world.market.settled_trades(slot) or ():
                assert 0 <= trade.delivered <= trade.energy

    @invariant()
    def m3_no_order_is_overfilled_and_no_slot_done_twice(self) -> None:
        for slot, plain in self.ledger.slots.items():
            filled = [0] * len(plain.book)
            for trade in self.world.market.cleared_trades(slot) or ():
                filled[trade.offer] += trade.energy
                filled[trade.bid] += trade.energy
            assert all(f <= o.energy for f, o in zip(filled, plain.book, strict=True))
        events = [event["event"] for event in self.events()]
        cleared = sum(plain.trades is not None for plain in self.ledger.slots.values())
        settled = sum(plain.settled is not None for plain in self.ledger.slots.values())
        assert events.count("SlotCleared") == cleared
        assert events.count("SlotSettled") == settled

    @invariant()
    def m4_every_price_is_within_its_limits(self) -> None:
        for plain in self.ledger.slots.values():
            for trade in plain.trades or ():
                assert plain.book[trade.offer].price <= trade.price <= REAL_TIME_PRICE
                assert trade.price + trade.fee <= plain.book[trade.bid].price

    @invariant()
    def m5_every_fee_is_the_ladders_and_goes_to_the_line_owner(self) -> None:
        for plain in self.ledger.slots.values():
            for trade in plain.trades or ():
                pair = plain.book[trade.offer].participant, plain.book[trade.bid].participant
                assert trade.fee == FEES[pair]
        assert self.accounts()[PROVIDER][0] == self.ledger.fees + self.ledger.compensation

    @invariant()
    def m6_every_account_is_the_plain_one(self) -> None:
        for number, (free, participant, _) in self.accounts().items():
            assert free == self.ledger.free[number] >= 0
            assert participant == max(number, 0)
        owners = [self.addresses[number] for number in self.ledger.nonces]
        assert self.ask(self.exchange, "nonceOf", owners) == list(self.ledger.nonces.values())

    @invariant()
    def m7_reputation_moves_by_the_rule_alone(self) -> None:
        owners = [self.addresses[number] for number in self.ledger.reputations]
        answers = self.ask(self.exchange, "reputationOf", owners)
        for (r, s), expected in zip(answers, self.ledger.reputations.values(), strict=True):
            assert (r, s) == (expected.r, expected.s)
            assert 0 <= r <= s < 2**20
            assert 0 < expected.score < BPS

    @invariant()
    def m8_what_is_free_can_be_withdrawn(self) -> None:
        self.steps += 1
        number = 1 + self.steps % PROSUMERS
        free = self.ledger.free[number]

        self.world.attempt(owner_of(number), "withdraw", free)
        with reverts(self.exchange, "InsufficientFree", freeMicroUsd=free, neededMicroUsd=free + 1):
            self.world.attempt(owner_of(number), "withdraw", free + 1)

    @invariant()
    def m9_only_a_signer_binds_himself(self) -> None:
        slot = Slot(self.current + 5)
        with reverts(self.exchange, "EnforcedPause" if self.ledger.paused else "NotAParticipant"):
            self.world.attempt(STRANGER, "placeBid", slot, 1, 1, 0)
        with reverts(self.exchange, "NoOrder", slot=slot):
            self.world.attempt(STRANGER, "cancelOrder", slot)
        for over in self.slots_where("read")[:1]:
            forged = self.world.reading(over, 1, 5, meter=meter_of(2))
            with reverts(self.exchange, "WrongMeter", signer=meter_of(2).address):
                self.world.attempt(STRANGER, "recordReadings", over, [forged.fields()])

    @invariant()
    def m10_nothing_replays(self) -> None:
        done = [(slot, plain) for slot, plain in self.ledger.slots.items() if plain.done]
        if not done:
            return
        slot, plain = done[self.steps % len(done)]
        book = [order.pack() for order in plain.book]
        trades = [trade.pack() for trade in plain.trades or ()]
        phase = Phase.VOID if plain.void else Phase.SETTLED
        with reverts(self.exchange, "WrongPhase", slot=slot, phase=phase):
            self.world.attempt(STRANGER, "settle", slot, book, trades, [], [])
        with reverts(self.exchange, "WrongPhase", slot=slot, phase=phase):
            self.world.attempt(STRANGER, "void", slot, book)

    @invariant()
    def m11_a_cleared_slot_serves_all_that_flows(self) -> None:
        for plain in self.ledger.slots.values():
            if plain.trades is not None:
                served = sum(trade.energy for trade in plain.trades)
                assert served == max_flow(self.round_of(plain))

    @invariant()
    def m12_the_events_rebuild_the_state(self) -> None:
        slots = list(self.ledger.slots)
        states = self.ask(self.exchange, "slotOf", slots)
        for slot, (book, outcome, readings) in zip(slots, states, strict=True):
            entries = [order.pack() for order in self.world.market.book(slot)]
            assert entries == [order.pack() for order in self.ledger.slots[slot].book]
            assert book == hashed(entries)
            assert readings == hashed(self.world.market.readings(slot))
            assert outcome == self.rebuilt_outcome(slot, entries)
        free = free_by_events(self.events(), ROLES.provider.address)
        accounts = self.accounts()
        assert {n: free[self.addresses[n]] for n in accounts} == {
            number: account[0] for number, account in accounts.items()
        }

    @invariant()
    def m13_a_slot_that_is_done_locks_nothing(self) -> None:
        if all(plain.done for plain in self.ledger.slots.values()):
            in_accounts = sum(free for free, _, _ in self.accounts().values())
            assert in_accounts == self.ledger.deposited - self.ledger.withdrawn

    @invariant()
    def s1_the_stored_energy_follows_its_recursion(self) -> None:
        assert self.storage("storedWh") == self.stored
        assert self.storage("nextSlot") == FIRST_SLOT + self.storage_slots

    @invariant()
    def s2_the_stored_energy_is_within_its_limits(self) -> None:
        assert RATING.min_stored <= self.storage("storedWh") <= RATING.max_stored

    @invariant()
    def s3_the_compensation_is_the_throughput_at_its_price(self) -> None:
        paid = self.ask(self.exchange, "compensationPaid", [None])[0]
        assert self.storage("compensationEarned") == self.earned
        assert paid == self.ledger.compensation <= self.earned


@pytest.mark.parametrize("market", ["world", "watched"])
def test_the_market_keeps_its_invariants(market: str, request: pytest.FixtureRequest) -> None:
    """The market that settles at once, and the one whose readings may be corrected."""
    world: World = request.getfixturevalue(market)

    class Machine(MarketMachine):
        pass

    Machine.world = world
    Machine.reader = deploy_mock(world.chain, STRANGER, "MockMulticall")

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[HypothesisPhase.generate],  # to shrink a sequence would take minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
