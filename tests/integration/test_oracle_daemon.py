"""The oracle as a service, on a real node: what is due is done, whatever happens meanwhile."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from threading import Event, Thread
from time import monotonic, sleep

import pytest
from eth_account.signers.local import LocalAccount

from oracle.chain.chains import AnvilChain, Chain, open_chain
from oracle.chain.market import Phase
from oracle.chain.signatures import development_key
from oracle.daemon.daemon import Daemon, Pace
from oracle.daemon.desk import DispatchCase
from oracle.daemon.log import LogFormat, make_log
from oracle.daemon.metrics import Metrics
from oracle.daemon.set_point import SetPoint, idle
from oracle.domain.clock import GATE_CLOSURE_SECONDS, starts_at
from oracle.units import SLOT_SECONDS, Slot
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    PROSUMERS,
    World,
    a_book,
    owner_of,
    some_terms,
)

pytestmark = [pytest.mark.contract, pytest.mark.node]

ORACLE, SECOND = development_key("oracle"), development_key("second oracle")
PACE = Pace(poll_s=0.02)
PATIENCE_S = 20.0


@pytest.fixture
def world() -> Iterator[World]:
    with closing(AnvilChain()) as chain:
        yield a_world(chain)


def a_world(chain: Chain) -> World:
    world = World(chain, some_terms())  # type: ignore[arg-type]
    chain.fund([ORACLE.address, SECOND.address])
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    return world


def url_of(world: World) -> str:
    return str(world.chain.w3.provider.endpoint_uri)  # type: ignore[attr-defined]


def no_plan(case: DispatchCase) -> SetPoint:
    return idle(case.slot, case.stored_before, "no plan in this test")


class RunningOracle:
    """A daemon in a thread of this process, with a connection of its own."""

    def __init__(self, world: World, account: LocalAccount = ORACLE) -> None:
        self.metrics, self.said = Metrics(), StringIO()
        self.daemon = Daemon(
            open_chain(url_of(world)),
            world.deployment,
            FIRST_SLOT,
            account,
            no_plan,
            metrics=self.metrics,
            log=make_log(LogFormat.JSON, self.said),
            pace=PACE,
        )
        self._stop = Event()
        self._thread = Thread(target=self.daemon.run, args=(self._stop,))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"wattline_oracle_{name}", labels) or 0.0


@contextmanager
def an_oracle(world: World, account: LocalAccount = ORACLE) -> Iterator[RunningOracle]:
    oracle = RunningOracle(world, account)
    try:
        yield oracle
    finally:
        oracle.stop()


def wait_until(what: object, said: StringIO | None = None) -> None:
    until = monotonic() + PATIENCE_S
    while not what():  # type: ignore[operator]
        assert monotonic() < until, said.getvalue() if said else "in vain"
        sleep(0.02)


def phase_comes(world: World, slot: Slot, phase: Phase) -> None:
    wait_until(lambda: world.market.phase(slot) is phase)


def record_half_of_what_was_sold(world: World, slot: Slot) -> None:
    book = world.market.book(slot)
    sold: dict[int, int] = {}
    for trade in world.market.cleared_trades(slot) or ():
        seller = book[trade.offer].participant
        sold[seller] = sold.get(seller, 0) + trade.energy
    world.read(slot, {number: energy // 2 for number, energy in sold.items()})


def accounts(world: World) -> list[object]:
    return [world.market.account(person) for person in world.people()]


def test_clears_and_settles_slot_after_slot(world: World) -> None:
    first = world.open_slot
    slots = [Slot(first + k) for k in range(3)]
    with an_oracle(world) as oracle:
        for slot in slots:
            assert world.post(slot, a_book()) == []
        for slot in slots:
            world.chain.travel_to(starts_at(slot) - GATE_CLOSURE_SECONDS)
            phase_comes(world, slot, Phase.CLEARED)
        for slot in slots:
            world.chain.travel_to(starts_at(slot) + SLOT_SECONDS)
            record_half_of_what_was_sold(world, slot)
            phase_comes(world, slot, Phase.SETTLED)
        wait_until(lambda: oracle.daemon.status()["through_slot"] == slots[-1] + 1)

    assert oracle.value("slots_total", step="cleared") == 3
    assert oracle.value("slots_total", step="settled") == 3
    assert oracle.value("failures_total") == 0
    assert '"event": "cleared"' in oracle.said.getvalue()
