"""Short runs of the village: it trades at noon only."""

from dataclasses import replace
from pathlib import Path

from oracle.domain.community import Line, Shortfall, manager_index
from oracle.domain.scenario import Scenario
from oracle.scenario import load_scenario
from oracle.units import Bps, Meters, Wh

SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOON = range(48, 52)  # of the slots, from 12:00 on
CAPACITY = Wh(400)


def at_noon(scenario: Scenario) -> Scenario:
    """Return a village that trades in few slots, in one of which sellers deliver half."""
    community = scenario.community
    assert community is not None
    rules = replace(community.rules, first_trading_slot=NOON[0], last_trading_slot=NOON[-1])
    short = tuple(
        Shortfall(prosumer=number, slot=NOON[1], delivered=Bps(5000))
        for number in range(len(community.prosumers))
    )
    return replace(scenario, community=replace(community, rules=rules, shortfalls=short))


def a_hybrid_noon() -> Scenario:
    """Return a village under `matching` whose lines have capacities, half of it with a manager."""
    scenario = load_scenario(SCENARIOS / "village", 1, "matching")
    community = scenario.community
    assert community is not None
    spokes = [
        Line(first=number, second=manager_index(1), distance=Meters(200), capacity=CAPACITY)
        for number in range(0, len(community.prosumers), 2)
    ]
    limited = [replace(line, capacity=CAPACITY) for line in community.lines]
    rules = replace(community.rules, trade_graph="hybrid")
    hybrid = replace(community, lines=(*limited, *spokes), rules=rules)
    return at_noon(replace(scenario, community=hybrid))
