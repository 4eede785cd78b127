"""The option --start: a time of a scenario's first day, and its slot."""

from datetime import timedelta

from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.units import SLOT_SECONDS, SLOTS_PER_DAY


def start_index(scenario: Scenario, start: str) -> int:
    """Return the slot of the scenario's first day that begins at a time of its zone."""
    hours, colon, minutes = start.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal()) or int(hours) > 23:
        raise InvalidInputError(f"--start {start}: expected a time such as 10:00")
    wanted = timedelta(hours=int(hours), minutes=int(minutes))
    first = timedelta(hours=scenario.first_slot.hour, minutes=scenario.first_slot.minute)
    slots, rest = divmod((wanted - first).total_seconds(), SLOT_SECONDS)
    index = int(slots) % SLOTS_PER_DAY
    if rest or index >= scenario.slot_count:
        raise InvalidInputError(
            f"--start {start}: expected the start of one of the {scenario.slot_count} slots from "
            f"{scenario.first_slot:%H:%M} on"
        )
    return index
