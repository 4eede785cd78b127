"""How much of the contracts was reached."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.coverage.marks import Place

LINES_PERCENT = 100
BRANCHES_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of how many places were reached."""

    reached: int
    total: int

    @property
    def percent(self) -> float:
        """Return the share, rounded down: 100 is all."""
        return 1000 * self.reached // self.total / 10 if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a file, or of all."""

    name: str
    lines: Tally
    branches: Tally
    missed: tuple[Place, ...]

    @property
    def suffice(self) -> bool:
        return self.lines.percent >= LINES_PERCENT and self.branches.percent >= BRANCHES_PERCENT

    def as_json(self) -> Mapping[str, Any]:
        return {**asdict(self), "missed": [str(place) for place in self.missed]}


def figures_of(name: str, places: Sequence[Place], reached: Collection[int]) -> Figures:
    """Return the figures of all places, of which those with the numbers `reached` were."""
    return _figures_of(name, [(place, number in reached) for number, place in enumerate(places)])


def figures_by_file(places: Sequence[Place], reached: Collection[int]) -> list[Figures]:
    """Return the figures of each file that has places."""
    by_file: dict[str, list[tuple[Place, bool]]] = {}
    for number, place in enumerate(places):
        by_file.setdefault(place.file, []).append((place, number in reached))
    return [_figures_of(file, seen) for file, seen in sorted(by_file.items())]


def _figures_of(name: str, seen: Sequence[tuple[Place, bool]]) -> Figures:
    """Count a line as reached if every statement that begins on it was."""
    lines = {place for place, _ in seen if not place.arm}
    arms = [was_reached for place, was_reached in seen if place.arm]
    missed = {place for place, was_reached in seen if not was_reached}
    return Figures(
        name=name,
        lines=Tally(len(lines - missed), len(lines)),
        branches=Tally(sum(arms), len(arms)),
        missed=tuple(sorted(missed)),
    )


def lines_by_test(
    places: Sequence[Place], marks: Mapping[str, Collection[int]]
) -> dict[str, dict[str, list[int]]]:
    """Return which lines of which contract each file of tests reaches."""
    lines: dict[str, dict[str, set[int]]] = {}
    for test, numbers in marks.items():
        for place in (places[number] for number in numbers):
            lines.setdefault(test, {}).setdefault(place.file, set()).add(place.line)
    return {
        test: {file: sorted(found) for file, found in sorted(files.items())}
        for test, files in sorted(lines.items())
    }
