"""A region in the terminal."""

from statistics import median

from rich.console import Group, RenderableType
from rich.text import Text

from oracle.region.region import Region
from oracle.region.settlement import SENT, CallCosts, Chain, Settlement
from oracle.units import kwh_from_wh, usd_from_micro_usd
from scripts.bench.scale.timing import Timing
from scripts.numbers import counted, number
from scripts.slots import slot_number
from scripts.tables import text_table


def region_tables(
    region: Region, costs: CallCosts, chain: Chain, found: Settlement, timing: Timing
) -> RenderableType:
    """Return totals, the estimate for one chain, and how long the clearing took."""
    terms = region.terms
    title = f"{counted(terms.feeders, 'feeder')} of {terms.prosumers:,} prosumers, synthetic data"
    return Group(
        Text(title, style="bold"),
        Text(f"digest {region.digest}", no_wrap=True),
        _cleared_table(region, timing),
        _chain_table(found),
        *map(Text, _chain_lines(costs, chain, found)),
    )


def _cleared_table(region: Region, timing: Timing) -> RenderableType:
    total = region.total
    table = text_table("Cleared and checked off the chain, a day", ["what", ""])
    table.add_row("rounds", f"{total.rounds:,}")
    table.add_row("orders", f"{total.orders:,}")
    table.add_row("trades", f"{total.trades:,}")
    table.add_row("traded, kWh", number(kwh_from_wh(total.traded), 0))
    table.add_row("lease fees, USD", number(usd_from_micro_usd(total.lease_fees), 2))
    table.add_section()
    table.add_row("seconds", number(timing.median_s, 1))
    table.add_row("ms a round", number(1000 * timing.median_s / max(1, total.rounds), 2))
    if timing.speed_ups:
        low, high = min(timing.speed_ups), max(timing.speed_ups)
        told = f"{median(timing.speed_ups):.2f} ({low:.2f} – {high:.2f})"
        runs = counted(len(timing.speed_ups), "run")
        table.add_row(f"times as fast as one process, {runs}", told)
    by = f"by {timing.scheduler}, {counted(timing.workers, 'worker')}"
    return Group(table, Text(f"{by}, up after {timing.start_s:.1f} s", style="dim"))


def _chain_table(found: Settlement) -> RenderableType:
    table = text_table(
        "Settled on one chain, estimated, a day", ["call", "transactions", "Mgas", "MB of calldata"]
    )
    for call in SENT:
        gas, calldata = found.gas[call] / 1e6, found.calldata[call] / 1e6
        table.add_row(call, f"{found.transactions[call]:,}", number(gas, 0), number(calldata, 1))
    table.add_section()
    together = sum(found.transactions.values()), found.total_gas, sum(found.calldata.values())
    table.add_row(
        "all", f"{together[0]:,}", number(together[1] / 1e6, 0), number(together[2] / 1e6, 1)
    )
    return table


def _chain_lines(costs: CallCosts, chain: Chain, found: Settlement) -> list[str]:
    """Return what follows from the gas for a chain of the given blocks."""
    blocks = f"blocks of {chain.block_gas:,} gas every {chain.block_seconds} s"
    day, slot = f"{found.share_of_day:.1%}", f"{found.share_of_busiest_slot:.1%}"
    own, post = (gas / 1e6 for gas in (found.own_orders_gas, found.gas["post"]))
    return [
        f"by receipts of hardfork {costs.hardfork}; off by up to "
        f"{costs.largest_relative_error:.1%} for a measured round that was not used",
        f"{blocks}: {found.blocks:,} full ones, {day} of the day's gas, {slot} of what slot "
        f"{slot_number(found.busiest_slot)} has, whose clearings fill {found.clearing_seconds} s",
        f"the chain carries {counted(found.feeders_by_slot, 'such feeder')} if it carries nothing "
        f"else, {found.feeders_by_day:,} if the load were the same in all slots",
        f"orders in own transactions: {own:,.0f} Mgas instead of {post:,.0f}",
        f"rounds without trades voided: {found.saved_by_voiding / 1e6:,.0f} Mgas less",
        f"calldata as they are: {counted(found.blobs, 'blob')}",
    ]
