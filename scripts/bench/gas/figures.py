"""
The figures of a round, per order, beside their floors.

Gas per order is rounded up. The chain's cap holds for the transaction that costs most of all those
measured: batches, readings, clearing, settling in both ways, voiding.
"""

from dataclasses import dataclass

from scripts.bench.gas import price_list
from scripts.bench.gas.community import LINES_PER_PROSUMER, SEED, Shape
from scripts.bench.gas.price_list import TRANSACTION_CAP, Needed, Sent, floor_of, terms_of
from scripts.bench.gas.rounds import BATCH, Rounds

DATA = "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class GasFigures:
    """One object of `wattline bench gas --json`; all gas is gasUsed of receipts, or a floor."""

    orders: int
    shape: Shape
    record_own_gas: int  # mean of up to 99: not the slot's first, no account's first order
    record_batch_gas_per_order: int
    clear_settle_gas_per_order: int  # the readings were recorded before
    largest_transaction_gas: int
    void_gas: int
    floor_gas_per_order: int  # of clear and settle
    hardfork: str
    chain: str
    data: str
    seed: int
    lines_per_prosumer: int
    edges: int  # lines from an offer to a bid that could trade over them
    trades: int
    certificate_bytes: int
    readings: int
    record_first_batch_gas_per_order: int  # where each account orders for the first time
    readings_gas_per_order: int
    clear_settle_with_readings_gas_per_order: int  # settle itself checks the meters' signatures
    void_gas_per_order: int
    clear_gas: int
    settle_gas: int
    settle_with_readings_gas: int
    readings_gas: int
    clear_settle_transaction_gas: int  # terms of the floor of clear and settle; their sum is it
    clear_settle_calldata_gas: int
    clear_settle_log_gas: int
    clear_settle_word_gas: int
    clear_settle_computing_gas: int  # what they used besides
    largest_transaction: str
    within_transaction_cap: bool
    record_own_floor_gas: int
    record_batch_floor_gas_per_order: int
    readings_floor_gas_per_order: int
    clear_settle_with_readings_floor_gas_per_order: int
    void_floor_gas_per_order: int
    post_gas: int  # all batches
    post_calldata_bytes: int
    readings_calldata_bytes: int
    clear_calldata_bytes: int
    settle_calldata_bytes: int
    void_calldata_bytes: int


def figures_of(
    rounds: Rounds, first_orders: tuple[Sent, ...], *, hardfork: str, chain: str
) -> GasFigures:
    """Return the figures of a round on the market where `first_orders` were the first ones."""
    orders = rounds.orders
    own = rounds.own[1:]
    sent = [
        *first_orders,
        *rounds.own,
        *rounds.batches,
        rounds.readings,
        rounds.clear,
        rounds.settle,
        rounds.settle_with_readings,
        rounds.void,
    ]
    largest = max(sent, key=lambda one: one.gas)
    settled = price_list.settle(orders)
    terms = (
        terms_of(rounds.clear, price_list.clear()),
        terms_of(rounds.settle, settled),
    )
    heard = price_list.settle(orders, signed_readings=rounds.sellers)
    batches = [
        price_list.batch(min(BATCH, orders - first), first_of_slot=first == 0)
        for first in range(0, orders, BATCH)
    ]
    return GasFigures(
        orders=orders,
        shape=rounds.shape,
        record_own_gas=_each(_gas(*own), len(own)),
        record_batch_gas_per_order=_each(_gas(*rounds.batches), orders),
        clear_settle_gas_per_order=_each(_gas(rounds.clear, rounds.settle), orders),
        largest_transaction_gas=largest.gas,
        void_gas=rounds.void.gas,
        floor_gas_per_order=_each(
            _floor((rounds.clear, price_list.clear()), (rounds.settle, settled)), orders
        ),
        hardfork=hardfork,
        chain=chain,
        data=DATA,
        seed=SEED,
        lines_per_prosumer=LINES_PER_PROSUMER,
        edges=rounds.edges,
        trades=rounds.trades,
        certificate_bytes=rounds.certificate_bytes,
        readings=rounds.sellers,
        record_first_batch_gas_per_order=_each(_gas(*first_orders), orders),
        readings_gas_per_order=_each(rounds.readings.gas, orders),
        clear_settle_with_readings_gas_per_order=_each(
            _gas(rounds.clear, rounds.settle_with_readings), orders
        ),
        void_gas_per_order=_each(rounds.void.gas, orders),
        clear_gas=rounds.clear.gas,
        settle_gas=rounds.settle.gas,
        settle_with_readings_gas=rounds.settle_with_readings.gas,
        readings_gas=rounds.readings.gas,
        clear_settle_transaction_gas=sum(one.transaction for one in terms),
        clear_settle_calldata_gas=sum(one.calldata for one in terms),
        clear_settle_log_gas=sum(one.logs for one in terms),
        clear_settle_word_gas=sum(one.words for one in terms),
        clear_settle_computing_gas=_gas(rounds.clear, rounds.settle)
        - sum(one.sum for one in terms),
        largest_transaction=largest.label,
        within_transaction_cap=largest.gas < TRANSACTION_CAP,
        record_own_floor_gas=_each(
            _floor(*((one, price_list.own_order()) for one in own)), len(own)
        ),
        record_batch_floor_gas_per_order=_each(
            _floor(*zip(rounds.batches, batches, strict=True)), orders
        ),
        readings_floor_gas_per_order=_each(
            _floor((rounds.readings, price_list.readings(rounds.sellers))), orders
        ),
        clear_settle_with_readings_floor_gas_per_order=_each(
            _floor((rounds.clear, price_list.clear()), (rounds.settle_with_readings, heard)),
            orders,
        ),
        void_floor_gas_per_order=_each(_floor((rounds.void, price_list.void(orders))), orders),
        post_gas=_gas(*rounds.batches),
        post_calldata_bytes=sum(len(one.calldata) for one in rounds.batches),
        readings_calldata_bytes=len(rounds.readings.calldata),
        clear_calldata_bytes=len(rounds.clear.calldata),
        settle_calldata_bytes=len(rounds.settle.calldata),
        void_calldata_bytes=len(rounds.void.calldata),
    )


def _gas(*sent: Sent) -> int:
    return sum(one.gas for one in sent)


def _floor(*pairs: tuple[Sent, Needed]) -> int:
    return sum(floor_of(sent, needed) for sent, needed in pairs)


def _each(gas: int, count: int) -> int:
    return -(-gas // count)
