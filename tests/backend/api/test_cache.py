"""Answers from memory: those that still hold, and no others."""

import re

import pytest

from tests.backend.api.conftest import Served
from tests.contracts.markets import a_bid, an_offer, owner_of

pytestmark = [pytest.mark.anyio, pytest.mark.node]

OF_A_SLOT = ("/slots/{}", "/slots/{}/book", "/orders?slot={}", "/trades?slot={}")


async def from_memory(served: Served) -> float:
    text = (await served.http.get("/metrics")).text
    [count] = re.findall(r"^wattline_answers_from_memory_total (\S+)$", text, re.M)
    return float(count)


async def ask(served: Served, slot: int) -> list[str]:
    return [(await served.get(path.format(slot))).text for path in OF_A_SLOT]


async def test_an_event_of_a_slot_changes_the_answers_of_this_slot_alone(
    on_sqlite: Served,
) -> None:
    ordered, quiet = on_sqlite.open_slot(), on_sqlite.open_slot()
    await on_sqlite.follow()
    before = [await ask(on_sqlite, slot) for slot in (ordered, quiet)]
    on_sqlite.world.market.place(owner_of(1), ordered, an_offer(1, 100, 80))
    await on_sqlite.follow()
    kept = await from_memory(on_sqlite)

    after = [await ask(on_sqlite, slot) for slot in (ordered, quiet)]

    assert await from_memory(on_sqlite) == kept + len(OF_A_SLOT)  # those of the quiet slot
    assert after[1] == before[1]
    assert after[0][0] != before[0][0]
    assert '"energy_wh":100' in after[0][1]
    assert '"energy_wh":100' in after[0][2]


async def test_lists_of_all_slots_change_with_every_event(on_sqlite: Served) -> None:
    slot = on_sqlite.open_slot()
    await on_sqlite.follow()
    before = (await on_sqlite.get("/orders?limit=500")).text
    on_sqlite.world.market.place(owner_of(4), slot, a_bid(4, 100, 90))
    await on_sqlite.follow()

    after = (await on_sqlite.get("/orders?limit=500")).text

    assert f'"slot":{slot}' not in before
    assert f'"slot":{slot}' in after
