"""Reads the community of a scenario: prosumers, lines, market, profiles."""

from pathlib import Path

import numpy as np

from oracle.domain.community import Community, IntArray, Shortfall
from oracle.scenario_files.csv_file import CsvFormat, read_csv
from oracle.scenario_files.fields import name, number, whole
from oracle.scenario_files.limits import MAX_POWER_KW
from oracle.scenario_files.market import (
    check_routes,
    read_market,
    read_rules,
    read_settings,
    read_tariff,
)
from oracle.scenario_files.prosumers import (
    read_ladder,
    read_lines,
    read_managers,
    read_prosumer,
    read_prosumer_sections,
    read_strategies,
)
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.units import SLOTS_PER_DAY, bps_from_fraction, wh_per_slot_array_from_kw

TABLES = (
    "line_lease",
    "market",
    "mechanisms",
    "strategies",
    "prosumers",
    "managers",
    "lines",
    "shortfalls",
)

_SHORTFALL = {
    "prosumer": name(),
    "slot": whole(at_least=1),
    "delivered_share": number(at_least=0, at_most=1),
}


def has_community(document: TomlFile, folder: Path) -> bool:
    """Return whether any part of a community is there."""
    return any(document.has(table) for table in TABLES) or (folder / "prosumers.csv").exists()


def read_community(document: TomlFile, folder: Path, slots: int | None) -> Community:
    """Return the community; `slots` is the horizon where the power system already fixes it."""
    sections = read_prosumer_sections(document)
    names = [section["name"] for section in sections]
    strategies = read_strategies(document)
    prosumers = tuple(read_prosumer(section, strategies) for section in sections)
    lines = read_lines(document, names, read_managers(document, names))
    ladder = read_ladder(document, lines)
    market = read_market(document)
    check_routes(document, market, lines)
    shortfall_sections = document.sections("shortfalls", _SHORTFALL)

    profiles = read_csv(
        folder / "prosumers.csv",
        CsvFormat(
            index="slot",
            columns=tuple(f"{name}_{kind}_kw" for name in names for kind in ("pv", "load")),
            rows=slots,
            rows_per_day=SLOTS_PER_DAY,
            at_most=MAX_POWER_KW,
        ),
    )
    slot_count = len(profiles.lines)
    tariff = read_tariff(folder, slot_count)

    def energies(kind: str) -> IntArray:
        return wh_per_slot_array_from_kw(
            np.array([profiles.columns[f"{name}_{kind}_kw"] for name in names])
        )

    return Community(
        prosumers=prosumers,
        lines=lines,
        ladder=ladder,
        rules=read_rules(
            market, tariff, slot_count, len(prosumers), settings=read_settings(document)
        ),
        pv=energies("pv"),
        load=energies("load"),
        tariff=tariff,
        shortfalls=_read_shortfalls(shortfall_sections, names, slot_count),
        seed=strategies.seed,
    )


def _read_shortfalls(
    sections: list[Section], names: list[str], slot_count: int
) -> tuple[Shortfall, ...]:
    shortfalls: dict[tuple[str, int], Shortfall] = {}
    for section in sections:
        prosumer, slot = section["prosumer"], section["slot"]
        if prosumer not in names:
            raise section.fault("prosumer", f'expected the name of a prosumer, got "{prosumer}"')
        if slot > slot_count:
            raise section.fault("slot", f"expected a slot of 1 to {slot_count}, got {slot}")
        if (prosumer, slot) in shortfalls:
            raise section.fault("slot", f'expected one shortfall of "{prosumer}" in slot {slot}')
        shortfalls[prosumer, slot] = Shortfall(
            prosumer=names.index(prosumer),
            slot=slot - 1,
            delivered=bps_from_fraction(section["delivered_share"]),
        )
    return tuple(shortfalls.values())
