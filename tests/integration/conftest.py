"""Whole days, run once per chain and read by many tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from oracle.day import run_scenario
from oracle.scenario import load_scenario
from tests.integration.remembering import Remembering, RememberingAnvil, RememberingEmbedded, Run

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="session")
def day_of() -> Iterator[Callable[[str, type[Remembering]], Run]]:
    """Runs the first day of a scenario on a kind of chain; once, however often asked."""
    runs: dict[tuple[str, type[Remembering]], Run] = {}
    with ExitStack() as open_chains:

        def run(name: str, kind: type[Remembering]) -> Run:
            if (name, kind) not in runs:
                scenario = load_scenario(SCENARIOS / name, days=1)
                chain = open_chains.enter_context(closing(kind()))  # type: ignore[call-arg]
                runs[name, kind] = Run(scenario, chain, run_scenario(scenario, chain))
            return runs[name, kind]

        yield run


@pytest.fixture
def paper_day(day_of: Callable[[str, type[Remembering]], Run]) -> Run:
    return day_of("paper-day", RememberingEmbedded)


@pytest.fixture
def village_day(day_of: Callable[[str, type[Remembering]], Run]) -> Run:
    return day_of("village", RememberingEmbedded)


@pytest.fixture
def paper_day_on_anvil(day_of: Callable[[str, type[Remembering]], Run]) -> Run:
    return day_of("paper-day", RememberingAnvil)


@pytest.fixture
def village_day_on_anvil(day_of: Callable[[str, type[Remembering]], Run]) -> Run:
    return day_of("village", RememberingAnvil)
