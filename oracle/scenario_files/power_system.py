"""Reads the power system and the shared storage of a scenario."""

from pathlib import Path

from oracle.domain.power_system import (
    CapturePolicy,
    CarbonPolicy,
    DemandResponse,
    PowerSystem,
    ReservePolicy,
    SharedStorage,
    ThermalUnit,
)
from oracle.errors import InvalidInputError
from oracle.scenario_files.csv_file import CsvFile, CsvFormat, read_csv
from oracle.scenario_files.fields import choice, flag, name, number, whole
from oracle.scenario_files.limits import (
    MAX_CAPACITY_MWH,
    MAX_COST_USD,
    MAX_MONEY_USD,
    MAX_MWH_PER_T,
    MAX_POWER_MW,
    MAX_PRICE_USD_PER_MW2H,
    MAX_PRICE_USD_PER_MWH,
    MAX_PRICE_USD_PER_T,
    MAX_T_PER_MWH,
    SMALLEST_FRACTION,
)
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.units import HOURS_PER_DAY, SLOT_HOURS, SLOTS_PER_DAY

TABLES = (
    "carbon",
    "capture",
    "reserve",
    "wind",
    "unserved",
    "day_ahead",
    "thermal_units",
    "demand_response",
)
"""Any of these, or a system.csv, means that the scenario has a power system."""

UNSERVED_COST_USD_PER_MWH = 1000.0  # MODEL.md (27)
TRIGGER_MW = 5.0  # MODEL.md (18)

_POWER = number(at_least=0, at_most=MAX_POWER_MW)
_PRICE = number(at_least=0, at_most=MAX_PRICE_USD_PER_MWH)
_COST = number(at_least=0, at_most=MAX_COST_USD)
_RATE = number(at_least=0, at_most=MAX_T_PER_MWH)
_SHARE = number(at_least=0, at_most=1)
_EFFICIENCY = number(at_least=SMALLEST_FRACTION, at_most=1)

_CARBON = {
    "price_usd_per_t": number(at_least=0, at_most=MAX_PRICE_USD_PER_T),
    "allowance_t_per_mwh": _RATE,
}
_CAPTURE = {
    "reading": choice(("energy", "share")),
    "efficiency": _EFFICIENCY,
    "max_share": number(at_least=0, at_most=1, default=1.0),
}
_RESERVE = {"load_fraction": _SHARE, "installed_wind_fraction": _SHARE}
_WIND = {"installed_mw": _POWER}
_UNSERVED = {
    "cost_usd_per_mwh": number(
        at_least=0, at_most=MAX_PRICE_USD_PER_MWH, default=UNSERVED_COST_USD_PER_MWH
    )
}
_DAY_AHEAD = {"trigger_mw": number(at_least=0, at_most=MAX_POWER_MW, default=TRIGGER_MW)}
_DEMAND_RESPONSE = {"name": name(), "cost_usd_per_mwh": _PRICE}
_THERMAL_UNIT = {
    "name": name(),
    "min_mw": _POWER,
    "max_mw": _POWER,
    "cost_usd_per_h": _COST,
    "cost_usd_per_mwh": _PRICE,
    "cost_usd_per_mw2h": number(at_least=0, at_most=MAX_PRICE_USD_PER_MW2H),
    "emission_t_per_mwh": _RATE,
    "capture": flag(),
    "capture_mwh_per_t": number(at_least=0, at_most=MAX_MWH_PER_T, default=0.0),
    "capture_fixed_mw": number(at_least=0, at_most=MAX_POWER_MW, default=0.0),
    "ramp_mw_per_h": _POWER,
    "start_usd": _COST,
    "stop_usd": _COST,
    "min_up_h": whole(at_least=0, at_most=168),
    "min_down_h": whole(at_least=0, at_most=168),
    "initially_on": flag(default=True),
}
_STORAGE = {
    "power_mw": _POWER,
    "capacity_mwh": number(above=0, at_most=MAX_CAPACITY_MWH),
    "min_soc": _SHARE,
    "max_soc": _SHARE,
    "initial_soc": _SHARE,
    "charge_efficiency": _EFFICIENCY,
    "discharge_efficiency": _EFFICIENCY,
    "degradation_usd_per_mw_slot": _PRICE,
    "compensation_usd_per_mwh": number(at_least=0, at_most=MAX_PRICE_USD_PER_MWH, default=0.0),
}


def read_storage(document: TomlFile) -> SharedStorage | None:
    """Return the shared storage, or None if the scenario has none."""
    section = document.section("storage", _STORAGE)
    if section is None:
        return None
    if section["min_soc"] > section["max_soc"]:
        raise section.fault(
            "max_soc",
            f"expected at least min_soc = {section['min_soc']}, got {section['max_soc']}",
        )
    if not section["min_soc"] <= section["initial_soc"] <= section["max_soc"]:
        raise section.fault(
            "initial_soc",
            f"expected a number from min_soc = {section['min_soc']} "
            f"to max_soc = {section['max_soc']}, got {section['initial_soc']}",
        )
    return SharedStorage(**section.values)


def check_compensation(document: TomlFile, storage: SharedStorage, slot_count: int) -> None:
    """Raise an error if the chain cannot hold what the storage may earn in the scenario."""
    most_mwh = storage.power_mw * SLOT_HOURS * slot_count
    highest_usd = storage.compensation_usd_per_mwh * most_mwh
    if highest_usd > MAX_MONEY_USD / 2:
        line = document.line_of(("storage", "compensation_usd_per_mwh"))
        raise InvalidInputError(
            f"{document.name}, line {line}, [storage] compensation_usd_per_mwh: expected at most "
            f"{MAX_MONEY_USD / 2 / most_mwh:.6g}, so that the pay for {slot_count} slots of full "
            f"power fits the chain's accounts, got {storage.compensation_usd_per_mwh:.15g}"
        )


def has_power_system(document: TomlFile, folder: Path) -> bool:
    """Return whether any part of a power system is there."""
    return any(document.has(table) for table in TABLES) or (folder / "system.csv").exists()


def read_power_system(
    document: TomlFile, folder: Path, storage: SharedStorage | None
) -> PowerSystem:
    """Return the power system that the tables and the two files describe."""
    units = _read_units(document)
    reserve = document.section("reserve", _RESERVE)
    carbon = document.section("carbon", _CARBON)
    wind = document.section("wind", _WIND)
    unserved = document.section("unserved", _UNSERVED)
    day_ahead = document.section("day_ahead", _DAY_AHEAD)
    capture = _read_capture(document, units)
    loads = document.sections("demand_response", _DEMAND_RESPONSE)
    refuse_duplicates(loads)
    names = [load["name"] for load in loads]

    powers = ("load_mw", "wind_mw") if wind else ("load_mw",)
    system = read_csv(
        folder / "system.csv",
        CsvFormat(
            index="slot",
            columns=(*powers, *(column for name in names for column in _columns(name))),
            rows=SLOTS_PER_DAY,
            rows_per_day=SLOTS_PER_DAY,
            at_most=MAX_POWER_MW,
        ),
    )
    hours = read_csv(
        folder / "day_ahead.csv",
        CsvFormat(
            index="hour",
            columns=powers,
            rows=HOURS_PER_DAY,
            rows_per_day=HOURS_PER_DAY,
            at_most=MAX_POWER_MW,
        ),
    )
    return PowerSystem(
        units=units,
        carbon=CarbonPolicy(**carbon.values)
        if carbon
        else CarbonPolicy(price_usd_per_t=0.0, allowance_t_per_mwh=0.0),
        capture=capture,
        reserve=ReservePolicy(**reserve.values)
        if reserve
        else ReservePolicy(load_fraction=0.0, installed_wind_fraction=0.0),
        installed_wind_mw=wind["installed_mw"] if wind else 0.0,
        unserved_cost_usd_per_mwh=(
            unserved["cost_usd_per_mwh"] if unserved else UNSERVED_COST_USD_PER_MWH
        ),
        trigger_mw=day_ahead["trigger_mw"] if day_ahead else TRIGGER_MW,
        demand_response=tuple(_read_demand_response(load, system) for load in loads),
        storage=storage,
        day_ahead_load_mw=hours.columns["load_mw"],
        day_ahead_wind_mw=hours.columns["wind_mw"] if wind else 0.0 * hours.columns["load_mw"],
        load_mw=system.columns["load_mw"],
        wind_mw=system.columns["wind_mw"] if wind else 0.0 * system.columns["load_mw"],
    )


def refuse_duplicates(sections: list[Section]) -> None:
    """Raise an error if two of the tables bear one name."""
    for position, section in enumerate(sections):
        if section["name"] in [other["name"] for other in sections[:position]]:
            raise section.fault("name", f'expected another name, "{section["name"]}" is taken')


def _read_units(document: TomlFile) -> tuple[ThermalUnit, ...]:
    sections = document.sections("thermal_units", _THERMAL_UNIT)
    if not sections:
        raise document.missing("[[thermal_units]]", "as the scenario has a power system")
    refuse_duplicates(sections)
    for section in sections:
        if section["min_mw"] > section["max_mw"]:
            raise section.fault(
                "max_mw",
                f"expected at least min_mw = {section['min_mw']}, got {section['max_mw']}",
            )
    return tuple(ThermalUnit(**section.values) for section in sections)


def _read_capture(document: TomlFile, units: tuple[ThermalUnit, ...]) -> CapturePolicy:
    section = document.section("capture", _CAPTURE)
    if section:
        return CapturePolicy(**section.values)
    if any(unit.capture for unit in units):
        raise document.missing("[capture]", "as a thermal unit captures")
    return CapturePolicy(reading="energy", efficiency=1.0, max_share=0.0)


def _columns(load: str) -> tuple[str, ...]:
    return (f"{load}_expected_mw", f"{load}_min_mw", f"{load}_max_mw")


def _read_demand_response(section: Section, system: CsvFile) -> DemandResponse:
    expected, lowest, highest = (system.columns[column] for column in _columns(section["name"]))
    for row in range(len(expected)):
        if not lowest[row] <= expected[row] <= highest[row]:
            raise system.fault(
                row,
                _columns(section["name"])[0],
                f"expected a number in [{lowest[row]}, {highest[row]}], "
                f"from minimum to maximum, got {expected[row]}",
            )
    return DemandResponse(
        name=section["name"],
        cost_usd_per_mwh=section["cost_usd_per_mwh"],
        expected_mw=expected,
        min_mw=lowest,
        max_mw=highest,
    )
