"""The service over an eventful market: in the process for requests, on a socket for streams."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from backend.app import create_app
from backend.index.database import Database
from backend.index.follower import Follower
from backend.market.schemas import MarketManifest
from backend.server import Server, listening_socket
from backend.service import Service
from backend.settings import ServiceSettings
from oracle.chain.manifest import MarketSettings, settings_of
from oracle.chain.relay import MarketRelay
from oracle.chain.signatures import development_key, sign_reading
from oracle.domain.book import Order
from oracle.domain.clock import starts_at
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.backend.conftest import KINDS
from tests.backend.index.worlds import NodeWorld, an_eventful_world
from tests.contracts.markets import PROSUMERS, meter_of, owner_of

SETTINGS = ServiceSettings(batch_delay_s=0.05, poll_s=0.02, heartbeat_s=0.2)
NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Served:
    """A service in the process, and what it stands on."""

    app: FastAPI
    http: httpx.AsyncClient
    world: NodeWorld
    follower: Follower
    manifest: MarketManifest

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(f"/api/v1{path}", headers=headers)

    async def follow(self) -> None:
        """Let the index come to the chain's head, and the service see it."""
        self.follower.catch_up()
        await self.service.watch.refresh()

    def open_slot(self) -> Slot:
        """Return a slot of an empty book that no test has taken; time goes on where none is."""
        taken: set[int] = self.world.__dict__.setdefault("taken", set())
        while True:
            first = self.world.chain.now() // SLOT_SECONDS + 3
            for slot in range(first, first + 20):
                if slot not in taken:
                    taken.add(slot)
                    if not self.world.market.book(Slot(slot)):  # the world began with a bid
                        return Slot(slot)
            self.world.now_runs_at(starts_at(Slot(first + 14)))  # what a test just took stays open

    def body(self, slot: Slot, order: Order, **changes: Any) -> dict[str, Any]:
        """Return what its owner would post."""
        signed = self.world.sign(slot, order)
        return {
            "chain_id": self.manifest.chain_id,
            "exchange": self.manifest.addresses["Exchange"],
            "slot": int(slot),
            "kind": order.kind.name.lower(),
            "participant": order.participant,
            "energy_wh": order.energy,
            "price_micro_usd_per_mwh": order.price,
            "nonce": order.nonce,
            "terms": str(order.terms),
            "signature": f"0x{signed.signature.hex()}",
        } | changes

    def reading(self, slot: Slot, participant: int, energy: int, **changes: Any) -> dict[str, Any]:
        signature = sign_reading(
            meter_of(participant),
            self.world.market.exchange_domain,
            slot=slot,
            participant=participant,
            energy=Wh(energy),
        )
        return {
            "chain_id": self.manifest.chain_id,
            "exchange": self.manifest.addresses["Exchange"],
            "slot": int(slot),
            "participant": participant,
            "energy_wh": energy,
            "signature": f"0x{signature.hex()}",
        } | changes


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def world() -> Iterator[NodeWorld]:
    made = an_eventful_world()
    made.chain.fund([development_key("relay").address])
    yield made
    made.chain.close()


@pytest.fixture(scope="session")
def manifest(world: NodeWorld) -> MarketManifest:
    return manifest_of(world)


def manifest_of(world: NodeWorld) -> MarketManifest:
    """Return what `wattline deploy` would have written of a market."""
    settings: MarketSettings = settings_of(world.deployment)
    people = range(1, PROSUMERS + 1)
    now = world.chain.now() // 900
    return MarketManifest.model_validate(
        {
            "version": 1,
            "chain_id": world.chain.chain_id,
            "hardfork": "prague",
            "first_block": 0,
            "first_slot": now - 40,
            "start_slot": now - 40,
            "scenario": "eventful",
            "devnet": True,
            "addresses": world.deployment.addresses(),
            "code_hashes": {},
            "mechanism": {"name": "pairwise-nash", "contract": "PairwiseNash", "parameters": []},
            "settings": as_plain(settings),
            "export_price_micro_usd_per_mwh": 80_000_000,
            "participants": [
                {
                    "number": number,
                    "name": f"P{number}",
                    "owner": owner_of(number).address,
                    "meter": meter_of(number).address,
                }
                for number in people
            ],
        }
    )


def as_plain(settings: MarketSettings) -> dict[str, Any]:
    plain: dict[str, Any] = TypeAdapter(MarketSettings).dump_python(settings)
    return plain


def empty_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite:///{folder / f'api-{next(NUMBERS)}.sqlite'}")
    server = request.getfixturevalue("postgres")
    name = f"api_{next(NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return Database(server.get_uri(database=name))


@pytest.fixture(scope="session")
def followers(
    request: pytest.FixtureRequest, world: NodeWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Database, Follower]]]:
    """An index of each kind, up to the world's head when it was made."""
    made = {}
    for kind in KINDS:
        database = empty_database(kind, request, tmp_path_factory.mktemp("api"))
        names = {number: f"P{number}" for number in range(1, PROSUMERS + 1)}
        follower = Follower(database, world.source(), names=names)
        follower.open()
        follower.catch_up()
        made[kind] = database, follower
    yield made
    for database, _ in made.values():
        database.close()


@asynccontextmanager
async def serving(
    database: Database,
    follower: Follower,
    world: NodeWorld,
    manifest: MarketManifest,
    settings: ServiceSettings = SETTINGS,
    *,
    has_relay: bool = True,
    client: str = "127.0.0.1",
) -> AsyncIterator[Served]:
    relay = MarketRelay(world.source(), development_key("relay")) if has_relay else None
    app = create_app(settings, manifest, database, follower, relay)
    transport = httpx.ASGITransport(app, client=(client, 1))
    service: Service = app.state.service
    async with (
        service.running(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        served = Served(app, http, world, follower, manifest)
        await served.follow()
        yield served


@pytest.fixture(params=KINDS)
async def served(
    request: pytest.FixtureRequest,
    world: NodeWorld,
    manifest: MarketManifest,
    followers: dict[str, tuple[Database, Follower]],
) -> AsyncIterator[Served]:
    """The service over an index of either kind in turn."""
    async with serving(*followers[request.param], world, manifest) as made:
        yield made


@pytest.fixture
async def on_sqlite(
    world: NodeWorld,
    manifest: MarketManifest,
    followers: dict[str, tuple[Database, Follower]],
) -> AsyncIterator[Served]:
    """The service where it does not matter which database it has."""
    async with serving(*followers["sqlite"], world, manifest) as made:
        yield made


@contextmanager
def on_a_socket(app: FastAPI) -> Iterator[tuple[Server, str]]:
    """Serve on a free port of the loopback, as `wattline serve` does."""
    bound = listening_socket("127.0.0.1", 0)
    server = Server(app)
    thread = Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield server, f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def socket_service(
    world: NodeWorld,
    manifest: MarketManifest,
    followers: dict[str, tuple[Database, Follower]],
) -> Iterator[tuple[Server, str]]:
    database, follower = followers["sqlite"]
    follower.catch_up()
    relay = MarketRelay(world.source(), development_key("relay"))
    app = create_app(replace(SETTINGS), manifest, database, follower, relay)
    with on_a_socket(app) as made:
        yield made
