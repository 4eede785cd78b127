"""Live updates over a socket: in order, again after a break, and to an orderly end."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from backend.app import create_app
from backend.client import Client, LiveEvent, RequestRefused, ServiceUnavailable
from backend.index.database import Database
from backend.index.follower import Follower
from backend.live.messages import HeadMessage, OrderMessage, SlotMessage
from backend.market.schemas import MarketManifest
from backend.server import Server
from oracle.domain.clock import starts_at
from oracle.units import Slot
from tests.backend.api.conftest import SETTINGS, on_a_socket
from tests.backend.index.worlds import NodeWorld
from tests.contracts.markets import STRANGER, a_bid, an_offer

pytestmark = pytest.mark.node

Served = tuple[Server, str]


class Listener:
    """Reads a stream in a thread, as a page does."""

    def __init__(self, url: str, last_event_id: str | None = None) -> None:
        self.heard: list[LiveEvent] = []
        self._url = url
        self._since = last_event_id
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def until(self, kind: str, within_s: float = 20.0) -> LiveEvent:
        """Wait for an event of a kind."""
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            for event in [*self.heard]:
                if event.type == kind:
                    return event
            time.sleep(0.02)
        raise AssertionError(f"expected {kind}, heard {[one.type for one in self.heard]}")

    def ended(self) -> bool:
        self._thread.join(10)
        return not self._thread.is_alive()

    def _listen(self) -> None:
        with suppress(ServiceUnavailable), Client(self._url) as client:
            for event in client.live(last_event_id=self._since):
                self.heard.append(event)


def a_small_round(world: NodeWorld) -> Slot:
    """Let one more slot be ordered for, and nobody clear it."""
    slot = world.open_slot
    assert world.post(slot, [an_offer(1, 100, 80), a_bid(4, 100, 200)]) == []
    world.now_runs_at(starts_at(slot))
    world.market.void(STRANGER, slot, world.market.book(slot))
    return slot


def test_listeners_hear_what_happens_in_the_chains_order(
    socket_service: Served,
    world: NodeWorld,
    followers: dict[str, tuple[Database, Follower]],
) -> None:
    _, url = socket_service
    listener = Listener(url)
    first = listener.until("head").content
    assert isinstance(first, HeadMessage)
    assert not first.reset

    slot = a_small_round(world)
    followers["sqlite"][1].catch_up()
    voided = listener.until("void")

    assert isinstance(voided.content, SlotMessage)
    assert voided.content.slot == slot
    assert voided.content.state.phase == "void"
    orders = listener.until("order").content
    assert isinstance(orders, OrderMessage)
    assert [one.participant for one in orders.orders] == [1, 4]
    places = [tuple(map(int, one.id.split(":"))) for one in listener.heard if one.id is not None]
    assert places == sorted(places)


def test_who_comes_back_hears_what_it_missed(
    socket_service: Served,
    world: NodeWorld,
    followers: dict[str, tuple[Database, Follower]],
) -> None:
    _, url = socket_service
    before = Listener(url)
    last = before.until("head").id

    slot = a_small_round(world)
    followers["sqlite"][1].catch_up()
    time.sleep(0.2)
    back = Listener(url, last)
    back.until("void")
    again = Listener(url, back.until("order").id)

    kinds = [one.type for one in back.heard]
    assert kinds.index("order") < kinds.index("void") < kinds.index("head")
    assert isinstance(back.heard[0].content, OrderMessage)
    assert back.heard[0].content.slot == slot
    again.until("void")
    assert "order" not in [one.type for one in again.heard]


def test_who_knows_blocks_that_are_gone_is_told_to_begin_anew(socket_service: Served) -> None:
    _, url = socket_service

    head = Listener(url, "2000000000:1").until("head").content

    assert isinstance(head, HeadMessage)
    assert head.reset


def test_an_id_that_is_none_is_refused(socket_service: Served) -> None:
    _, url = socket_service

    with Client(url) as client, pytest.raises(RequestRefused) as refused:
        next(client.live(last_event_id="yesterday"))

    assert refused.value.name == "invalid-request"


def test_a_reorganisation_tells_listeners_to_begin_anew(
    world: NodeWorld, socket_service: Served, followers: dict[str, tuple[Database, Follower]]
) -> None:
    _, url = socket_service
    follower = followers["sqlite"][1]
    snapshot = world.ask("evm_snapshot")
    world.post(Slot(world.open_slot + 9), [an_offer(4, 700, 90)])
    follower.catch_up()
    listener = Listener(url)
    listener.until("head")

    world.ask("evm_revert", snapshot)
    world.ask("evm_mine")
    world.ask("evm_mine")
    follower.catch_up()

    ends = time.monotonic() + 10
    while time.monotonic() < ends and not any(
        isinstance(one.content, HeadMessage) and one.content.reset for one in listener.heard
    ):
        time.sleep(0.02)
    assert isinstance(listener.heard[-1].content, HeadMessage)
    assert listener.heard[-1].content.reset


def test_a_silent_market_sends_heartbeats(socket_service: Served) -> None:
    _, url = socket_service

    with httpx.stream("GET", f"{url}/api/v1/live", timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        for line in answer.iter_lines():
            if line == ": still here":
                break


def test_a_hundred_listeners_hear_the_same(
    socket_service: Served,
    world: NodeWorld,
    followers: dict[str, tuple[Database, Follower]],
) -> None:
    _, url = socket_service

    async def hear() -> list[list[str]]:
        limits = httpx.Limits(max_connections=None)
        async with (
            httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http,
            asyncio.TaskGroup() as tasks,
        ):
            hearing = [asyncio.Event() for _ in range(100)]
            told = [tasks.create_task(orders_of(http, ready)) for ready in hearing]
            for ready in hearing:
                await ready.wait()
            assert "wattline_listeners 100.0" in (await http.get("/metrics")).text
            await asyncio.to_thread(order)
        return [task.result() for task in told]

    def order() -> None:
        world.post(Slot(world.open_slot + 8), [an_offer(3, 700, 90)])
        followers["sqlite"][1].catch_up()

    heard = asyncio.run(hear())

    assert len(heard) == 100
    assert all(one == heard[0] for one in heard)


async def orders_of(http: httpx.AsyncClient, ready: asyncio.Event) -> list[str]:
    """Listen to the first orders; `ready` is set when the stream has begun."""
    async with http.stream("GET", "/api/v1/live") as answer:
        lines: list[str] = []
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                ready.set()
            lines.append(line)
            if not line and "event: order" in lines:
                return lines[lines.index("event: order") - 1 :]
    return []


def test_listeners_beyond_the_limits_are_refused(
    world: NodeWorld, manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    for settings in (
        replace(SETTINGS, listener_limit=1),
        replace(SETTINGS, listeners_per_client=1),
    ):
        with on_a_socket(create_app(settings, manifest, *followers["sqlite"])) as (_, url):
            first = Listener(url)
            first.until("head")

            with Client(url) as client, pytest.raises(RequestRefused) as refused:
                next(client.live())

            assert refused.value.name == "rate-limited"


def test_streams_end_when_the_service_does(
    manifest: MarketManifest, followers: dict[str, tuple[Database, Follower]]
) -> None:
    with on_a_socket(create_app(SETTINGS, manifest, *followers["sqlite"])) as (server, url):
        listeners = [Listener(url) for _ in range(5)]
        for listener in listeners:
            listener.until("head")
        began = time.monotonic()
        server.should_exit = True

        with ThreadPoolExecutor(5) as pool:
            assert all(pool.map(Listener.ended, listeners))
        assert time.monotonic() - began < 4
