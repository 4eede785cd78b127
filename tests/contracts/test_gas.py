"""
What the calls cost, from receipts: a difference to gas_snapshot.json fails.

To accept one, run this file with UPDATE_GAS_SNAPSHOT=1 and commit the snapshot with its cause.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from oracle.chain.anvil import HARDFORK
from oracle.chain.signatures import sign_storage_reading
from oracle.domain.book import Order
from oracle.domain.clock import starts_at
from oracle.domain.community import Line
from oracle.units import SLOT_SECONDS, Meters, Slot, Wh
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    ROLES,
    STRANGER,
    World,
    a_bid,
    an_offer,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import RevertibleAnvil

pytestmark = [pytest.mark.contract, pytest.mark.slow]

SNAPSHOT = Path(__file__).parent / "gas_snapshot.json"
SIZES = (2, 14, 50)
DENSE_LINES = 8


def orders_of(size: int) -> list[Order]:
    """Return offers of the odd participants and bids of the even ones, no two alike."""
    return [
        an_offer(number, 500 + 37 * number, 80)
        if number % 2
        else a_bid(number, 500 + 41 * number, 250)
        for number in range(1, size + 1)
    ]


def lines_of(size: int, lines_a_seller: int) -> list[Line]:
    """Return lines from each seller to the buyers that follow it, around a ring."""
    buyers = size // 2
    return [
        Line(
            first=2 * seller,
            second=2 * ((seller + step) % buyers) + 1,
            distance=Meters(400 + 113 * seller + 531 * step),
        )
        for seller in range(buyers)
        for step in range(min(lines_a_seller, buyers))
    ]


@contextmanager
def a_funded_world(size: int, lines_a_seller: int) -> Iterator[World]:
    with closing(RevertibleAnvil()) as chain:
        world = World(chain, some_terms(prosumers=size, lines=lines_of(size, lines_a_seller)))
        for number in range(1, size + 1):
            world.market.deposit(owner_of(number), DEPOSIT)
        yield world


def one_round(world: World, size: int) -> dict[str, int]:
    """Return the gas of clearing, reading, settling, and of voiding instead."""
    stage = world.closed(orders_of(size))
    mark = world.mark()
    world.now_runs_at(starts_at(stage.slot))
    world.market.void(STRANGER, stage.slot, stage.book)
    world.put_back(mark)
    world.clear(stage)
    world.now_runs_at(starts_at(stage.slot) + SLOT_SECONDS)
    readings = [world.reading(stage.slot, n, energy) for n, energy in stage.sold().items()]
    world.market.record_readings(STRANGER, stage.slot, readings)
    entries = [n << 32 | energy for n, energy in stage.sold().items()]
    world.market.settle(STRANGER, stage.slot, stage.book, stage.trades, entries)
    gas = world.chain.gas
    return {
        "clear": gas["clear"][-1],
        f"recordReadings of {len(readings)}": gas["recordReadings"][-1],
        f"settle {len(stage.trades)} trades": gas["settle"][-1],
        "void": gas["void"][-1],
    }


def single_calls(world: World) -> dict[str, int]:
    slot = world.open_slot
    for number in (1, 2, 3, 4):
        world.place(slot, [orders_of(4)[number - 1]])
    world.place(Slot(slot + 1), orders_of(4))
    world.market.cancel(owner_of(1), slot)
    for index, (charge, discharge) in enumerate([(1000, 0), (0, 1000), (0, 0)]):
        storage_slot = Slot(FIRST_SLOT + index)
        signature = sign_storage_reading(
            ROLES.storage_meter,
            world.market.storage_domain,
            slot=storage_slot,
            charge=Wh(charge),
            discharge=Wh(discharge),
        )
        world.now_runs_at(starts_at(storage_slot) + SLOT_SECONDS)
        world.market.record_storage(STRANGER, storage_slot, Wh(charge), Wh(discharge), signature)
    world.market.deposit(ROLES.operator, DEPOSIT)
    world.market.pay_compensation(STRANGER)
    world.market.withdraw(owner_of(4), world.market.account(owner_of(4).address).free)
    gas = world.chain.gas
    return {
        "deposit, first": gas["deposit"][1],
        "placeOffer, first of the slot": gas["placeOffer"][0],
        "placeOffer, later": gas["placeOffer"][1],
        "placeBid, later": gas["placeBid"][0],
        "placeOffer, second slot": gas["placeOffer"][2],
        "cancelOrder": gas["cancelOrder"][0],
        "storage record, first": gas["record"][0],
        "storage record, later": gas["record"][1],
        "storage record, idle": gas["record"][2],
        "payCompensation, first": gas["payCompensation"][0],
        "withdraw": gas["withdraw"][0],
    }


def test_gas_is_as_in_the_snapshot() -> None:
    with a_funded_world(4, 1) as world:
        measured = {"single calls": single_calls(world)}
    for size in SIZES:
        with a_funded_world(size, 1) as world:
            measured[f"{size} orders, 1:1"] = one_round(world, size)
    for size in SIZES[1:]:
        with a_funded_world(size, DENSE_LINES) as world:
            measured[f"{size} orders, dense"] = one_round(world, size)

    if os.environ.get("UPDATE_GAS_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps({"hardfork": HARDFORK, "gas": measured}, indent=1) + "\n")

    assert json.loads(SNAPSHOT.read_text()) == {"hardfork": HARDFORK, "gas": measured}
