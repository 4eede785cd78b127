"""Any byte of a valid clearing or settlement changed: refused, or nothing of worth is different."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.exceptions import ContractLogicError

from oracle.chain.market import Market
from oracle.domain.clock import starts_at
from oracle.units import SLOT_SECONDS
from tests.contracts.markets import (
    STRANGER,
    Mark,
    Stage,
    World,
    a_bid,
    an_offer,
)
from tests.contracts.revertible import send_raw

pytestmark = [pytest.mark.contract, pytest.mark.slow]

SMALL = (an_offer(1, 1000, 80), a_bid(4, 600, 250), a_bid(5, 300, 250))


def clearing(world: World, stage: Stage) -> bytes:
    arguments = [
        stage.slot,
        stage.book_words,
        stage.trade_words,
        stage.outcome.certificate,
    ]
    return encoded(world, "clear", arguments)


def settlement(world: World, stage: Stage) -> bytes:
    """Return a settlement with recorded readings and with some given in the call."""
    sellers = sorted(stage.sold())
    recorded = [number << 32 | stage.sold()[number] for number in sellers[:-1]]
    given_ = world.reading(stage.slot, sellers[-1], stage.sold()[sellers[-1]] - 1)
    arguments = [stage.slot, stage.book_words, stage.trade_words, recorded, [given_.fields()]]
    return encoded(world, "settle", arguments)


def encoded(world: World, name: str, arguments: Sequence[Any]) -> bytes:
    return bytes.fromhex(world.exchange.encode_abi(name, list(arguments)).removeprefix("0x"))


def ready_to_settle(world: World, stage: Stage) -> None:
    world.clear(stage)
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    sellers = sorted(stage.sold())
    readings = [world.reading(stage.slot, n, stage.sold()[n]) for n in sellers[:-1]]
    world.market.record_readings(STRANGER, stage.slot, readings)


def is_refused(world: World, data: bytes) -> bool:
    transaction: Any = {"from": STRANGER.address, "to": world.exchange.address, "data": data}
    try:
        world.chain.w3.eth.call(transaction)
    except ContractLogicError:
        return True
    return False


def worth(world: World, stage: Stage) -> list[Any]:
    """Return all that a clearing or settlement is about: money, reputation, state, trades."""
    market = Market(world.chain, world.deployment)
    return [
        world.exchange.functions.slotOf(stage.slot).call(),
        market.cleared_trades(stage.slot),
        market.settled_trades(stage.slot),
        [market.account(person) for person in world.people()],
        [world.exchange.functions.reputationOf(person).call() for person in world.people()],
        [world.exchange.functions.nonceOf(person).call() for person in world.people()],
        market.token_balance(world.exchange.address),
    ]


def check(world: World, stage: Stage, mark: Mark, data: bytes, expected: list[Any]) -> bool:
    """Return whether calldata is refused; where it is not, compare what it came to."""
    if is_refused(world, data):
        return True
    send_raw(world.chain, STRANGER, world.exchange, data)
    came_to = worth(world, stage)
    world.put_back(mark)
    assert came_to == expected, data.hex()
    return False


def honest(world: World, stage: Stage, mark: Mark, data: bytes) -> list[Any]:
    send_raw(world.chain, STRANGER, world.exchange, data)
    expected = worth(world, stage)
    world.put_back(mark)
    return expected


@pytest.mark.parametrize("call", ["clear", "settle"])
def test_every_byte_of_a_small_round_matters_or_is_worth_nothing(world: World, call: str) -> None:
    """Each byte of the calldata once, with another value drawn for it."""
    stage = world.closed(SMALL)
    if call == "settle":
        ready_to_settle(world, stage)
    data = clearing(world, stage) if call == "clear" else settlement(world, stage)
    mark = world.mark(0)
    expected = honest(world, stage, mark, data)
    generator = random.Random(len(data))  # noqa: S311

    refused = 0
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= generator.randrange(1, 256)
        refused += check(world, stage, mark, bytes(changed), expected)

    assert refused > len(data) * 0.9
    assert expected[1]


@pytest.mark.parametrize("call", ["clear", "settle"])
def test_calldata_cut_or_grown_is_refused_or_worth_nothing(
    world: World, stage: Stage, call: str
) -> None:
    if call == "settle":
        ready_to_settle(world, stage)
    data = clearing(world, stage) if call == "clear" else settlement(world, stage)
    mark = world.mark(0)
    expected = honest(world, stage, mark, data)

    for size in (0, 3, 4, 5, 35, 36, 68, len(data) - 33, len(data) - 32):
        assert is_refused(world, data[:size])
    for more in (b"\0", b"\xff" * 31, b"\xff" * 320):
        check(world, stage, mark, data + more, expected)


@pytest.fixture(params=["clear", "settle"])
def prepared(world: World, stage: Stage, request: pytest.FixtureRequest) -> tuple[Any, ...]:
    """A mark of a larger book before it is cleared or settled, the calldata and its worth."""
    if request.param == "settle":
        ready_to_settle(world, stage)
    data = clearing(world, stage) if request.param == "clear" else settlement(world, stage)
    mark = world.mark(0)
    return mark, data, honest(world, stage, mark, data)


@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_byte_of_a_larger_round_matters_or_is_worth_nothing(
    world: World, stage: Stage, prepared: tuple[Any, ...], place: float, flip: int
) -> None:
    mark, data, expected = prepared
    changed = bytearray(data)
    changed[int(place * len(data))] ^= flip

    check(world, stage, mark, bytes(changed), expected)
