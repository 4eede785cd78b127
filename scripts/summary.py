"""
Plans and runs as JSON objects: what `--json` prints and what `summary.json` holds.

Slots are numbered from 1, as in the scenario files. A scenario without a part (power system,
storage, community) leaves the keys of that part out. Every number is finite and rounded to what its
unit can carry: money to the micro-dollar, energy to the watt-hour, prices to the micro-dollar per
MWh, powers to the watt.
"""

import json
import math
from collections.abc import Iterable
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.domain.results import (
    DayAheadResult,
    ParticipantRecord,
    Plan,
    RealTimeResult,
    RunResult,
    StoragePlan,
    TradeRecord,
)
from oracle.units import (
    MicroUsd,
    Wh,
    fraction_from_bps,
    kwh_from_wh,
    usd_from_micro_usd,
    usd_per_kwh,
)
from scripts.slots import slot_number

Json = dict[str, Any]

USD_DIGITS = 6
POWER_DIGITS = 6
SHARE_DIGITS = 6
ENERGY_KWH_DIGITS = 3
PRICE_USD_PER_KWH_DIGITS = 9
SECONDS_DIGITS = 4
GAP_SIGNIFICANT_DIGITS = 3
DEPLOY = "deploy "  # how the names of deployments begin


def json_text(value: Json) -> str:
    """Return the object as JSON text; a number that JSON cannot say is an error."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def dispatch_summary(plan: Plan) -> Json:
    """Return what the oracle computed off the chain: `wattline dispatch --json`."""
    summary: Json = {}
    if plan.without_sharing is not None:
        summary["without_sharing"] = _real_time(plan.without_sharing)
    if plan.with_sharing is not None:
        summary["with_sharing"] = _real_time(plan.with_sharing) | _sharing(plan.with_sharing)
    storage = storage_of(plan)
    if storage is not None:
        summary["storage"] = _storage(storage)
    if plan.scenario.community is not None:
        summary["p2p"] = [_agreed(trade) for trade in plan.trades]
    if plan.day_ahead is not None:
        summary["day_ahead"] = _day_ahead(plan.day_ahead)
    solved: Plan | RealTimeResult = plan if plan.with_sharing is None else plan.with_sharing
    if plan.with_sharing is not None or storage is not None:
        summary["solver"] = {
            "build_s": rounded(solved.build_s, SECONDS_DIGITS),
            "solve_s": rounded(solved.solve_s, SECONDS_DIGITS),
            "gap": _significant(solved.gap),
        }
    return summary


def run_summary(result: RunResult) -> Json:
    """Return what a settled run left behind: `wattline run --json` and `summary.json`."""
    scenario = result.plan.scenario
    summary: Json = {
        "scenario": scenario.name,
        "synthetic": scenario.synthetic,
        "note": scenario.note,
        "first_slot": scenario.first_slot.isoformat(),
        "slot_count": scenario.slot_count,
        "chain": result.chain,
        "hardfork": result.hardfork,
        "contracts": dict(result.addresses),
        "seconds": rounded(result.seconds, 1),
        "slots_settled": result.slots_settled,
        "order_count": len(result.orders),
        "trade_count": len(result.trades),
        "trades": [_settled(trade) for trade in result.trades],
        "energy_traded_kwh": _kwh(sum(trade.energy for trade in result.trades)),
        "energy_delivered_kwh": _kwh(sum(trade.delivered or 0 for trade in result.trades)),
        "lease_fees_usd": _usd(result.lease_fees),
        "surplus_usd": _usd(result.surplus),
        "compensation_paid_usd": _usd(result.compensation_paid),
        "gas": gas_statistics(result.gas),
        "money": {
            "deposited_usd": _usd(result.money.deposited),
            "withdrawn_usd": _usd(result.money.withdrawn),
            "in_accounts_usd": _usd(result.money.in_accounts),
            "token_balance_usd": _usd(result.money.token_balance),
            "difference_micro_usd": int(result.money.difference),
        },
        "participants": [_participant(participant) for participant in result.participants],
    }
    if scenario.community is not None:
        rules = scenario.community.rules
        summary |= {"mechanism": rules.mechanism, "trade_graph": rules.trade_graph}
    storage = storage_of(result.plan)
    if scenario.power_system is not None:
        summary["dispatch"] = dispatch_summary(result.plan)
    elif storage is not None:
        summary["storage"] = _storage(storage) | {
            "cost_usd": rounded(storage.cost_usd, USD_DIGITS),
            "profit_usd": rounded(storage.profit_usd, USD_DIGITS),
        }
    return summary


def without_durations(result: RunResult) -> Json:
    """Return the run's summary for a file: two runs of a scenario leave the same bytes."""
    summary = run_summary(result)
    del summary["seconds"]
    solver = summary.get("dispatch", {}).get("solver", {})
    for key in ("build_s", "solve_s"):
        solver.pop(key, None)
    return summary


def storage_of(plan: Plan) -> StoragePlan | None:
    """Return the dispatch of the shared storage, whether or not a power system is around it."""
    inside = plan.with_sharing.storage if plan.with_sharing is not None else None
    return inside or plan.storage


def gas_statistics(gas: dict[str, list[int]]) -> dict[str, dict[str, int]]:
    """Return count, min, median and max of each function that was called, deployments last."""
    return {
        function: {
            "count": len(used),
            "min": int(min(used)),
            "median": round(median(used)),
            "max": int(max(used)),
        }
        for function, used in sorted(
            gas.items(), key=lambda item: (item[0].startswith(DEPLOY), item[0])
        )
        if used
    }


def rounded(value: float, digits: int) -> float | None:
    """Return a plain float with at most `digits` decimals; None for what JSON cannot say."""
    plain = float(value)
    return round(plain, digits) + 0.0 if math.isfinite(plain) else None


def _significant(value: float) -> float | None:
    return float(f"{float(value):.{GAP_SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


def _series(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [rounded(value, POWER_DIGITS) for value in values]


def _usd(amount: MicroUsd) -> float | None:
    return rounded(usd_from_micro_usd(amount), USD_DIGITS)


def _kwh(energy: int) -> float | None:
    return rounded(kwh_from_wh(Wh(energy)), ENERGY_KWH_DIGITS)


def _real_time(result: RealTimeResult) -> Json:
    return {
        "total_cost_usd": rounded(result.total_cost_usd, USD_DIGITS),
        "operation_cost_usd": rounded(result.operation_cost_usd, USD_DIGITS),
        "carbon_cost_usd": rounded(result.carbon_cost_usd, USD_DIGITS),
        "co2_t": rounded(result.co2_t, POWER_DIGITS),
        "demand_response_cost_usd": rounded(result.demand_response_cost_usd, USD_DIGITS),
        "wind_used_share": rounded(result.wind_used_share, SHARE_DIGITS),
        "unserved_mwh": rounded(result.unserved_mwh, POWER_DIGITS),
    }


def _sharing(result: RealTimeResult) -> Json:
    summary: Json = {}
    if result.p2p_cost_usd is not None:
        summary["p2p_cost_usd"] = rounded(result.p2p_cost_usd, USD_DIGITS)
    if result.storage is not None:
        summary["storage_cost_usd"] = rounded(result.storage.cost_usd, USD_DIGITS)
        summary["storage_profit_usd"] = rounded(result.storage.profit_usd, USD_DIGITS)
    return summary


def _storage(storage: StoragePlan) -> Json:
    return {
        "charge_mw": _series(storage.charge_mw),
        "discharge_mw": _series(storage.discharge_mw),
        "stored_mwh": _series(storage.stored_mwh),
    }


def _day_ahead(result: DayAheadResult) -> Json:
    return {
        "commitment": {name: _integers(hours) for name, hours in result.commitment.items()},
        "triggered_slots": _integers(result.triggered_slots),
    }


def _integers(values: Iterable[int]) -> list[int]:
    return [int(value) for value in values]


def _agreed(trade: TradeRecord) -> Json:
    summary: Json = {
        "slot": slot_number(trade.slot),
        "seller": trade.seller,
        "buyer": trade.buyer,
        "energy_kwh": _kwh(trade.energy),
        "price_usd_per_kwh": rounded(usd_per_kwh(trade.price), PRICE_USD_PER_KWH_DIGITS),
        "lease_fee_usd_per_kwh": rounded(usd_per_kwh(trade.lease_fee), PRICE_USD_PER_KWH_DIGITS),
    }
    if trade.surplus:
        summary["surplus_usd_per_kwh"] = rounded(
            usd_per_kwh(trade.surplus), PRICE_USD_PER_KWH_DIGITS
        )
    return summary


def _settled(trade: TradeRecord) -> Json:
    summary = _agreed(trade)
    if trade.delivered is not None:
        summary["delivered_kwh"] = _kwh(trade.delivered)
    if trade.paid is not None:
        summary["paid_usd"] = _usd(trade.paid)
    if trade.fee_paid is not None:
        summary["lease_fee_paid_usd"] = _usd(trade.fee_paid)
    if trade.surplus_paid:
        summary["surplus_paid_usd"] = _usd(trade.surplus_paid)
    if trade.compensation is not None:
        summary["compensation_usd"] = _usd(trade.compensation)
    return summary


def _participant(participant: ParticipantRecord) -> Json:
    saved = MicroUsd(participant.grid_alone_bill - participant.bill)
    return {
        "name": participant.name,
        "bill_usd": _usd(participant.bill),
        "grid_alone_bill_usd": _usd(participant.grid_alone_bill),
        "saved_usd": _usd(saved),
        "sold_kwh": _kwh(participant.sold),
        "bought_kwh": _kwh(participant.bought),
        "delivered_kwh": _kwh(participant.delivered),
        "reputation": fraction_from_bps(participant.reputation[-1]),
    }
