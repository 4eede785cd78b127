"""A grid, its prosumers and some days of profiles, put together: what a scenario folder holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from oracle.domain.rows import most_lines
from scripts.simbench.dataset import Profiles, open_data_set, read_profiles
from scripts.simbench.grid import Grid, nearest_pairs, read_grid
from scripts.simbench.prosumers import Villager, villagers

DEFAULT_SCENARIO = 1
"""SimBench's scenario with 14 loads, 8 PV plants and 4 batteries in LV1.101."""

DEFAULT_SEED = 2016


NEAREST = 8
"""Lines per prosumer where the grid is too large for a line between any two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedShortfall:
    """A shortfall to write into the scenario; slots count from 1."""

    prosumer: str
    slot: int
    delivered_share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Village:
    """Everything that goes into the folder."""

    name: str
    grid: Grid
    simbench_scenario: int
    profiles: Profiles
    villagers: Sequence[Villager]
    lines_per_prosumer: int | None
    shortfalls: Sequence[PlannedShortfall]
    command: str

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Return the pairs that get a line; any two where the chain can hold that."""
        others = len(self.villagers) - 1
        wanted = self.lines_per_prosumer
        most = most_lines(len(self.villagers))
        if wanted is None:
            wanted = others if others <= most else NEAREST
        return nearest_pairs(self.grid.between, len(self.villagers), nearest=wanted, at_most=most)


def build_village(
    grid_name: str,
    first_day: date,
    days: int,
    *,
    name: str,
    simbench_scenario: int = DEFAULT_SCENARIO,
    lines_per_prosumer: int | None = None,
    shortfalls: list[PlannedShortfall] | None = None,
    seed: int = DEFAULT_SEED,
    source: Path | None = None,
) -> Village:
    """Return what the folder will hold; nothing is written."""
    data = open_data_set(simbench_scenario, source)
    grid = read_grid(data, grid_name)
    load_columns = {f"{load.profile}_pload" for bus in grid.buses for load in bus.loads}
    plant_columns = {plant.profile for bus in grid.buses for plant in bus.plants}
    loads = read_profiles(data, "LoadProfile", load_columns, first_day, days)
    plants = read_profiles(data, "RESProfile", plant_columns, first_day, days)
    made = villagers(grid, loads, plants, seed)
    return Village(
        name=name,
        grid=grid,
        simbench_scenario=simbench_scenario,
        profiles=loads,
        villagers=made,
        lines_per_prosumer=lines_per_prosumer,
        shortfalls=shortfalls or [],
        command=_command(
            grid_name,
            first_day,
            days,
            simbench_scenario,
            lines_per_prosumer,
            shortfalls,
            seed,
            name,
        ),
    )


def _command(
    grid: str,
    first_day: date,
    days: int,
    simbench_scenario: int,
    lines_per_prosumer: int | None,
    shortfalls: list[PlannedShortfall] | None,
    seed: int,
    name: str,
) -> str:
    """Return the command that makes the folder again."""
    words = [f"wattline import-simbench {grid} --from {first_day} --days {days}"]
    if simbench_scenario != DEFAULT_SCENARIO:
        words.append(f"--simbench-scenario {simbench_scenario}")
    if lines_per_prosumer is not None:
        words.append(f"--lines-per-prosumer {lines_per_prosumer}")
    words += [f"--shortfall {s.prosumer}:{s.slot}:{s.delivered_share}" for s in shortfalls or ()]
    if seed != DEFAULT_SEED:
        words.append(f"--seed {seed}")
    words.append(f"--out scenarios/{name}")
    return " ".join(words)
