"""
Rows of lines as contracts/LineLease.sol stores them: 8 lines a word, peer 12 | distance 20.

Capacities, where lines have any, are words like them, 32 bits at each line's place.
"""

from collections.abc import Iterable, Sequence

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.domain.community import Line
from oracle.errors import InvalidInputError
from oracle.units import Meters, Wh

LINES_PER_WORD = 8
MAX_ROW_WORDS = 2
MAX_WORDS = 1024  # of all rows together, as they must fit the transaction that deploys them
MAX_ROW_LINES = MAX_WORDS * LINES_PER_WORD  # a line between two prosumers counts twice
MAX_DISTANCE = 2**20 - 1
NO_CAPACITY = 2**32 - 1  # of a line that has no limit
MAX_LIMITED_LINES = 1024  # of all rows together; a line between two prosumers counts twice


def most_lines(participants: int) -> int:
    """Return how many lines one prosumer may have in a community of that size."""
    return LINES_PER_WORD * min(MAX_ROW_WORDS, MAX_WORDS // max(1, participants))


def rows_of(lines: Iterable[Line], participants: int) -> tuple[list[int], int]:
    """Return the words of all rows, participant 1 first, and the words a row has."""
    peers: dict[int, dict[int, Meters]] = {number: {} for number in range(1, participants + 1)}
    for line in lines:
        if not 0 <= line.distance <= MAX_DISTANCE:
            raise InvalidInputError(
                f"a line is {line.distance} m long, expected at most {MAX_DISTANCE} m"
            )
        peers[line.first + 1][line.second + 1] = line.distance
        if line.second < MAX_PARTICIPANTS:  # managers have no row
            peers[line.second + 1][line.first + 1] = line.distance
    most = max((len(row) for row in peers.values()), default=0)
    row_words = max(1, -(-most // LINES_PER_WORD))
    if row_words * LINES_PER_WORD > most_lines(participants):
        raise InvalidInputError(
            f"a prosumer has {most} lines, expected at most {most_lines(participants)} "
            f"in a community of {participants}"
        )
    return [word for row in peers.values() for word in _packed(row, row_words)], row_words


def lines_of(words: Sequence[int], row_words: int) -> dict[tuple[int, int], Meters]:
    """Return the distance per (seller, buyer), by their numbers from 1."""
    distances = {}
    for position, word in enumerate(words):
        for k in range(LINES_PER_WORD):
            line = word >> 224 - 32 * k & 0xFFFFFFFF
            if line:
                distances[position // row_words + 1, line >> 20] = Meters(line & MAX_DISTANCE)
    return distances


def limits_of(lines: Iterable[Line]) -> dict[tuple[int, int], Wh]:
    """Return the capacity per (seller, buyer), by their numbers from 1, of lines that have one."""
    limits = {}
    for line in lines:
        if line.capacity is not None:
            limits[line.first + 1, line.second + 1] = line.capacity
            if line.second < MAX_PARTICIPANTS:  # managers have no row
                limits[line.second + 1, line.first + 1] = line.capacity
    return limits


def capacity_words(lines: Iterable[Line], rows: Sequence[int], row_words: int) -> list[int]:
    """Return the capacities at the places of their lines in the rows; empty if none has one."""
    limits = limits_of(lines)
    if not limits:
        return []
    if len(limits) > MAX_LIMITED_LINES:
        raise InvalidInputError(
            f"lines with a capacity: expected at most {MAX_LIMITED_LINES}, each way counted, "
            f"got {len(limits)}"
        )
    return [
        sum(
            limits.get((position // row_words + 1, peer), NO_CAPACITY) << 224 - 32 * k
            for k in range(LINES_PER_WORD)
            if (peer := word >> 244 - 32 * k & 0xFFF)
        )
        for position, word in enumerate(rows)
    ]


def capacities_of(
    words: Sequence[int], rows: Sequence[int], row_words: int
) -> dict[tuple[int, int], Wh]:
    """Return what `limits_of` the lines says, from the words of their capacities and rows."""
    capacities = {}
    for position, (word, row) in enumerate(zip(words, rows, strict=bool(words))):
        for k in range(LINES_PER_WORD):
            peer, limit = row >> 244 - 32 * k & 0xFFF, word >> 224 - 32 * k & NO_CAPACITY
            if peer and limit != NO_CAPACITY:
                capacities[position // row_words + 1, peer] = Wh(limit)
    return capacities


def _packed(row: dict[int, Meters], row_words: int) -> list[int]:
    lines = [peer << 20 | distance for peer, distance in sorted(row.items())]
    words = [0] * row_words
    for position, line in enumerate(lines):
        words[position // LINES_PER_WORD] |= line << 224 - 32 * (position % LINES_PER_WORD)
    return words
