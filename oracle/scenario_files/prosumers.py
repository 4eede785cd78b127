"""Reads the prosumers of a scenario, how they bid, and the lines between them."""

from collections import Counter
from dataclasses import dataclass

from oracle.domain.book import MAX_MANAGERS
from oracle.domain.community import Battery, FeeLadder, Line, Prosumer, manager_index
from oracle.domain.rows import most_lines
from oracle.model.line_lease import lease_fee
from oracle.scenario_files.fields import choice, flag, name, number, pair, shown, whole
from oracle.scenario_files.limits import (
    HIGHEST_REPUTATION,
    LOWEST_REPUTATION,
    MAX_DISTANCE_KM,
    MAX_ENERGY_KWH,
    MAX_GROWTH,
    MAX_INTERVAL_KM,
    MAX_POWER_KW,
    MAX_PRICE_USD_PER_KWH,
    MAX_PROSUMERS,
    MAX_SEED,
    SMALLEST_FRACTION,
)
from oracle.scenario_files.power_system import refuse_duplicates
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.strategies.registry import DEFAULT, STRATEGIES
from oracle.units import (
    Bps,
    MicroUsdPerMwhKm,
    bps_from_fraction,
    meters_from_km,
    micro_usd_per_mwh_from_usd_per_kwh,
    micro_usd_per_mwh_km_from_usd_per_kwh_km,
    usd_per_kwh,
    wh_from_kwh,
    wh_per_slot_from_kw,
)

_PRICE = number(at_least=0, at_most=MAX_PRICE_USD_PER_KWH)
_OPTIONAL_ENERGY = number(at_least=0, at_most=MAX_ENERGY_KWH, default=None)
_BATTERY_ENERGY = number(at_least=0, at_most=1e9, default=None)

_BATTERY = (
    "battery_min_kwh",
    "battery_max_kwh",
    "battery_initial_kwh",
    "battery_efficiency",
    "charge_ratio",
)
_MARGIN = number(at_least=0, at_most=1, default=None)

_STRATEGIES = {
    "default": choice(tuple(STRATEGIES), default=DEFAULT),
    "margin": _MARGIN,
    "seed": whole(at_least=0, at_most=MAX_SEED, default=0),
}
_PROSUMER = {
    "name": name(),
    "reputation": number(at_least=0, at_most=1, default=0.0),
    "sale_cost_usd_per_kwh": _PRICE,
    "utility_usd_per_kwh": _PRICE,
    "saturation_kwh": number(at_least=0.001, at_most=MAX_ENERGY_KWH),
    "cost_weight": number(at_least=SMALLEST_FRACTION, at_most=1),
    "reputation_weight": number(at_least=0, at_most=1),
    "battery_min_kwh": _BATTERY_ENERGY,
    "battery_max_kwh": _BATTERY_ENERGY,
    "battery_initial_kwh": _BATTERY_ENERGY,
    "battery_efficiency": number(at_least=SMALLEST_FRACTION, at_most=1, default=None),
    "charge_ratio": number(at_least=0, at_most=1, default=None),
    "battery_power_kw": number(above=0, at_most=MAX_POWER_KW, default=None),
    "max_sale_kwh": _OPTIONAL_ENERGY,
    "max_purchase_kwh": _OPTIONAL_ENERGY,
    "stores_purchases": flag(default=False),
    "strategy": choice(tuple(STRATEGIES), default=None),
    "margin": _MARGIN,
}
_MANAGER = {"name": name()}
_LINE = {
    "between": pair(),
    "distance_km": number(at_least=0, at_most=MAX_DISTANCE_KM),
    "capacity_kw": number(at_least=0, at_most=MAX_POWER_KW, default=None),
}
_LINE_LEASE = {
    "base_usd_per_kwh_km": _PRICE,
    "interval_km": number(at_least=0.001, at_most=MAX_INTERVAL_KM),
    "growth": number(at_least=0, at_most=MAX_GROWTH),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategies:
    """How the prosumers bid that say nothing of it, and what is the same for all."""

    default: str = DEFAULT
    margin: Bps = Bps(0)  # of those with the default
    seed: int = 0


def read_strategies(document: TomlFile) -> Strategies:
    """Return what the table [strategies] says; all are truthful where there is none."""
    section = document.section("strategies", _STRATEGIES)
    if section is None:
        return Strategies()
    default = section["default"]
    return Strategies(default=default, margin=_margin(section, default), seed=section["seed"])


def read_prosumer_sections(document: TomlFile) -> list[Section]:
    """Return the tables of the prosumers, of which there is at least one."""
    sections = document.sections("prosumers", _PROSUMER)
    if not sections:
        raise document.missing("[[prosumers]]", "as the scenario has a community")
    if len(sections) > MAX_PROSUMERS:
        raise sections[MAX_PROSUMERS].fault(
            "name",
            f"expected at most {MAX_PROSUMERS} prosumers, as many as a market holds, "
            f"got {len(sections)}",
        )
    refuse_duplicates(sections)
    return sections


def read_prosumer(section: Section, strategies: Strategies) -> Prosumer:
    """Return the prosumer that one table describes."""
    weights = section["cost_weight"] + section["reputation_weight"]
    if abs(weights - 1.0) > 1e-9:
        raise section.fault(
            "reputation_weight",
            f"expected cost_weight + reputation_weight = 1, got {weights:.15g}",
        )
    reputation = section["reputation"]
    if reputation != 0 and not LOWEST_REPUTATION <= reputation <= HIGHEST_REPUTATION:
        raise section.fault(
            "reputation",
            f"expected 0, for a newcomer, or a number in "
            f"[{LOWEST_REPUTATION}, {HIGHEST_REPUTATION}], got {reputation}",
        )
    battery = _read_battery(section)
    if section["stores_purchases"] and battery is None:
        raise section.fault("stores_purchases", "expected a battery to store in, got none")
    sale, purchase = section["max_sale_kwh"], section["max_purchase_kwh"]
    strategy = section["strategy"] or strategies.default
    is_default = strategy == strategies.default and section["margin"] is None
    return Prosumer(
        name=section["name"],
        initial_reputation=bps_from_fraction(reputation),
        sale_cost=micro_usd_per_mwh_from_usd_per_kwh(section["sale_cost_usd_per_kwh"]),
        utility=micro_usd_per_mwh_from_usd_per_kwh(section["utility_usd_per_kwh"]),
        saturation=wh_from_kwh(section["saturation_kwh"]),
        cost_weight=bps_from_fraction(section["cost_weight"]),
        battery=battery,
        stores_purchases=section["stores_purchases"],
        max_sale=None if sale is None else wh_from_kwh(sale),
        max_purchase=None if purchase is None else wh_from_kwh(purchase),
        strategy=strategy,
        margin=strategies.margin if is_default else _margin(section, strategy),
    )


def read_managers(document: TomlFile, names: list[str]) -> list[str]:
    """Return the names of the managers; `names` are those of the prosumers."""
    sections = document.sections("managers", _MANAGER)
    refuse_duplicates(sections)
    for position, section in enumerate(sections):
        if section["name"] in names:
            raise section.fault("name", f'expected no prosumer\'s name, got "{section["name"]}"')
        if position == MAX_MANAGERS:
            raise section.fault("name", f"expected at most {MAX_MANAGERS} managers")
    return [section["name"] for section in sections]


def read_lines(document: TomlFile, names: list[str], managers: list[str]) -> tuple[Line, ...]:
    """
    Return the lines, at most one per pair; `names` are those of the prosumers.

    The second end of a line may be a manager, one for each prosumer.
    """
    index = {name: position for position, name in enumerate(names)}
    index |= {name: manager_index(number) for number, name in enumerate(managers, start=1)}
    managed: set[str] = set()
    lines: dict[frozenset[str], Line] = {}
    ends: Counter[str] = Counter()
    most = most_lines(len(names))
    for section in document.sections("lines", _LINE):
        first, second = section["between"]
        for end in (first, second):
            if end not in index:
                raise section.fault("between", f"expected the name of a prosumer, got {shown(end)}")
        if first in managers:
            first, second = second, first
        if first in managers or (second in managers and first in managed):
            raise section.fault(
                "between", f'expected one manager for a prosumer, got "{first}", "{second}"'
            )
        if second in managers:
            managed.add(first)
        if first == second:
            raise section.fault("between", f'expected two prosumers, got "{first}" twice')
        if frozenset((first, second)) in lines:
            raise section.fault(
                "between", f'expected one line per pair, got a second one of "{first}", "{second}"'
            )
        ends.update((first, second))
        for end in (first, second):
            if end not in managers and ends[end] > most:
                raise section.fault(
                    "between",
                    f'expected at most {most} lines of one prosumer, "{end}" has more',
                )
        lines[frozenset((first, second))] = Line(
            first=index[first],
            second=index[second],
            distance=meters_from_km(section["distance_km"]),
            capacity=None
            if section["capacity_kw"] is None
            else wh_per_slot_from_kw(section["capacity_kw"]),
        )
    return tuple(lines.values())


def read_ladder(document: TomlFile, lines: tuple[Line, ...]) -> FeeLadder:
    """Return the lease price by distance; where there are no lines there may be none."""
    section = document.section("line_lease", _LINE_LEASE)
    if section:
        ladder = FeeLadder(
            base=micro_usd_per_mwh_km_from_usd_per_kwh_km(section["base_usd_per_kwh_km"]),
            interval=meters_from_km(section["interval_km"]),
            growth=bps_from_fraction(section["growth"]),
        )
        highest = usd_per_kwh(lease_fee(ladder, meters_from_km(MAX_DISTANCE_KM)))
        if highest > MAX_PRICE_USD_PER_KWH:
            raise section.fault(
                "base_usd_per_kwh_km",
                f"expected a fee of at most {MAX_PRICE_USD_PER_KWH:.15g} USD/kWh over "
                f"{MAX_DISTANCE_KM} km, the chain's longest line, got {highest:.15g}",
            )
        return ladder
    if lines:
        raise document.missing("[line_lease]", "as the scenario has lines")
    return FeeLadder(base=MicroUsdPerMwhKm(0), interval=meters_from_km(1.0), growth=Bps(0))


def _margin(section: Section, strategy: str) -> Bps:
    """Return the margin that a table gives a strategy, else the strategy's own."""
    default, given = STRATEGIES[strategy].default_margin, section["margin"]
    if given is None:
        return default or Bps(0)
    if default is None:
        raise section.fault("margin", f'expected none, as "{strategy}" has no margin, got {given}')
    return bps_from_fraction(given)


def _read_battery(section: Section) -> Battery | None:
    given = [key for key in (*_BATTERY, "battery_power_kw") if section.has(key)]
    if not given:
        return None
    for key in _BATTERY:
        if key not in given:
            raise section.fault(
                given[0], f"expected all of {', '.join(_BATTERY)}, but {key} is missing"
            )
    low, high = section["battery_min_kwh"], section["battery_max_kwh"]
    if low > high:
        raise section.fault(
            "battery_max_kwh", f"expected at least battery_min_kwh = {low}, got {high}"
        )
    if not low <= section["battery_initial_kwh"] <= high:
        raise section.fault(
            "battery_initial_kwh",
            f"expected a number from battery_min_kwh = {low} to battery_max_kwh = {high}, "
            f"got {section['battery_initial_kwh']}",
        )
    power_kw = section["battery_power_kw"]
    return Battery(
        min_energy=wh_from_kwh(low),
        max_energy=wh_from_kwh(high),
        initial_energy=wh_from_kwh(section["battery_initial_kwh"]),
        efficiency=bps_from_fraction(section["battery_efficiency"]),
        charge_ratio=bps_from_fraction(section["charge_ratio"]),
        max_energy_per_slot=None if power_kw is None else wh_per_slot_from_kw(power_kw),
    )
