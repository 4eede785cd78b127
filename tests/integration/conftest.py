"""Whole days, run once per chain and read by many tests."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from oracle.day import OrderRoute, run_scenario
from oracle.scenario import load_scenario
from tests.integration.remembering import Remembering, RememberingAnvil, RememberingEmbedded, Run

SCENARIOS = Path(__file__).parents[2] / "scenarios"


class DayOf(Protocol):
    """Runs the first day of a scenario on a kind of chain; once, however often asked."""

    def __call__(
        self, name: str, kind: type[Remembering], route: OrderRoute = OrderRoute.SIGNED
    ) -> Run: ...


@pytest.fixture(scope="session")
def day_of() -> Iterator[DayOf]:
    runs: dict[tuple[str, type[Remembering], OrderRoute], Run] = {}
    with ExitStack() as open_chains:

        def run(name: str, kind: type[Remembering], route: OrderRoute = OrderRoute.SIGNED) -> Run:
            key = name, kind, route
            if key not in runs:
                scenario = load_scenario(SCENARIOS / name, days=1)
                chain = open_chains.enter_context(closing(kind()))  # type: ignore[call-arg]
                runs[key] = Run(scenario, chain, run_scenario(scenario, chain, route=route))
            return runs[key]

        yield run


@pytest.fixture
def paper_day(day_of: DayOf) -> Run:
    return day_of("paper-day", RememberingEmbedded)


@pytest.fixture
def village_day(day_of: DayOf) -> Run:
    return day_of("village", RememberingEmbedded)


@pytest.fixture
def paper_day_of_own_transactions(day_of: DayOf) -> Run:
    return day_of("paper-day", RememberingEmbedded, OrderRoute.OWN)


@pytest.fixture
def village_day_of_own_transactions(day_of: DayOf) -> Run:
    return day_of("village", RememberingEmbedded, OrderRoute.OWN)


@pytest.fixture
def paper_day_on_anvil(day_of: DayOf) -> Run:
    return day_of("paper-day", RememberingAnvil)


@pytest.fixture
def village_day_on_anvil(day_of: DayOf) -> Run:
    return day_of("village", RememberingAnvil)
