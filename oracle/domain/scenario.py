"""A scenario: what one folder describes, validated and in the oracle's own units."""

from dataclasses import dataclass
from datetime import datetime

from oracle.domain.community import Community
from oracle.domain.power_system import PowerSystem, SharedStorage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """One or more days; at least one of power system and community is there."""

    name: str
    description: str
    first_slot: datetime  # with its zone
    slot_count: int
    power_system: PowerSystem | None
    community: Community | None
    storage: SharedStorage | None  # also inside power_system, where there is one
    synthetic: bool = False  # data made up for the case; every table that shows them says so
    note: str = ""  # one line on where the data come from, shown with every table
