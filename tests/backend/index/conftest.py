"""Markets that were run once, and what was read of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.index.database import Database
from oracle.chain.market import Market
from oracle.chain.source import MarketSource
from oracle.day import run_scenario
from oracle.scenario import load_scenario
from tests.backend.index.recorded import RecordedChain, recorded
from tests.backend.index.worlds import NodeWorld, a_sealed_world, an_eventful_world
from tests.contracts.markets import some_terms
from tests.integration.noons import SCENARIOS, at_noon
from tests.integration.remembering import RememberingAnvil


@dataclass(frozen=True, slots=True)
class Told:
    """A market on a node that is over, its reader, and the same without the node."""

    source: MarketSource
    market: Market
    recorded: RecordedChain


ToldOf = Callable[[str], Told]


@pytest.fixture(scope="session")
def told_of() -> Iterator[ToldOf]:
    """Run a market by its name; once, however often asked."""
    known: dict[str, Told] = {}
    with ExitStack() as open_chains:

        def of_world(world: NodeWorld) -> Told:
            open_chains.enter_context(closing(world.chain))
            return Told(world.source(), world.market, recorded(world.source()))

        def a_noon() -> Told:
            chain = open_chains.enter_context(closing(RememberingAnvil()))
            run_scenario(at_noon(load_scenario(SCENARIOS / "village", 1, "mcafee")), chain)
            source = MarketSource(chain, chain.contracts["Exchange"].address)
            return Told(source, chain.market(), recorded(source))

        def told(name: str) -> Told:
            if name not in known:
                makers: dict[str, Callable[[], Told]] = {
                    "eventful": lambda: of_world(an_eventful_world()),
                    "sealed": lambda: of_world(a_sealed_world()),
                    "noon": a_noon,
                }
                known[name] = makers[name]()
            return known[name]

        yield told


@pytest.fixture
def eventful(told_of: ToldOf) -> RecordedChain:
    """A fresh reader of the eventful market's recording, at its head."""
    chain = told_of("eventful").recorded
    return RecordedChain(chain.recorded_rules, chain.recording, chain.height)


@pytest.fixture
def world() -> Iterator[NodeWorld]:
    """A market on a node, to be changed."""
    world = NodeWorld(some_terms())
    with closing(world.chain):
        yield world


@pytest.fixture
def other_database(tmp_path: Path) -> Iterator[Database]:
    """A second database, to compare with."""
    opened = Database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with closing(opened):
        yield opened
