"""One market of a kind per session, deployed once; every test finds it as it was deployed."""

from collections.abc import Callable, Iterator

import pytest
from web3.contract import Contract

from oracle.chain.deployment import MarketTerms
from tests.contracts.markets import (
    CHALLENGE_SECONDS,
    DEPOSIT,
    PROSUMERS,
    ROLES,
    SEAL_BOND,
    STRANGER,
    Mark,
    Stage,
    World,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import RevertibleChain


def founded_on(terms: MarketTerms) -> World:
    """Return a market whose prosumers and operator have paid in."""
    world = World(RevertibleChain(), terms)
    for number in range(1, PROSUMERS + 1):
        world.market.deposit(owner_of(number), DEPOSIT)
    world.market.deposit(ROLES.operator, DEPOSIT)
    return world


@pytest.fixture(scope="session")
def founded() -> World:
    """A market whose prosumers and operator have paid in; use `world`, which is put back."""
    return founded_on(some_terms())


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    mark = founded.mark()
    yield founded
    founded.put_back(mark)


@pytest.fixture(scope="session")
def founded_sealed() -> World:
    return founded_on(some_terms(seal_bond=SEAL_BOND))


@pytest.fixture
def sealed(founded_sealed: World) -> Iterator[World]:
    """A market whose orders are sealed."""
    mark = founded_sealed.mark()
    yield founded_sealed
    founded_sealed.put_back(mark)


@pytest.fixture(scope="session")
def founded_watched() -> World:
    return founded_on(some_terms(challenge_seconds=CHALLENGE_SECONDS))


@pytest.fixture
def watched(founded_watched: World) -> Iterator[World]:
    """A market in which the grid operator may correct readings."""
    mark = founded_watched.mark()
    yield founded_watched
    founded_watched.put_back(mark)


@pytest.fixture(scope="session")
def first_stage(founded: World) -> tuple[Mark, Stage]:
    """The chain with the book of `a_book` closed, to be put back to; and that stage."""
    before = founded.mark()
    stage = founded.closed()
    after = founded.mark(before.first_block)
    founded.put_back(before)
    return after, stage


@pytest.fixture
def stage(world: World, first_stage: tuple[Mark, Stage]) -> Stage:
    """A slot with the book of `a_book` whose gate has just closed."""
    after, stage = first_stage
    world.put_back(after)
    return stage


@pytest.fixture
def travel_to(world: World) -> Callable[[int], None]:
    """Let calls run at a time, and the next transaction a second later."""
    return world.now_runs_at


@pytest.fixture
def exchange(world: World) -> Contract:
    return world.exchange


@pytest.fixture
def mechanism(world: World) -> Contract:
    return world.deployment.mechanism


@pytest.fixture
def registry(world: World) -> Contract:
    return world.deployment.registry


@pytest.fixture
def line_lease(world: World) -> Contract:
    return world.deployment.line_lease


@pytest.fixture
def storage_ledger(world: World) -> Contract:
    return world.deployment.storage_ledger


@pytest.fixture(scope="session")
def mock_chain() -> RevertibleChain:
    """A chain of their own for the library harnesses, whose calls leave no trace."""
    chain = RevertibleChain()
    chain.fund([STRANGER.address])
    return chain


@pytest.fixture(scope="session")
def libraries(mock_chain: RevertibleChain) -> Contract:
    return mock_chain.deploy_mock(STRANGER, "LibraryHarness")


@pytest.fixture(scope="session")
def accounts(mock_chain: RevertibleChain) -> Contract:
    return mock_chain.deploy_mock(STRANGER, "AccountHarness")


@pytest.fixture(scope="session")
def code_tables(mock_chain: RevertibleChain) -> Contract:
    return mock_chain.deploy_mock(STRANGER, "CodeTableHarness")
