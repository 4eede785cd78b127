"""
Scenario folders → domain records.

A folder holds scenario.toml and, where their subject is there, system.csv and day_ahead.csv (the
power system), prosumers.csv (the community) and tariff.csv (what the grid charges and pays). Files
name their units and speak of kWh and USD/kWh; here they become the integers of `oracle.units`.
Whatever is wrong ends in an InvalidInputError of one line: file, line, key, what was expected.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oracle.domain.community import Community, Tariff
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.market.registry import MECHANISMS
from oracle.scenario_files import community as community_files
from oracle.scenario_files import power_system as power_system_files
from oracle.scenario_files.fields import anything, flag, shown, text, whole
from oracle.scenario_files.limits import LAST_YEAR
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.units import SLOT_SECONDS, SLOTS_PER_DAY

_TOP = {
    "name": text(),
    "description": text(default=""),
    "synthetic": flag(default=False),
    "note": text(default=""),
    "first_slot": anything(),
    "slot_minutes": whole(at_least=1),
}
_TABLES = (*power_system_files.TABLES, "storage", *community_files.TABLES)
_END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def load_scenario(folder: Path, days: int | None = None, mechanism: str | None = None) -> Scenario:
    """Return the scenario in `folder`; only its first days, or under another mechanism."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInputError(f"{folder}: expected the folder of a scenario")
    document = TomlFile(folder / "scenario.toml")
    top = document.top(_TOP, _TABLES)
    first_slot = _first_slot(top)
    if top["slot_minutes"] * 60 != SLOT_SECONDS:
        raise top.fault("slot_minutes", f"expected 15, got {top['slot_minutes']}")

    storage = power_system_files.read_storage(document)
    system = None
    if power_system_files.has_power_system(document, folder):
        system = power_system_files.read_power_system(document, folder, storage)
    community = None
    if community_files.has_community(document, folder):
        slots = None if system is None else len(system.load_mw)
        community = community_files.read_community(document, folder, slots)
    if system is None and community is None:
        raise document.missing("[[thermal_units]] or [[prosumers]]", "as a scenario needs one")
    if storage and system is None and (community is None or community.tariff is None):
        raise InvalidInputError(
            f"tariff.csv: expected this file in {folder}, as [storage] has no power system "
            "to be dispatched in"
        )

    scenario = Scenario(
        name=top["name"],
        description=top["description"],
        first_slot=first_slot,
        slot_count=SLOTS_PER_DAY if community is None else community.load.shape[1],
        power_system=system,
        community=community,
        storage=storage,
        synthetic=top["synthetic"],
        note=top["note"],
    )
    if storage:
        power_system_files.check_compensation(document, storage, scenario.slot_count)
    if days is not None:
        scenario = _first_days(scenario, days, document)
    if mechanism is None:
        return scenario
    if scenario.community is None:
        raise InvalidInputError(f"mechanism {mechanism}: expected a scenario with prosumers")
    return replace(scenario, community=under_mechanism(scenario.community, mechanism))


def under_mechanism(community: Community, name: str) -> Community:
    """
    Return a community under another mechanism, with a trade graph that this one clears.

    Raises
    ------
    InvalidInputError
        If there is no such mechanism, or lines have capacities that it does not respect.
    """
    if name not in MECHANISMS:
        raise InvalidInputError(f"mechanism {name}: expected one of {', '.join(MECHANISMS)}")
    kind, graph = MECHANISMS[name], community.rules.trade_graph
    if graph not in kind.graphs:
        graph = kind.graphs[0]
    rules = replace(community.rules, mechanism=name, trade_graph=graph)
    changed = replace(community, rules=rules)
    if not kind.capacities and any(line.capacity is not None for line in changed.routes):
        raise InvalidInputError(
            f'mechanism "{name}": expected lines without capacities, which it does not respect'
        )
    return changed


def _first_slot(top: Section) -> datetime:
    """Return the start of the first slot, in the zone that the file gives."""
    expected = 'expected a time with its zone, such as "2016-05-09T00:00:00Z"'
    moment = _moment(top["first_slot"])
    if moment is None or moment.tzinfo is None:
        raise top.fault("first_slot", f"{expected}, got {shown(top['first_slot'])}")
    seconds = moment.timestamp()
    if seconds % SLOT_SECONDS != 0 or not 0 <= seconds < _END.timestamp():
        raise top.fault(
            "first_slot",
            f"expected a quarter of an hour of the years 1970 to {LAST_YEAR}, "
            f"got {shown(top['first_slot'])}",
        )
    return moment


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _first_days(scenario: Scenario, days: int, document: TomlFile) -> Scenario:
    """Return the scenario cut to its first days: profiles, tariff, trading slots, shortfalls."""
    available = scenario.slot_count // SLOTS_PER_DAY
    if not 1 <= days <= available:
        raise InvalidInputError(
            f"{document.name}: expected a number of days from 1 to {available}, got {days}"
        )
    slots = days * SLOTS_PER_DAY
    community = scenario.community
    if community is not None:
        if community.rules.first_trading_slot >= slots:
            line = document.line_of(("market", "first_trading_slot"))
            raise InvalidInputError(
                f"{document.name}, line {line}, [market] first_trading_slot: expected a slot of "
                f"1 to {slots} to run {days} days, got {community.rules.first_trading_slot + 1}"
            )
        community = _first_slots(community, slots)
    return replace(scenario, slot_count=slots, community=community)


def _first_slots(community: Community, slots: int) -> Community:
    tariff = community.tariff
    rules = community.rules
    return replace(
        community,
        rules=replace(rules, last_trading_slot=min(rules.last_trading_slot, slots - 1)),
        pv=community.pv[:, :slots],
        load=community.load[:, :slots],
        tariff=tariff
        and Tariff(
            import_price=tariff.import_price[:slots], export_price=tariff.export_price[:slots]
        ),
        shortfalls=tuple(entry for entry in community.shortfalls if entry.slot < slots),
    )
