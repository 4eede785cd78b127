"""What the service answers of a market in which everything has happened."""

import csv
import io
from typing import Any

import httpx
import pytest

from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from tests.backend.api.conftest import Served, serving
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import PROSUMERS, ROLES, owner_of

pytestmark = [pytest.mark.anyio, pytest.mark.node]

LISTS = (
    "/participants",
    "/participants/1/reputation",
    "/lines",
    "/slots",
    "/orders",
    "/rounds",
    "/trades",
    "/deliveries",
    "/readings",
    "/storage",
    "/accounts",
    f"/accounts/{owner_of(1).address}/entries",
    "/gas",
)


async def all_pages(served: Served, path: str, limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await served.get(f"{path}?limit={limit}{cursor}")
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


async def things(served: Served) -> list[str]:
    """Return the paths of all single resources that there are."""
    rounds = (await served.get("/rounds")).json()["items"]
    slots = [one["slot"] for one in rounds]
    hashes = {h for one in rounds for h in one["transactions"].values() if h is not None}
    owners = [one["owner"] for one in (await served.get("/accounts")).json()["items"]]
    return [
        "/market",
        "/clock",
        "/ladder",
        *(f"/participants/{number}" for number in range(1, PROSUMERS + 2)),
        *(f"/slots/{slot}" for slot in slots),
        *(f"/slots/{slot}/book" for slot in slots),
        *(f"/rounds/{slot}" for slot in slots),
        *(f"/transactions/{number}" for number in sorted(hashes)),
        *(f"/accounts/{owner}" for owner in owners),
        *(f"/accounts/{owner}/bill" for owner in owners),
    ]


async def test_sqlite_and_postgresql_give_the_same_answers(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    async with (
        serving(*followers["sqlite"], world, manifest) as one,
        serving(*followers["postgresql"], world, manifest) as other,
    ):
        paths = [
            *await things(one),
            *LISTS,
            *(f"{path}?format=csv" for path in LISTS),
            *(f"{path}?limit=1" for path in LISTS),
        ]
        for path in paths:
            mine, yours = await one.get(path), await other.get(path)

            assert mine.status_code == httpx.codes.OK, (path, mine.text)
            assert mine.content == yours.content, path
            for header in ("etag", "content-type", "x-wattline-block", "link"):
                assert mine.headers.get(header) == yours.headers.get(header), (path, header)


@pytest.mark.parametrize("path", LISTS)
async def test_pages_of_any_size_give_the_whole_list(served: Served, path: str) -> None:
    whole = await all_pages(served, path, 500)

    assert await all_pages(served, path, 3) == whole
    assert whole


async def test_a_participant_is_found_with_its_score_and_nonce(served: Served) -> None:
    market = served.world.market

    for number in range(1, PROSUMERS + 1):
        owner = owner_of(number).address
        one = (await served.get(f"/participants/{number}")).json()
        account = market.account(owner)

        assert one["owner"] == owner.lower()
        assert one["next_nonce"] == market.nonce(owner)
        if account.participant:
            assert one["score_bps"] == account.score


async def test_accounts_hold_what_the_exchange_says(served: Served) -> None:
    accounts = {one["owner"]: one for one in await all_pages(served, "/accounts", 100)}

    for owner in [owner_of(number).address for number in range(1, PROSUMERS + 1)]:
        held = served.world.market.account(owner)

        assert accounts[owner.lower()]["free_micro_usd"] == held.free
        assert accounts[owner.lower()]["locked_micro_usd"] == held.locked


async def test_movements_of_an_account_add_up_to_what_it_holds(served: Served) -> None:
    for owner in [owner_of(1).address, ROLES.operator.address]:
        entries = await all_pages(served, f"/accounts/{owner}/entries", 50)
        held = (await served.get(f"/accounts/{owner}")).json()

        assert sum(one["free_micro_usd"] for one in entries) == held["free_micro_usd"]
        assert sum(one["locked_micro_usd"] for one in entries) == held["locked_micro_usd"]


async def test_a_round_has_the_trades_and_the_book_of_the_chain(served: Served) -> None:
    market = served.world.market
    rounds = await all_pages(served, "/rounds", 100)

    for found in rounds:
        slot = found["slot"]
        detail = (await served.get(f"/rounds/{slot}")).json()
        trades = market.settled_trades(slot) or market.cleared_trades(slot) or ()

        assert [one["energy_wh"] for one in detail["trades"]] == [one.energy for one in trades]
        assert [one["price_micro_usd_per_mwh"] for one in detail["trades"]] == [
            one.price for one in trades
        ]
        assert len(detail["orders"]) == len(market.book(slot))
        assert (detail["certificate"] is None) == (found["outcome"] == "void")
    assert {found["outcome"] for found in rounds} == {"cleared", "settled", "void"}


async def test_a_slot_says_what_was_traded_in_it(served: Served) -> None:
    settled = (await served.get("/slots?phase=settled")).json()["items"][0]
    trades = (await served.get(f"/trades?slot={settled['slot']}")).json()["items"]

    volume = sum(one["energy_wh"] for one in trades)
    value = sum(one["energy_wh"] * one["price_micro_usd_per_mwh"] for one in trades)
    assert settled["volume_wh"] == volume
    assert settled["clearing_price_micro_usd_per_mwh"] == value // volume
    assert settled["delivered_wh"] == sum(one["delivered_wh"] for one in trades)


async def test_phases_part_the_slots(served: Served) -> None:
    every = await all_pages(served, "/slots", 100)

    parted = []
    for phase in ("open", "closed", "cleared", "settled", "void"):
        found = (await served.get(f"/slots?phase={phase}&limit=500")).json()["items"]
        assert {one["phase"] for one in found} <= {phase}
        parted += found

    assert sorted(one["slot"] for one in parted) == sorted(one["slot"] for one in every)
    for one in every:
        assert one["phase"] == served.world.market.phase(one["slot"]).name.lower()


async def test_filters_narrow_lists(served: Served) -> None:
    everything = await all_pages(served, "/trades", 500)
    seller = everything[0]["seller"]

    sold = (await served.get(f"/trades?seller={seller}&limit=500")).json()["items"]

    assert sold == [one for one in everything if one["seller"] == seller]


async def test_csv_has_the_same_items_as_json(served: Served) -> None:
    for path in LISTS:
        as_json = (await served.get(path)).json()["items"]
        answer = await served.get(path, Accept="text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))

        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert len(rows) == len(as_json)
        for row, item in zip(rows, as_json, strict=True):
            assert list(row) == list(item)
            for name, cell in row.items():
                assert cell == (
                    ""
                    if item[name] is None
                    else str(item[name]).replace("True", "true").replace("False", "false")
                )


async def test_a_list_says_where_its_next_page_is(served: Served) -> None:
    answer = await served.get("/orders?limit=2&kind=bid&format=csv")

    link = answer.headers["link"]
    following = await served.http.get(link[link.index("<") + 1 : link.index(">")])
    assert link.endswith('>; rel="next"')
    assert following.status_code == httpx.codes.OK
    assert following.text != answer.text


async def test_an_answer_that_the_client_has_is_not_sent_again(served: Served) -> None:
    first = await served.get("/trades")

    again = await served.get("/trades", **{"If-None-Match": f'"other", {first.headers["etag"]}'})

    assert again.status_code == httpx.codes.NOT_MODIFIED
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["x-wattline-block"] == first.headers["x-wattline-block"]


async def test_the_clock_is_the_chains(served: Served) -> None:
    clock = (await served.get("/clock")).json()

    now = served.world.chain.now()
    assert clock["slot"] == now // 900
    assert clock["next_gate_slot"] == (now + 1800) // 900 + 1
    assert clock["last_open_slot"] == now // 900 + 23


async def test_a_transaction_is_found_with_its_events(served: Served) -> None:
    found = (await served.get("/rounds")).json()["items"][-1]["transactions"]

    clear = (
        await served.get(
            f"/transactions/{(found['clear'] or found['void']).upper().replace('0X', '0x')}"
        )
    ).json()

    assert clear["contract"] == "Exchange"
    assert clear["events"][0]["name"] in ("SlotCleared", "SlotVoided")
