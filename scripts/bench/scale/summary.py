"""The summary of a region and its rows: what `--json` prints and `--out` writes."""

from collections.abc import Iterator
from dataclasses import asdict

from oracle.region.day import FeederDay, SlotTotals
from oracle.region.region import Region
from oracle.region.settlement import CallCosts, Chain, Settlement
from oracle.units import kwh_from_wh, usd_from_micro_usd
from scripts.bench.scale.timing import Timing
from scripts.files import Row
from scripts.slots import slot_number
from scripts.summary import Json

DATA = "synthetic"
RATIO_DIGITS = 4

COLUMNS = (
    "feeder",
    "slot",
    "orders",
    "offers",
    "lines",
    "trades",
    "sellers",
    "certificate_bytes",
    "traded_kwh",
    "paid_usd",
    "lease_fees_usd",
    "imported_kwh",
    "exported_kwh",
)


def rows_of(day: FeederDay) -> Iterator[Row]:
    """Yield a row per slot of a feeder's day; feeders and slots are numbered from 1."""
    for slot, one in enumerate(day.slots):
        yield (
            day.number + 1,
            slot_number(slot),
            one.orders,
            one.offers,
            one.lines,
            one.trades,
            one.sellers,
            one.certificate_bytes,
            kwh_from_wh(one.traded),
            usd_from_micro_usd(one.paid),
            usd_from_micro_usd(one.lease_fees),
            kwh_from_wh(one.imported),
            kwh_from_wh(one.exported),
        )


def region_summary(region: Region, costs: CallCosts, chain: Chain, found: Settlement) -> Json:
    """Return what is the same for a region wherever it is cleared; nothing of its time."""
    return {
        "data": DATA,
        **asdict(region.terms),
        "slots": len(region.slots),
        "digest": region.digest,
        "totals": _totals(region.total),
        "settlement": _settlement(costs, chain, found),
    }


def timing_summary(timing: Timing) -> Json:
    return {
        **asdict(timing),
        "median_s": timing.median_s,
        "speed_ups": timing.speed_ups,
    }


def _totals(total: SlotTotals) -> Json:
    return {
        "rounds": total.rounds,
        "rounds_with_trades": total.rounds_with_trades,
        "orders": total.orders,
        "trades": total.trades,
        "readings": total.sellers,
        "certificate_bytes": total.certificate_bytes,
        "traded_kwh": kwh_from_wh(total.traded),
        "paid_usd": usd_from_micro_usd(total.paid),
        "lease_fees_usd": usd_from_micro_usd(total.lease_fees),
        "imported_kwh": kwh_from_wh(total.imported),
        "exported_kwh": kwh_from_wh(total.exported),
    }


def _settlement(costs: CallCosts, chain: Chain, found: Settlement) -> Json:
    return {
        "hardfork": costs.hardfork,
        "largest_relative_error": round(costs.largest_relative_error, RATIO_DIGITS),
        "block_gas": chain.block_gas,
        "block_seconds": chain.block_seconds,
        "transactions": dict(found.transactions),
        "gas": dict(found.gas),
        "total_gas": found.total_gas,
        "calldata_bytes": dict(found.calldata),
        "own_orders_gas": found.own_orders_gas,
        "saved_by_voiding_gas": found.saved_by_voiding,
        "blocks": found.blocks,
        "share_of_day": round(found.share_of_day, RATIO_DIGITS),
        "busiest_slot": slot_number(found.busiest_slot),
        "busiest_slot_gas": found.slot_gas[found.busiest_slot],
        "share_of_busiest_slot": round(found.share_of_busiest_slot, RATIO_DIGITS),
        "clearing_seconds": found.clearing_seconds,
        "feeders_by_day": found.feeders_by_day,
        "feeders_by_slot": found.feeders_by_slot,
        "blobs": found.blobs,
    }
