"""Answers from memory: those that still hold, and no others."""

import re
from pathlib import Path

import httpx
import pytest

from backend.app import create_app
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.service import Service
from backend.settings import LOOPBACK, ServiceSettings
from tests.backend.api.conftest import Served
from tests.backend.index.worlds import NodeWorld
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


BLOCKS = 3  # at a time
READS = ServiceSettings(allowed_hosts=LOOPBACK, reads_per_window=1_000_000)


def what_changes(world: NodeWorld, slots: list[int]) -> list[str]:
    lists = ("accounts", "deliveries", "gas", "lines", "orders", "participants", "readings")
    paths = [f"/{name}" for name in (*lists, "rounds", "slots", "storage", "trades", "market")]
    for slot in slots:
        paths += [path.format(slot) for path in (*OF_A_SLOT, "/rounds/{}", "/lines?slot={}")]
    for number in (1, 4):
        account = f"/accounts/{owner_of(number).address}"
        paths += [f"/participants/{number}", f"/participants/{number}/reputation"]
        paths += [account, f"{account}/entries", f"{account}/bill"]
    return paths


async def test_a_kept_answer_is_the_new_one_after_every_few_blocks(
    world: NodeWorld, manifest: MarketManifest, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    follower = Follower(database, world.source(), blocks_per_batch=BLOCKS)
    follower.open()
    app = create_app(READS, manifest, database, follower)
    service: Service = app.state.service
    transport = httpx.ASGITransport(app)
    paths = what_changes(world, [manifest.start_slot + k for k in (0, 1, 2, 3, 30)])

    stale, kept = [], 0
    async with (
        service.running(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as http,
    ):
        turn = 0
        while follower.step() is not None:
            turn += 1
            await service.watch.refresh()
            for path in paths:
                likely = await http.get(path)
                new = await http.get(path, headers={"Accept": f"*/*, text/x-{turn}"})
                kept += likely.is_success
                if likely.text != new.text:
                    stale.append((turn, path, likely.text[:200], new.text[:200]))
        text = (await http.get("http://localhost/metrics")).text
    database.close()

    [count] = re.findall(r"^wattline_answers_from_memory_total (\S+)$", text, re.M)
    assert stale == []
    assert 0.1 * kept < float(count) < kept
