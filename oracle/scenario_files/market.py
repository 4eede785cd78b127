"""Reads the market's rules and the grid's tariff."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.domain.community import (
    BATTERY_POLICIES,
    COMMUNITY,
    FULL,
    HYBRID,
    IntArray,
    Line,
    MarketRules,
    Tariff,
    TradeGraph,
)
from oracle.market.mechanism import Setting
from oracle.market.registry import MECHANISMS
from oracle.scenario_files.csv_file import CsvFormat, FloatArray, read_csv
from oracle.scenario_files.fields import Field, choice, number, whole
from oracle.scenario_files.limits import (
    LONGEST_MEMORY,
    MAX_ENERGY_KWH,
    MAX_MONEY_USD,
    MAX_PRICE_USD_PER_KWH,
    PRICE_CAP_USD_PER_KWH,
    SMALLEST_FRACTION,
)
from oracle.scenario_files.toml_file import Section, TomlFile
from oracle.units import (
    SLOTS_PER_DAY,
    MicroUsdPerMwh,
    bps_from_fraction,
    micro_usd_from_usd,
    micro_usd_per_mwh_from_usd_per_kwh,
    usd_per_kwh,
    wh_from_kwh,
)

_ENERGY = number(at_least=0, at_most=MAX_ENERGY_KWH)
_OPTIONAL_PRICE = number(at_least=0, at_most=MAX_PRICE_USD_PER_KWH, default=None)

_MARKET = {
    "mechanism": choice(tuple(MECHANISMS)),
    "trade_graph": choice((FULL, COMMUNITY, HYBRID), default=None),
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
    "seal_bond_usd": number(at_least=0, at_most=1e6, default=0.0),
    "challenge_minutes": whole(at_least=0, at_most=7 * 24 * 60, default=0),
}


def read_market(document: TomlFile) -> Section:
    """Return the table [market], its limits in order."""
    market = document.section("market", _MARKET)
    if market is None:
        raise document.missing("[market]", "as the scenario has prosumers")
    _check_limits(market)
    return market


def check_routes(document: TomlFile, market: Section, lines: Sequence[Line]) -> None:
    """Refuse a trade graph that the mechanism does not clear, or that the lines do not make."""
    mechanism = MECHANISMS[market["mechanism"]]
    graph = _trade_graph(market)
    if graph not in mechanism.graphs:
        listed = " or ".join(f'"{one}"' for one in mechanism.graphs)
        raise market.fault(
            "trade_graph",
            f'expected {listed} under the mechanism "{mechanism.name}", got "{graph}"',
        )
    if graph == HYBRID and all(line.second < MAX_PARTICIPANTS for line in lines):
        raise document.missing("[[managers]]", 'with lines to it, as trade_graph is "hybrid"')
    is_limited = graph != COMMUNITY and any(line.capacity is not None for line in lines)
    if is_limited and not mechanism.capacities:
        raise market.fault(
            "mechanism",
            f'expected one that respects capacities of lines, got "{mechanism.name}"',
        )


def read_settings(document: TomlFile) -> dict[str, dict[str, float | str]]:
    """Return what the tables [mechanisms.<id>] set, with the defaults of every mechanism."""
    fields = {
        name: {setting.key: _field(setting) for setting in mechanism.settings}
        for name, mechanism in MECHANISMS.items()
    }
    sections = document.subsections("mechanisms", fields)
    return {name: dict(section.values) for name, section in sections.items()}


def _field(setting: Setting) -> Field:
    if setting.choices:
        return choice(setting.choices, default=setting.default)
    return number(at_least=setting.low, at_most=setting.high, default=setting.default)


def _trade_graph(market: Section) -> TradeGraph:
    graph: TradeGraph = market["trade_graph"] or MECHANISMS[market["mechanism"]].graphs[0]
    return graph


def read_tariff(folder: Path, slot_count: int) -> Tariff | None:
    """Return what tariff.csv says, or None where there is no such file."""
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


def read_rules(
    market: Section,
    tariff: Tariff | None,
    slot_count: int,
    prosumer_count: int,
    *,
    settings: dict[str, dict[str, float | str]],
) -> MarketRules:
    """Return the rules, with the defaults that depend on the tariff."""
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
    _check_locks(market, usd_per_kwh(bond), prosumer_count * (last - first + 1))
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
        seal_bond=micro_usd_from_usd(market["seal_bond_usd"]),
        challenge_minutes=market["challenge_minutes"],
        trade_graph=_trade_graph(market),
        settings=settings,
    )


def _check_limits(market: Section) -> None:
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


def _check_locks(market: Section, bond_usd_per_kwh: float, order_count: int) -> None:
    """Refuse orders whose locks, all of the run at once, the chain's accounts could not hold."""
    price_usd_per_kwh = max(PRICE_CAP_USD_PER_KWH, bond_usd_per_kwh)
    most_kwh = MAX_MONEY_USD / 2 / (price_usd_per_kwh * order_count)
    if market["max_trade_kwh"] > most_kwh:
        raise market.fault(
            "max_trade_kwh",
            f"expected at most {most_kwh:.6g}, so that the locks of {order_count} orders at "
            f"{price_usd_per_kwh:.15g} USD/kWh fit the chain's accounts, "
            f"got {market['max_trade_kwh']:.15g}",
        )


def _price_array(prices_usd_per_kwh: FloatArray) -> IntArray:
    return np.array(
        [micro_usd_per_mwh_from_usd_per_kwh(price) for price in prices_usd_per_kwh], dtype=np.int64
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
