"""Reads the prosumers, the lines, the market's rules and the tariff of a scenario."""

from collections import Counter
from pathlib import Path

import numpy as np

from oracle.domain.community import (
    BATTERY_POLICIES,
    MECHANISMS,
    Battery,
    Community,
    FeeLadder,
    IntArray,
    Line,
    MarketRules,
    Prosumer,
    Shortfall,
    Tariff,
)
from oracle.model.line_lease import lease_fee
from oracle.scenario_files.csv_file import CsvFormat, read_csv
from oracle.scenario_files.fields import choice, flag, name, number, pair, whole
from oracle.scenario_files.power_system import refuse_duplicates
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.units import (
    BPS,
    SLOTS_PER_DAY,
    Bps,
    MicroUsdPerMwh,
    MicroUsdPerMwhKm,
    bps_from_fraction,
    meters_from_km,
    micro_usd_from_usd,
    micro_usd_per_mwh_from_usd_per_kwh,
    micro_usd_per_mwh_km_from_usd_per_kwh_km,
    usd_per_kwh,
    wh_from_kwh,
    wh_per_slot_array_from_kw,
    wh_per_slot_from_kw,
)

TABLES = ("line_lease", "market", "prosumers", "lines", "shortfalls")

MAX_PROSUMERS = 1000
MAX_ENERGY_KWH = (2**32 - 1) / 1e3  # per slot; the chain holds Wh in 32 bits
MAX_POWER_KW = 4 * MAX_ENERGY_KWH
MAX_PRICE_USD_PER_KWH = (2**48 - 1) / 1e9  # the chain holds micro-USD/MWh in 48 bits
MAX_DISTANCE_KM = (2**20 - 1) / 1e3  # the chain holds metres in 20 bits
MAX_INTERVAL_KM = (2**32 - 1) / 1e3
MAX_GROWTH = 6.5535  # the chain holds basis points in 16 bits
MAX_LINES = 16  # per prosumer; the chain stores them in two words
LONGEST_MEMORY = 0.96  # the chain's sums would not fit above it
LOWEST_REPUTATION = 0.05  # the chain starts scores between these two, or at no record at all
HIGHEST_REPUTATION = 0.95
SMALLEST_FRACTION = 1 / BPS

_PRICE = number(at_least=0, at_most=MAX_PRICE_USD_PER_KWH)
_ENERGY = number(at_least=0, at_most=MAX_ENERGY_KWH)
_OPTIONAL_PRICE = number(at_least=0, at_most=MAX_PRICE_USD_PER_KWH, default=None)
_OPTIONAL_ENERGY = number(at_least=0, at_most=MAX_ENERGY_KWH, default=None)
_BATTERY_ENERGY = number(at_least=0, at_most=1e9, default=None)

_LINE_LEASE = {
    "base_usd_per_kwh_km": _PRICE,
    "interval_km": number(at_least=0.001, at_most=MAX_INTERVAL_KM),
    "growth": number(at_least=0, at_most=MAX_GROWTH),
}
_MARKET = {
    "mechanism": choice(MECHANISMS),
    "battery_policy": choice(BATTERY_POLICIES),
    "first_trading_slot": whole(at_least=1, default=None),
    "last_trading_slot": whole(at_least=1, default=None),
    "min_trade_kwh": _ENERGY,
    "max_trade_kwh": _ENERGY,
    "floor_price_usd_per_kwh": number(at_least=0, at_most=MAX_PRICE_USD_PER_KWH, default=0.0),
    "real_time_price_usd_per_kwh": _OPTIONAL_PRICE,
    "bond_usd_per_kwh": _OPTIONAL_PRICE,
    "shortfall_compensation_usd_per_kwh": _OPTIONAL_PRICE,
    "reputation_memory": number(at_least=SMALLEST_FRACTION, at_most=LONGEST_MEMORY, default=0.95),
    "reputation_full_value_usd": number(at_least=1e-6, at_most=1e9, default=1.0),
}
_BATTERY = (
    "battery_min_kwh",
    "battery_max_kwh",
    "battery_initial_kwh",
    "battery_efficiency",
    "charge_ratio",
)
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
}
_LINE = {"between": pair(), "distance_km": number(at_least=0, at_most=MAX_DISTANCE_KM)}
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
    sections = _read_prosumer_sections(document)
    names = [section["name"] for section in sections]
    prosumers = tuple(_read_prosumer(section) for section in sections)
    lines = _read_lines(document, names)
    ladder = _read_ladder(document, lines)
    market = document.section("market", _MARKET)
    if market is None:
        raise document.missing("[market]", "as the scenario has prosumers")
    _check_market_limits(market)
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
    tariff = _read_tariff(folder, slot_count)

    def energies(kind: str) -> IntArray:
        return wh_per_slot_array_from_kw(
            np.array([profiles.columns[f"{name}_{kind}_kw"] for name in names])
        )

    return Community(
        prosumers=prosumers,
        lines=lines,
        ladder=ladder,
        rules=_read_rules(market, tariff, slot_count),
        pv=energies("pv"),
        load=energies("load"),
        tariff=tariff,
        shortfalls=_read_shortfalls(shortfall_sections, names, slot_count),
    )


def _read_prosumer_sections(document: TomlFile) -> list[Section]:
    sections = document.sections("prosumers", _PROSUMER)
    if not sections:
        raise document.missing("[[prosumers]]", "as the scenario has a community")
    if len(sections) > MAX_PROSUMERS:
        raise sections[MAX_PROSUMERS].fault(
            "name", f"expected at most {MAX_PROSUMERS} prosumers, got {len(sections)}"
        )
    refuse_duplicates(sections)
    return sections


def _read_prosumer(section: Section) -> Prosumer:
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
    )


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


def _read_lines(document: TomlFile, names: list[str]) -> tuple[Line, ...]:
    index = {name: position for position, name in enumerate(names)}
    lines: dict[frozenset[str], Line] = {}
    ends: Counter[str] = Counter()
    for section in document.sections("lines", _LINE):
        first, second = section["between"]
        for end in (first, second):
            if end not in index:
                raise section.fault("between", f'expected the name of a prosumer, got "{end}"')
        if first == second:
            raise section.fault("between", f'expected two prosumers, got "{first}" twice')
        if frozenset((first, second)) in lines:
            raise section.fault(
                "between", f'expected one line per pair, got a second one of "{first}", "{second}"'
            )
        ends.update((first, second))
        for end in (first, second):
            if ends[end] > MAX_LINES:
                raise section.fault(
                    "between",
                    f'expected at most {MAX_LINES} lines of one prosumer, "{end}" has more',
                )
        lines[frozenset((first, second))] = Line(
            first=index[first],
            second=index[second],
            distance=meters_from_km(section["distance_km"]),
        )
    return tuple(lines.values())


def _read_ladder(document: TomlFile, lines: tuple[Line, ...]) -> FeeLadder:
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


def _check_market_limits(market: Section) -> None:
    """Raise an error if a limit of the market lies above its counterpart."""
    if market["min_trade_kwh"] > market["max_trade_kwh"]:
        raise market.fault(
            "max_trade_kwh",
            f"expected at least min_trade_kwh = {market['min_trade_kwh']}, "
            f"got {market['max_trade_kwh']}",
        )
    floor, cap = market["floor_price_usd_per_kwh"], market["real_time_price_usd_per_kwh"]
    if cap is not None and floor > cap:
        raise market.fault(
            "floor_price_usd_per_kwh",
            f"expected at most real_time_price_usd_per_kwh = {cap}, got {floor}",
        )


def _read_tariff(folder: Path, slot_count: int) -> Tariff | None:
    if not (folder / "tariff.csv").exists():
        return None
    imported, exported = "import_usd_per_kwh", "export_usd_per_kwh"
    table = read_csv(
        folder / "tariff.csv",
        CsvFormat(
            index="slot",
            columns=(imported, exported),
            rows=slot_count,
            rows_per_day=SLOTS_PER_DAY,
            at_most=MAX_PRICE_USD_PER_KWH,
        ),
    )
    prices = zip(table.columns[imported], table.columns[exported], strict=True)
    for row, (import_price, export_price) in enumerate(prices):
        if export_price > import_price:
            raise table.fault(
                row,
                exported,
                f"expected at most the import price {import_price} of slot {row + 1}, "
                f"got {export_price}",
            )
    return Tariff(
        import_price=_price_array(table.columns[imported]),
        export_price=_price_array(table.columns[exported]),
    )


def _price_array(prices_usd_per_kwh: np.ndarray) -> IntArray:
    return np.array(
        [micro_usd_per_mwh_from_usd_per_kwh(price) for price in prices_usd_per_kwh], dtype=np.int64
    )


def _read_rules(market: Section, tariff: Tariff | None, slot_count: int) -> MarketRules:
    cap = _real_time_price(market, tariff)
    highest = cap if tariff is None else MicroUsdPerMwh(int(tariff.import_price.max()))
    bond = _price_or(market["bond_usd_per_kwh"], highest)
    compensation = _price_or(market["shortfall_compensation_usd_per_kwh"], highest)
    if bond < compensation:
        key = "bond_usd_per_kwh"
        if not market.has(key):
            key = "shortfall_compensation_usd_per_kwh"
        raise market.fault(
            key,
            f"expected a bond of at least the compensation, got a bond of {usd_per_kwh(bond)} "
            f"and a compensation of {usd_per_kwh(compensation)} USD/kWh",
        )
    first, last = _trading_slots(market, slot_count)
    return MarketRules(
        mechanism=market["mechanism"],
        battery_policy=market["battery_policy"],
        first_trading_slot=first - 1,
        last_trading_slot=last - 1,
        min_trade=wh_from_kwh(market["min_trade_kwh"]),
        max_trade=wh_from_kwh(market["max_trade_kwh"]),
        floor_price=micro_usd_per_mwh_from_usd_per_kwh(market["floor_price_usd_per_kwh"]),
        real_time_price=cap,
        bond_price=bond,
        compensation_price=compensation,
        reputation_memory=bps_from_fraction(market["reputation_memory"]),
        reputation_full_value=micro_usd_from_usd(market["reputation_full_value_usd"]),
    )


def _real_time_price(market: Section, tariff: Tariff | None) -> MicroUsdPerMwh:
    price = market["real_time_price_usd_per_kwh"]
    if price is not None:
        return micro_usd_per_mwh_from_usd_per_kwh(price)
    if tariff is None:
        raise market.fault(
            "real_time_price_usd_per_kwh",
            "expected a price, as there is no tariff.csv, but the key is missing",
        )
    return MicroUsdPerMwh(int(tariff.import_price.max()))


def _price_or(price_usd_per_kwh: float | None, default: MicroUsdPerMwh) -> MicroUsdPerMwh:
    if price_usd_per_kwh is None:
        return default
    return micro_usd_per_mwh_from_usd_per_kwh(price_usd_per_kwh)


def _trading_slots(market: Section, slot_count: int) -> tuple[int, int]:
    first = market["first_trading_slot"] or 1
    last = market["last_trading_slot"] or slot_count
    if first > slot_count:
        raise market.fault(
            "first_trading_slot", f"expected a slot of 1 to {slot_count}, got {first}"
        )
    if last > slot_count:
        raise market.fault("last_trading_slot", f"expected a slot of 1 to {slot_count}, got {last}")
    if first > last:
        raise market.fault(
            "last_trading_slot", f"expected at least first_trading_slot = {first}, got {last}"
        )
    return first, last


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
