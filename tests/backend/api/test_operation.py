"""What whoever runs the service relies on: headers, origins, figures, logs, and a client."""

from dataclasses import replace

import httpx
import pytest

from backend.client import Client, RequestRefused, ServiceUnavailable
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.orders.schemas import OrderPost
from backend.server import Server
from tests.backend.api.conftest import SETTINGS, Served, serving
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import PROSUMERS, owner_of

pytestmark = [pytest.mark.anyio, pytest.mark.node]

ORIGIN = "https://page.example"


async def test_every_answer_carries_the_security_headers(on_sqlite: Served) -> None:
    for path in ("/api/v1/clock", "/nothing", "/health", "/metrics"):
        headers = (await on_sqlite.http.get(path)).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


async def test_other_origins_are_let_in_where_the_settings_name_them(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    settings = replace(SETTINGS, allowed_origins=(ORIGIN,))
    async with serving(*followers["sqlite"], world, manifest, settings) as served:
        named = await served.get("/clock", Origin=ORIGIN)
        other = await served.get("/clock", Origin="https://evil.example")
        asked = await served.http.options("/api/v1/orders", headers={"Origin": ORIGIN})
        refused = await served.http.options("/api/v1/orders", headers={"Origin": "https://x.org"})

        assert named.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-origin" not in other.headers
        assert asked.headers["access-control-allow-methods"] == "GET, POST"
        assert "access-control-allow-origin" not in refused.headers


async def test_without_settings_no_origin_is_let_in(on_sqlite: Served) -> None:
    answer = await on_sqlite.http.options("/api/v1/orders", headers={"Origin": ORIGIN})

    assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert "access-control-allow-origin" not in answer.headers


async def test_figures_count_requests_by_route_and_status(on_sqlite: Served) -> None:
    await on_sqlite.get("/slots/12")
    await on_sqlite.get("/slots/13")
    await on_sqlite.get("/slots/13")
    await on_sqlite.get("/nothing")

    text = (await on_sqlite.http.get("/metrics")).text

    counted = 'wattline_requests_total{method="GET",route="/api/v1/slots/{slot}",status="200"} 3.0'
    assert counted in text
    assert 'route="(none)",status="404"' in text
    assert "wattline_answers_from_memory_total 1.0" in text
    assert "wattline_index_lag_blocks 0.0" in text
    assert 'wattline_outbox_orders{state="waiting"}' in text


async def test_logs_have_neither_queries_nor_paths_nor_bodies(
    on_sqlite: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "5e" * 32
    await on_sqlite.get(f"/trades?slot={secret}")
    await on_sqlite.get(f"/accounts/0x{secret}")
    await on_sqlite.http.post("/api/v1/orders", content=secret)

    written = capsys.readouterr()

    assert "/api/v1/accounts/{owner}" in written.out
    assert secret not in written.out + written.err


def test_the_client_reads_everything(socket_service: tuple[Server, str]) -> None:
    _, url = socket_service
    owner = owner_of(1).address

    with Client(url) as client:
        clock = client.clock()
        assert client.market().manifest.scenario == "eventful"
        assert len(list(client.participants())) == PROSUMERS + 1
        assert client.participant(1).owner == owner.lower()
        assert client.slot(clock.slot).slot == clock.slot
        rounds = list(client.rounds())
        detail = client.round(rounds[-1].slot)
        assert detail.trades == sorted(
            client.trades(slot=detail.round.slot), key=lambda one: one.position
        )
        assert client.book(detail.round.slot).entries
        assert list(client.orders(slot=detail.round.slot, kind="bid"))
        held = client.account(owner)
        assert sum(one.free_micro_usd for one in client.entries(owner)) == held.free_micro_usd
        bill = client.bill(owner, first=detail.round.slot)
        assert bill.saved_micro_usd == (bill.grid_alone_micro_usd or 0) - bill.cost_micro_usd
        number = detail.round.transactions.clear or detail.round.transactions.void or ""
        assert client.transaction(number).hash == number
        for found in (
            client.lines(),
            client.slots(),
            client.deliveries(),
            client.readings(),
            client.storage(),
            client.accounts(),
            client.gas(),
            client.reputation(1),
        ):
            assert list(found)
        assert client.ladder().interval_m > 0


def test_the_client_says_why_it_was_refused(socket_service: tuple[Server, str]) -> None:
    _, url = socket_service
    order = OrderPost.model_validate(
        OrderPost.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index]
    )

    with Client(url) as client, pytest.raises(RequestRefused) as refused:
        client.post_order(order.model_copy(update={"chain_id": 1}))

    assert refused.value.name == "foreign-chain"


def test_the_client_says_that_nobody_answers() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServiceUnavailable):
        client.clock()
