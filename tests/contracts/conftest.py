"""One market of a kind per session, deployed once; every test finds it as it was deployed."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

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
    Stage,
    World,
    owner_of,
    some_terms,
)
from tests.contracts.revertible import RevertibleChain, deploy_mock, revertible_chain


@contextmanager
def founded_on(terms: MarketTerms) -> Iterator[World]:
    """Give a market whose prosumers and operator have paid in."""
    with closing(revertible_chain()) as chain:
        world = World(chain, terms)
        for number in range(1, PROSUMERS + 1):
            world.market.deposit(owner_of(number), DEPOSIT)
        world.market.deposit(ROLES.operator, DEPOSIT)
        yield world


@pytest.fixture(scope="session")
def founded() -> Iterator[World]:
    """A market whose prosumers and operator have paid in; use `world`, which is put back."""
    with founded_on(some_terms()) as world:
        yield world


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    mark = founded.mark()
    yield founded
    founded.put_back(mark)


@pytest.fixture(scope="session")
def founded_sealed() -> Iterator[World]:
    with founded_on(some_terms(seal_bond=SEAL_BOND)) as world:
        yield world


@pytest.fixture
def sealed(founded_sealed: World) -> Iterator[World]:
    """A market whose orders are sealed."""
    mark = founded_sealed.mark()
    yield founded_sealed
    founded_sealed.put_back(mark)


@pytest.fixture(scope="session")
def founded_watched() -> Iterator[World]:
    with founded_on(some_terms(challenge_seconds=CHALLENGE_SECONDS)) as world:
        yield world


@pytest.fixture
def watched(founded_watched: World) -> Iterator[World]:
    """A market in which the grid operator may correct readings."""
    mark = founded_watched.mark()
    yield founded_watched
    founded_watched.put_back(mark)


@pytest.fixture
def stage(world: World) -> Stage:
    """A slot with the book of `a_book` whose gate has just closed."""
    return world.closed()


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
def mock_chain() -> Iterator[RevertibleChain]:
    """A chain of their own for the library harnesses, whose calls leave no trace."""
    with closing(revertible_chain()) as chain:
        chain.fund([STRANGER.address])
        yield chain


@pytest.fixture(scope="session")
def libraries(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "LibraryHarness")


@pytest.fixture(scope="session")
def accounts(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "AccountHarness")


@pytest.fixture(scope="session")
def code_tables(mock_chain: RevertibleChain) -> Contract:
    return deploy_mock(mock_chain, STRANGER, "CodeTableHarness")
