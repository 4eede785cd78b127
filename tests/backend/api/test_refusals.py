"""Each kind of refusal, provoked for real; and what passes, on the chain."""

from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any

import anyio
import httpx
import pytest

from backend.errors import every_refusal
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.pagination import encoded
from backend.settings import ServiceSettings
from oracle.domain.book import Order
from oracle.units import Slot, Wh
from tests.backend.api.conftest import SETTINGS, Served, serving
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import PRICE_CAP, STRANGER, a_bid, an_offer, owner_of

pytestmark = [pytest.mark.anyio, pytest.mark.node]

SECRET = "0x" + "5e" * 32
BIG = Order(kind=a_bid(2, 1, 1).kind, participant=2, energy=a_bid(2, 1, 1).energy, price=PRICE_CAP)


def problem_of(answer: httpx.Response) -> str:
    """Return the name of a problem, after looking at the form of it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
    assert problem["status"] == answer.status_code
    assert answer.headers["x-content-type-options"] == "nosniff"
    name: str = problem["type"].removeprefix("/problems/")
    kinds = {kind.name: kind.status for kind in every_refusal()}
    assert kinds[name] == answer.status_code
    return name


async def posted(served: Served, body: Any) -> httpx.Response:
    return await served.http.post("/api/v1/orders", json=body)


async def state_of(served: Served, location: str, wanted: str) -> dict[str, Any]:
    """Follow the chain until an order has a state."""

    for _ in range(200):
        await served.follow()
        found: dict[str, Any] = (await served.http.get(location)).json()
        if found["state"] == wanted:
            return found
        await anyio.sleep(0.02)
    raise AssertionError(f"expected {wanted}, came {found}")


async def test_an_order_that_was_signed_comes_into_its_book(served: Served) -> None:
    slot = served.open_slot()
    body = served.body(slot, an_offer(1, 1_000, 80))

    answer = await posted(served, body)

    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    assert answer.json()["state"] == "waiting"
    found = await state_of(served, answer.headers["location"], "recorded")
    [entry] = served.world.market.book(slot)
    assert (entry.participant, entry.energy, entry.price) == (1, 1_000, 80_000_000)
    assert found["position"] == 0
    listed = (await served.get(f"/orders?slot={slot}")).json()["items"]
    assert [one["transaction_hash"] for one in listed] == [found["transaction_hash"]]


async def test_the_same_order_twice_is_refused_with_its_id(served: Served) -> None:
    body = served.body(served.open_slot(), an_offer(1, 1_000, 80))
    first = await posted(served, body)

    while_waiting = await posted(served, body)
    await state_of(served, first.headers["location"], "recorded")
    afterwards = await posted(served, body)

    assert problem_of(while_waiting) == problem_of(afterwards) == "order-exists"
    assert while_waiting.json()["order_id"] == first.json()["id"]


async def test_a_second_order_for_a_slot_is_refused(served: Served) -> None:
    slot = served.open_slot()
    await posted(served, served.body(slot, an_offer(1, 1_000, 80)))

    answer = await posted(served, served.body(slot, an_offer(1, 1_001, 80)))

    assert problem_of(answer) == "order-exists"


async def test_somebody_elses_signature_is_refused(on_sqlite: Served) -> None:
    slot = on_sqlite.open_slot()
    good = on_sqlite.body(slot, an_offer(1, 1_000, 80))
    forged = on_sqlite.world.sign(slot, an_offer(1, 1_000, 80), key=STRANGER).signature

    answers = [
        await posted(on_sqlite, good | {"signature": f"0x{forged.hex()}"}),
        await posted(on_sqlite, good | {"energy_wh": 1_001}),
        await posted(on_sqlite, good | {"nonce": 1}),
        await posted(on_sqlite, good | {"participant": 2}),
        await posted(on_sqlite, good | {"slot": slot + 1}),
    ]

    assert [problem_of(answer) for answer in answers] == 5 * ["wrong-signature"]
    owners = {order.participant for order in on_sqlite.world.market.book(slot)}
    assert not owners & {1, 2}


async def test_a_signature_for_elsewhere_is_refused(on_sqlite: Served) -> None:
    good = on_sqlite.body(on_sqlite.open_slot(), an_offer(1, 1_000, 80))

    other_chain = await posted(on_sqlite, good | {"chain_id": 1})
    other_exchange = await posted(on_sqlite, good | {"exchange": "0x" + "12" * 20})

    assert problem_of(other_chain) == problem_of(other_exchange) == "foreign-chain"


async def test_slots_that_are_not_open_are_refused(on_sqlite: Served) -> None:
    current = on_sqlite.world.chain.now() // 900
    order = an_offer(1, 1_000, 80)

    too_late = await posted(on_sqlite, on_sqlite.body(Slot(current + 2), order))
    too_early = await posted(on_sqlite, on_sqlite.body(Slot(current + 24), order))

    assert problem_of(too_late) == "gate-closed"
    assert problem_of(too_early) == "not-open-yet"


async def test_a_participant_that_is_none_is_refused(on_sqlite: Served) -> None:
    body = on_sqlite.body(on_sqlite.open_slot(), an_offer(1, 1_000, 80))

    assert problem_of(await posted(on_sqlite, body | {"participant": 99})) == "not-a-participant"


async def test_a_spent_nonce_is_refused(on_sqlite: Served) -> None:
    answer = await posted(on_sqlite, on_sqlite.body(on_sqlite.open_slot(), an_offer(5, 1_000, 80)))

    assert problem_of(answer) == "nonce-spent"
    assert answer.json()["lowest_nonce"] == 3


async def test_more_than_the_free_money_is_refused(on_sqlite: Served) -> None:
    free = on_sqlite.world.market.account(owner_of(2).address).free
    energy = Wh(10**6 * free // PRICE_CAP)
    enough = replace(BIG, energy=energy)
    too_much = replace(BIG, energy=Wh(energy // 2))

    refused = await posted(
        on_sqlite, on_sqlite.body(on_sqlite.open_slot(), replace(BIG, energy=Wh(energy + 10**6)))
    )
    first = await posted(on_sqlite, on_sqlite.body(on_sqlite.open_slot(), enough))
    second = await posted(on_sqlite, on_sqlite.body(on_sqlite.open_slot(), too_much))

    assert problem_of(refused) == "insufficient-funds"
    assert refused.json()["free_micro_usd"] == free
    assert first.status_code == httpx.codes.ACCEPTED
    assert problem_of(second) == "insufficient-funds"  # the first holds it already


async def test_prices_above_the_cap_and_no_energy_are_refused(on_sqlite: Served) -> None:
    good = on_sqlite.body(on_sqlite.open_slot(), an_offer(1, 1_000, 80))

    dear = await posted(on_sqlite, good | {"price_micro_usd_per_mwh": PRICE_CAP + 1})
    empty = await posted(on_sqlite, good | {"energy_wh": 0})

    assert problem_of(dear) == "price-above-cap"
    assert problem_of(empty) == "zero-energy"


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": "12"},
        {"slot": -1},
        {"slot": 2**40},
        {"energy_wh": 1.5},
        {"energy_wh": True},
        {"energy_wh": 2**32},
        {"kind": "cancellation"},
        {"terms": "01"},
        {"terms": str(2**96)},
        {"terms": 0},
        {"nonce": 2**20},
        {"signature": "0x12"},
        {"signature": SECRET},
        {"exchange": "here"},
        {"unknown": 1},
    ],
    ids=str,
)
async def test_a_body_of_another_shape_is_refused(
    on_sqlite: Served, changes: dict[str, Any]
) -> None:
    body = on_sqlite.body(Slot(2_000_000), an_offer(1, 1_000, 80)) | changes

    answer = await posted(on_sqlite, body)

    assert problem_of(answer) == "invalid-request"
    if changes != {"terms": str(2**96)}:
        [field] = answer.json()["errors"]
        assert field["field"] == f"body.{next(iter(changes))}"


@pytest.mark.parametrize("name", ["private_key", "privateKey", "key", "mnemonic", "seed", SECRET])
async def test_a_key_is_refused_and_never_repeated(
    on_sqlite: Served, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = on_sqlite.body(Slot(2_000_000), an_offer(1, 1_000, 80)) | {name: SECRET}

    answer = await posted(on_sqlite, body)

    assert problem_of(answer) == "invalid-request"
    written = capsys.readouterr()
    for text in (answer.text, written.out, written.err):
        assert SECRET not in text
    if name != SECRET:
        assert "private key never belongs" in answer.json()["detail"]


async def test_what_is_no_json_is_refused(on_sqlite: Served) -> None:
    for content in (b"{", b"", b"\xff", b"[" * 10_000, b'{"slot": ' + b"9" * 5_000 + b"}", b"null"):
        answer = await on_sqlite.http.post(
            "/api/v1/orders", content=content, headers={"content-type": "application/json"}
        )

        assert problem_of(answer) == "invalid-request", content


async def test_a_huge_body_is_refused_with_and_without_its_length(on_sqlite: Served) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    said = await on_sqlite.http.post("/api/v1/orders", content=b" " * 100_000)
    unsaid = await on_sqlite.http.post("/api/v1/orders", content=chunks())

    assert problem_of(said) == problem_of(unsaid) == "body-too-large"


async def test_an_outbox_that_is_full_takes_no_more(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    full = replace(SETTINGS, outbox_limit=0)

    async with serving(*followers["sqlite"], world, manifest, full) as served:
        answer = await posted(served, served.body(served.open_slot(), an_offer(1, 1_000, 80)))

        assert problem_of(answer) == "outbox-full"
        assert int(answer.headers["retry-after"]) > 0


async def test_more_attempts_than_are_paid_for_are_refused(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    thrifty = replace(SETTINGS, attempts_per_slot=0)

    async with serving(*followers["sqlite"], world, manifest, thrifty) as served:
        order = await posted(served, served.body(served.open_slot(), an_offer(1, 1_000, 80)))
        await served.follow()  # time may have gone on for a slot that is open
        ended = Slot(world.chain.now() // 900 - 1)
        body = served.reading(ended, 5, 500)
        reading = await served.http.post("/api/v1/readings", json=body)

        assert problem_of(order) == problem_of(reading) == "attempts-spent"
        assert order.json()["attempts"] == 0


async def test_without_a_relay_reads_go_on_and_posts_are_refused(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    async with serving(*followers["sqlite"], world, manifest, has_relay=False) as served:
        order = await posted(served, served.body(served.open_slot(), an_offer(1, 1_000, 80)))
        reading = await served.http.post("/api/v1/readings", json=served.reading(Slot(1), 1, 1))

        assert problem_of(order) == problem_of(reading) == "chain-unavailable"
        assert (await served.get("/market")).json()["takes_orders"] is False


async def test_ten_thousand_junk_posts_are_refused_while_the_market_goes_on(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    database, follower = followers["sqlite"]
    async with serving(database, follower, world, manifest, client="192.0.2.1") as served:
        junk = served.body(served.open_slot(), an_offer(1, 1_000, 80), signature="0x" + "11" * 65)
        started = monotonic()
        names = [problem_of(await posted(served, junk)) for _ in range(10_000)]
        windows = 2 + int((monotonic() - started) / SETTINGS.post_window_s)

        assert names[0] == "wrong-signature"
        assert names.count("rate-limited") >= 10_000 - windows * SETTINGS.posts_per_window
        assert set(names) == {"wrong-signature", "rate-limited"}
        assert (await served.get("/clock")).status_code == httpx.codes.OK
        other = httpx.ASGITransport(served.app, client=("192.0.2.2", 1))
        async with httpx.AsyncClient(transport=other, base_url="http://localhost") as neighbour:
            good = served.body(served.open_slot(), an_offer(1, 1_000, 80))
            answer = await neighbour.post("/api/v1/orders", json=good)
            assert answer.status_code == httpx.codes.ACCEPTED, answer.text
            await state_of(served, answer.headers["location"], "recorded")


async def test_a_client_that_reads_too_often_is_told_when_to_come_again(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    strict = replace(SETTINGS, reads_per_window=3, read_window_s=60)

    async with serving(*followers["sqlite"], world, manifest, strict) as served:
        answers = [await served.get("/clock") for _ in range(4)]

        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert problem_of(answers[-1]) == "rate-limited"
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        assert (await served.http.get("/health")).status_code == httpx.codes.OK


async def test_a_trusted_proxy_says_who_asks_and_nobody_else_does(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    limited = replace(SETTINGS, reads_per_window=2, read_window_s=60)
    behind = replace(limited, trusted_proxies=("127.0.0.0/8",))

    async def statuses(settings: ServiceSettings) -> list[int]:
        async with serving(*followers["sqlite"], world, manifest, settings) as served:
            said = [{"X-Forwarded-For": f"192.0.2.{k % 2}"} for k in range(5)]
            return [(await served.get("/clock", **headers)).status_code for headers in said]

    assert await statuses(behind) == [200, 200, 200, 200, 429]
    assert await statuses(limited) == [200, 200, 429, 429, 429]


async def test_another_host_is_refused(on_sqlite: Served) -> None:
    for host in ("evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::2]:80"):
        answer = await on_sqlite.http.get("/api/v1/clock", headers={"host": host})
        assert problem_of(answer) == "unknown-host", host

    for host in ("localhost", "127.0.0.1:8080", "LOCALHOST:1", "[::1]:80"):
        answer = await on_sqlite.http.get("/api/v1/clock", headers={"host": host})
        assert answer.status_code == httpx.codes.OK, host


async def test_what_is_not_there_and_what_cannot_be_done_are_problems(on_sqlite: Served) -> None:
    for path in (
        "/nothing",
        "/api/v1/nothing",
        "/api/v1/rounds/1",
        "/api/v1/participants/1000",
        f"/api/v1/transactions/0x{'0' * 64}",
        f"/api/v1/accounts/0x{'0' * 40}",
        f"/api/v1/orders/0x{'0' * 64}",
        "/api/v1/trades/",
        "/problems/none",
    ):
        assert problem_of(await on_sqlite.http.get(path)) == "not-found", path

    answer = await on_sqlite.http.delete("/api/v1/orders")
    assert problem_of(answer) == "method-not-allowed"
    assert answer.headers["allow"] == "GET, POST"


async def test_formats_that_are_not_offered_are_refused(on_sqlite: Served) -> None:
    for path, accept in (
        ("/trades", "application/xml"),
        ("/trades", "text/csv;q=0, application/json;q=0"),
        ("/clock", "text/csv"),
        ("/trades?format=xml", "*/*"),
    ):
        assert problem_of(await on_sqlite.get(path, Accept=accept)) == "unsupported-format"

    both = await on_sqlite.get("/trades", Accept="text/csv;q=0.5, application/json;q=0.4")
    assert both.headers["content-type"].startswith("text/csv")


async def test_queries_that_are_not_understood_are_refused(on_sqlite: Served) -> None:
    for query in (
        "limit=0",
        "limit=501",
        "limit=x",
        "slot=-1",
        "slot=99999999999",
        "partcipant=1",
    ):
        answer = await on_sqlite.get(f"/orders?{query}")
        assert problem_of(answer) == "invalid-request", query
        assert answer.json()["errors"][0]["field"] == f"query.{query.partition('=')[0]}"


async def test_cursors_that_no_list_has_given_are_refused(on_sqlite: Served) -> None:
    of_another_list = encoded(["a", "b"])
    for cursor in ("x", "WzFd", of_another_list, encoded([1, 2**40]), encoded([True, 1]), "🐟"):
        answer = await on_sqlite.get(f"/orders?cursor={cursor}")
        assert problem_of(answer) == "not-found", cursor


async def test_every_kind_of_problem_is_explained_at_its_type(on_sqlite: Served) -> None:
    for kind in every_refusal():
        explained = (await on_sqlite.http.get(f"/problems/{kind.name}")).json()
        assert explained["status"] == kind.status
        assert explained["description"]
