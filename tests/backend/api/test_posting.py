"""What is handed in comes onto the chain: orders in batches and after reorganisations, readings."""

from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest

from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from oracle.domain.clock import starts_at
from oracle.units import Slot
from tests.backend.api.conftest import SETTINGS, Served, serving
from tests.backend.api.test_refusals import posted, problem_of, state_of
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import STRANGER, a_bid, an_offer, owner_of

pytestmark = [pytest.mark.anyio, pytest.mark.node]


async def test_orders_of_a_slot_share_a_transaction(on_sqlite: Served) -> None:
    slot = on_sqlite.open_slot()
    orders = [an_offer(1, 100, 80), an_offer(3, 100, 80), a_bid(4, 100, 90), a_bid(6, 100, 90)]

    answers = [await posted(on_sqlite, on_sqlite.body(slot, order)) for order in orders]

    found = [await state_of(on_sqlite, one.headers["location"], "recorded") for one in answers]
    assert {one["participant"] for one in found} == {1, 3, 4, 6}
    assert len({one["transaction_hash"] for one in found}) <= 2


async def block_of(served: Served, location: str) -> int:
    """Return the block that recorded an order, when one has."""
    found = await state_of(served, location, "recorded")
    transaction = await served.get(f"/transactions/{found['transaction_hash']}")
    return int(transaction.json()["block"]) if transaction.is_success else 0


async def test_an_order_that_the_chain_takes_back_is_posted_again(on_sqlite: Served) -> None:
    slot = on_sqlite.open_slot()
    world = on_sqlite.world
    snapshot = world.ask("evm_snapshot")
    answer = await posted(on_sqlite, on_sqlite.body(slot, an_offer(1, 300, 80)))
    first = await block_of(on_sqlite, answer.headers["location"])

    world.ask("evm_revert", snapshot)
    world.ask("evm_mine")
    world.ask("evm_mine")

    for _ in range(300):
        await on_sqlite.follow()
        again = await block_of(on_sqlite, answer.headers["location"])
        if again > first:
            break
    assert again > first
    world.chain.forget_nonces()
    [entry] = (await on_sqlite.get(f"/slots/{slot}/book")).json()["entries"]
    assert entry["energy_wh"] == 300


async def test_an_order_that_somebody_else_posted_counts_as_recorded(on_sqlite: Served) -> None:
    slot = on_sqlite.open_slot()
    order = an_offer(3, 200, 80)
    body = on_sqlite.body(slot, order)
    on_sqlite.world.market.post(STRANGER, slot, [on_sqlite.world.sign(slot, order)])

    answer = await posted(on_sqlite, body)

    if answer.status_code == httpx.codes.ACCEPTED:  # the index had not heard of it yet
        await state_of(on_sqlite, answer.headers["location"], "recorded")
    else:
        assert problem_of(answer) == "order-exists"


async def test_an_order_that_the_contract_skips_says_why_and_may_be_tried_again(
    on_sqlite: Served,
) -> None:
    slot = on_sqlite.open_slot()
    free = on_sqlite.world.market.account(owner_of(6).address).free
    assert free > 1_000
    body = on_sqlite.body(slot, an_offer(6, 1_000, 80))
    on_sqlite.world.market.withdraw(owner_of(6), free)

    answer = await posted(on_sqlite, body)

    if answer.status_code == httpx.codes.ACCEPTED:
        found = await state_of(on_sqlite, answer.headers["location"], "skipped")
        assert "InsufficientFree" in found["reason"]
    else:
        assert problem_of(answer) == "insufficient-funds"
    on_sqlite.world.market.deposit(owner_of(6), free)
    await on_sqlite.follow()
    again = await posted(on_sqlite, body)
    assert again.status_code == httpx.codes.ACCEPTED, again.text
    await state_of(on_sqlite, again.headers["location"], "recorded")


async def test_a_reading_that_the_meter_signed_is_recorded(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    async with serving(*followers["sqlite"], world, manifest, SETTINGS) as served:
        ended = Slot(world.chain.now() // 900 - 1)
        answer = await read(served, served.reading(ended, 1, 500))

        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        await served.follow()
        [found] = (await served.get(f"/readings?slot={ended}")).json()["items"]
        assert (found["participant"], found["energy_wh"], found["kind"]) == (1, 500, "meter")
        assert found["transaction_hash"] == answer.json()["transaction_hash"]
        assert problem_of(await read(served, served.reading(ended, 1, 500))) == "reading-exists"


async def test_a_reading_that_the_contract_passed_over_is_not_said_to_be_recorded(
    on_sqlite: Served,
) -> None:
    """Its index has not heard yet of the reading that somebody else has recorded."""
    world, ended = on_sqlite.world, Slot(on_sqlite.world.chain.now() // 900 - 1)
    await on_sqlite.follow()
    world.market.record_readings(STRANGER, ended, [world.reading(ended, 6, 400)])

    async with anyio.create_task_group() as both:
        answers: dict[int, httpx.Response] = {}

        async def hand_in(participant: int) -> None:
            body = on_sqlite.reading(ended, participant, 500)
            answers[participant] = await read(on_sqlite, body)

        both.start_soon(hand_in, 6)
        both.start_soon(hand_in, 3)

    assert problem_of(answers[6]) == "reading-exists"
    assert "passed over" in answers[6].json()["detail"]
    assert answers[3].json()["state"] == "recorded"
    assert {6 << 32 | 400, 3 << 32 | 500} <= set(world.market.readings(ended))


async def test_readings_that_are_not_good_are_refused(on_sqlite: Served) -> None:
    now = on_sqlite.world.chain.now()
    ended = Slot(now // 900 - 2)
    good = on_sqlite.reading(ended, 4, 500)

    refused = {
        "wrong-meter": good | {"energy_wh": 501},
        "foreign-chain": good | {"chain_id": 5},
        "not-a-participant": good | {"participant": 99},
        "invalid-request": good | {"signature": "0x11"},
        "outside-reading-time": on_sqlite.reading(Slot(now // 900), 4, 500),
    }

    for name, body in refused.items():
        assert problem_of(await read(on_sqlite, body)) == name
    late = on_sqlite.reading(Slot(now // 900 - 6), 4, 500)
    assert problem_of(await read(on_sqlite, late)) == "outside-reading-time"
    assert starts_at(ended) < now


async def read(served: Served, body: dict[str, Any]) -> httpx.Response:
    return await served.http.post("/api/v1/readings", json=body)


async def test_an_index_that_is_behind_takes_no_orders(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    strict = replace(SETTINGS, ready_lag_blocks=0)
    async with serving(*followers["sqlite"], world, manifest, strict) as served:
        body = served.body(served.open_slot(), an_offer(1, 100, 80))
        served.follower.state = replace(served.follower.state, chain_head=10**6)

        answer = await posted(served, body)
        ready = await served.http.get("/ready")
        reads = await served.get("/trades")

        assert problem_of(answer) == problem_of(ready) == "index-behind"
        assert reads.status_code == httpx.codes.OK
        served.follower.catch_up()
        assert (await served.http.get("/ready")).status_code == httpx.codes.OK
