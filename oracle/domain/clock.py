"""The clock of the market, in seconds and slots, as contracts/libraries/SlotLib.sol has it."""

from oracle.units import SLOT_SECONDS, Slot

GATE_CLOSURE_SECONDS = 1800  # before a slot starts
REVEAL_SECONDS = 600  # from the gate's closure on
READING_SECONDS = 3600  # from a slot's end on
OPEN_SLOTS = 23  # after the current one
ANNOUNCED_SLOTS = 366 * 96  # at most ahead


def slot_at(timestamp: int) -> Slot:
    return Slot(timestamp // SLOT_SECONDS)


def starts_at(slot: Slot) -> int:
    return slot * SLOT_SECONDS


def slots_until_final(challenge_minutes: int) -> int:
    """Return how many slots after a slot's end its readings are final; 0 if at once."""
    if challenge_minutes == 0:
        return 0
    return -(-(READING_SECONDS + 60 * challenge_minutes) // SLOT_SECONDS)
