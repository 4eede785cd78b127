"""
The files that a run leaves behind: summary.json, one CSV file per subject, and report.html.

The CSV files are tidy: one header line, one row per observation, units in the names of the columns,
slots numbered from 1 with the time at which they start.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from oracle.domain.results import Plan, RealTimeResult, RunResult, StoragePlan
from oracle.domain.scenario import Scenario
from oracle.units import (
    MicroUsd,
    fraction_from_bps,
    kwh_from_wh,
    mwh_from_wh,
    usd_from_micro_usd,
    usd_per_kwh,
)
from scripts.report.page import report_html
from scripts.slots import slot_number, starts_at
from scripts.summary import (
    POWER_DIGITS,
    PRICE_USD_PER_KWH_DIGITS,
    json_text,
    rounded,
    storage_of,
    without_durations,
)

Cell = str | int | float | None
Row = Sequence[Cell]


def write_outputs(result: RunResult, folder: Path) -> None:
    """Write every file of the run into `folder`, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(
        json_text(without_durations(result)) + "\n", encoding="utf-8"
    )
    (folder / "report.html").write_text(report_html(result), encoding="utf-8")
    write_csv(folder / "gas.csv", ("function", "call", "gas"), _gas_rows(result))
    if result.plan.scenario.community is not None:
        write_csv(folder / "trades.csv", TRADES, _trade_rows(result))
        write_csv(folder / "orders.csv", ORDERS, _order_rows(result))
        write_csv(folder / "participants.csv", PARTICIPANTS, _participant_rows(result))
    if result.storage:
        write_csv(folder / "storage.csv", STORAGE, _storage_rows(result))
    if result.plan.with_sharing is not None:
        write_csv(
            folder / "dispatch.csv", _dispatch_columns(result.plan), _dispatch_rows(result.plan)
        )


TRADES = (
    "slot",
    "starts_at",
    "seller",
    "buyer",
    "energy_kwh",
    "price_usd_per_kwh",
    "lease_fee_usd_per_kwh",
    "surplus_usd_per_kwh",
    "delivered_kwh",
    "paid_usd",
    "lease_fee_paid_usd",
    "surplus_paid_usd",
    "compensation_usd",
)
ORDERS = (
    "slot",
    "starts_at",
    "participant",
    "side",
    "energy_kwh",
    "limit_price_usd_per_kwh",
    "reputation",
)
PARTICIPANTS = (
    "participant",
    "bill_usd",
    "grid_alone_bill_usd",
    "saved_usd",
    "sold_kwh",
    "bought_kwh",
    "delivered_kwh",
    "reputation",
)
STORAGE = ("slot", "starts_at", "charge_mwh", "discharge_mwh", "stored_mwh")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one header line and the rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _slot_cells(scenario: Scenario, slot: int) -> tuple[int, str]:
    return slot_number(slot), starts_at(scenario, slot).isoformat()


def _usd(amount: MicroUsd | None) -> float | None:
    return None if amount is None else usd_from_micro_usd(amount)


def _trade_rows(result: RunResult) -> Iterable[Row]:
    for trade in result.trades:
        yield (
            *_slot_cells(result.plan.scenario, trade.slot),
            trade.seller,
            trade.buyer,
            kwh_from_wh(trade.energy),
            rounded(usd_per_kwh(trade.price), PRICE_USD_PER_KWH_DIGITS),
            rounded(usd_per_kwh(trade.lease_fee), PRICE_USD_PER_KWH_DIGITS),
            rounded(usd_per_kwh(trade.surplus), PRICE_USD_PER_KWH_DIGITS),
            None if trade.delivered is None else kwh_from_wh(trade.delivered),
            _usd(trade.paid),
            _usd(trade.fee_paid),
            _usd(trade.surplus_paid),
            _usd(trade.compensation),
        )


def _order_rows(result: RunResult) -> Iterable[Row]:
    for order in result.orders:
        yield (
            *_slot_cells(result.plan.scenario, order.slot),
            order.participant,
            order.side,
            kwh_from_wh(order.energy),
            rounded(usd_per_kwh(order.limit_price), PRICE_USD_PER_KWH_DIGITS),
            fraction_from_bps(order.reputation),
        )


def _participant_rows(result: RunResult) -> Iterable[Row]:
    for participant in result.participants:
        yield (
            participant.name,
            _usd(participant.bill),
            _usd(participant.grid_alone_bill),
            _usd(MicroUsd(participant.grid_alone_bill - participant.bill)),
            kwh_from_wh(participant.sold),
            kwh_from_wh(participant.bought),
            kwh_from_wh(participant.delivered),
            fraction_from_bps(participant.reputation[-1]),
        )


def _gas_rows(result: RunResult) -> Iterable[Row]:
    for function, calls in sorted(result.gas.items()):
        for call, gas in enumerate(calls, start=1):
            yield function, call, gas


def _storage_rows(result: RunResult) -> Iterable[Row]:
    for entry in result.storage:
        yield (
            *_slot_cells(result.plan.scenario, entry.slot),
            mwh_from_wh(entry.charge),
            mwh_from_wh(entry.discharge),
            mwh_from_wh(entry.stored),
        )


def _cases(plan: Plan) -> list[tuple[str, RealTimeResult]]:
    cases = (("without_sharing", plan.without_sharing), ("with_sharing", plan.with_sharing))
    return [(name, case) for name, case in cases if case is not None]


def _dispatch_columns(plan: Plan) -> list[str]:
    columns = ["case", "slot", "starts_at", "load_mw", "wind_forecast_mw", "wind_used_mw"]
    columns += ["unserved_mw", "charge_mw", "discharge_mw", "stored_mwh"]
    _, case = _cases(plan)[0]
    columns += [f"{name}_mw" for name in case.shifted_mw]
    for unit in case.units:
        columns += [f"{unit.name}_gross_mw", f"{unit.name}_net_mw", f"{unit.name}_capture_mw"]
        columns += [f"{unit.name}_emitted_t", f"{unit.name}_captured_t"]
    return columns


def _dispatch_rows(plan: Plan) -> Iterable[Row]:
    system = plan.scenario.power_system
    if system is None:
        return
    for name, case in _cases(plan):
        storage = case.storage or (storage_of(plan) if case is plan.with_sharing else None)
        for slot in range(len(system.load_mw)):
            cells: list[float | None] = [system.load_mw[slot], system.wind_mw[slot]]
            cells += [case.wind_mw[slot], case.unserved_mw[slot], *_storage_cells(storage, slot)]
            cells += [shifted_mw[slot] for shifted_mw in case.shifted_mw.values()]
            for unit in case.units:
                cells += [unit.gross_mw[slot], unit.net_mw[slot], unit.capture_mw[slot]]
                cells += [unit.emitted_t[slot], unit.captured_t[slot]]
            numbers = (None if cell is None else rounded(cell, POWER_DIGITS) for cell in cells)
            yield name, *_slot_cells(plan.scenario, slot), *numbers


def _storage_cells(storage: StoragePlan | None, slot: int) -> list[float | None]:
    if storage is None:
        return [None, None, None]
    return [
        float(storage.charge_mw[slot]),
        float(storage.discharge_mw[slot]),
        float(storage.stored_mwh[slot]),
    ]
