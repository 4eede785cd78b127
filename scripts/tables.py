"""
Plans and runs as tables for the terminal.

A long table is cut, with a line that says how many rows there are besides and which file has them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from oracle.domain.results import Plan, RunResult, TradeRecord
from oracle.domain.scenario import Scenario
from oracle.units import (
    KWH_PER_MWH,
    SLOT_HOURS,
    MicroUsd,
    Wh,
    fraction_from_bps,
    kwh_from_wh,
    usd_from_micro_usd,
    usd_per_kwh,
)
from scripts import paper
from scripts.comparison import comparison_rows
from scripts.numbers import number, signed
from scripts.paper import CaseRow
from scripts.slots import slot_number, slot_ranges, slot_time
from scripts.summary import gas_statistics, storage_of

MAX_ROWS = 20
IDLE_MW = 0.5e-6  # below half a watt the storage stands still
DASH = "–"


def dispatch_tables(plan: Plan) -> Group:
    """Return what `wattline dispatch` shows."""
    return _group(
        [
            _heading(plan.scenario),
            paper_table(plan),
            dispatch_table(plan),
            commitment_table(plan),
            storage_table(plan),
            trades_table(plan.scenario, plan.trades, folder=None),
            paper_trades_table(plan.scenario, plan.trades),
        ]
    )


def run_tables(result: RunResult, *, folder: Path | None = None) -> Group:
    """Return what `wattline run` shows at its end; `folder` is where the whole tables lie."""
    return _group(
        [
            _heading(result.plan.scenario),
            paper_table(result.plan),
            dispatch_table(result.plan),
            storage_table(result.plan),
            trades_table(result.plan.scenario, result.trades, folder=folder),
            paper_trades_table(result.plan.scenario, result.trades),
            participants_table(result, folder=folder),
            gas_table(result),
            money_table(result),
        ]
    )


def paper_table(plan: Plan) -> RenderableType | None:
    """Return the comparison with the paper; only the reference case has one."""
    cases = paper.compared_cases(plan)
    if not cases:
        return None
    table = text_table(
        f"Against the paper's table ({paper.SOURCE})",
        ["case", "total $", "CO₂ t", "carbon $", "P2P $", "wind used %", "profit ESP $"],
    )
    for case in cases:
        number, ours = case.number, case.ours
        table.add_row(f"{number} paper", *_case_cells(case.paper))
        table.add_row(f"{number} reference case", *_case_cells(case.reference))
        table.add_row(f"{number} this run", *_case_cells(ours), style="bold")
        table.add_row(f"{number} run − paper", *_difference_cells(ours, case.paper))
        table.add_row(f"{number} run − reference", *_difference_cells(ours, case.reference))
        table.add_section()
    titles = "; ".join(f"{case.number}: {case.title}" for case in cases)
    return Group(table, Text(titles, style="dim"), Text(paper.STATEMENT, style="italic"))


def paper_trades_table(scenario: Scenario, trades: Sequence[TradeRecord]) -> RenderableType | None:
    """Return the prices of the paper's figure beside ours; only the reference case has them."""
    compared = paper.compared_trades(scenario, trades)
    if not compared:
        return None
    table = text_table(
        "Prices against the paper's figure",
        ["slot", "paper kWh", "this run kWh", "paper $/kWh", "this run $/kWh"],
        left=0,
    )
    for trade in compared:
        table.add_row(
            DASH if trade.slot is None else str(slot_number(trade.slot)),
            f"{trade.paper_energy_kwh:g}",
            _optional(trade.energy_kwh, 3),
            f"{trade.paper_price_usd_per_kwh:.2f}",
            _optional(trade.price_usd_per_kwh, 4),
        )
    return Group(table, Text(paper.PRICES_STATEMENT, style="italic"))


def dispatch_table(plan: Plan) -> RenderableType | None:
    """Return costs and emissions of the optimised day, without and with sharing."""
    rows = comparison_rows(plan)
    if plan.with_sharing is None or not rows:
        return None
    table = text_table(
        "Dispatch of the power system", ["", "without", "with sharing", "difference"]
    )
    for row in rows:
        table.add_row(
            row.label,
            _optional(row.without_sharing, row.digits),
            _optional(row.with_sharing, row.digits),
            DASH if row.difference is None else signed(row.difference, row.digits),
        )
    solved = plan.with_sharing
    solver = Text(
        f"real time: built in {solved.build_s:.3f} s, solved in {solved.solve_s:.3f} s,"
        f" gap {solved.gap:.1e}",
        style="dim",
    )
    return Group(table, solver)


def commitment_table(plan: Plan) -> RenderableType | None:
    """Return which unit is on in which hour of the day ahead."""
    if plan.day_ahead is None:
        return None
    table = text_table("Unit commitment, day ahead", ["unit", "hours 1 to 24", "hours on"])
    table.columns[1].justify = "left"
    for name, hours in plan.day_ahead.commitment.items():
        marks = "".join("█" if on else "·" for on in hours)
        table.add_row(escape(name), marks, str(int(hours.sum())))
    triggered = len(plan.day_ahead.triggered_slots)
    return Group(table, Text(f"real-time stage triggered in {triggered} slots", style="dim"))


def storage_table(plan: Plan) -> RenderableType | None:
    """Return when the shared storage charges and discharges, and what it earns."""
    storage = storage_of(plan)
    if storage is None:
        return None
    table = text_table("Shared storage", ["", ""])
    table.columns[1].justify = "left"
    table.show_header = False
    table.add_row("charges in slots", slot_ranges(storage.charge_mw > IDLE_MW))
    table.add_row("discharges in slots", slot_ranges(storage.discharge_mw > IDLE_MW))
    charged_kwh = storage.charge_mw.sum() * SLOT_HOURS * KWH_PER_MWH
    discharged_kwh = storage.discharge_mw.sum() * SLOT_HOURS * KWH_PER_MWH
    table.add_row("charged kWh", number(charged_kwh, 1))
    table.add_row("discharged kWh", number(discharged_kwh, 1))
    table.add_row("degradation $", number(storage.cost_usd, 2))
    table.add_row("profit of the provider $", number(storage.profit_usd, 2))
    return table


def trades_table(
    scenario: Scenario, trades: Sequence[TradeRecord], *, folder: Path | None
) -> RenderableType | None:
    """Return the trades, of many the largest, in the order of time."""
    if not trades:
        return None
    shown = sorted(sorted(trades, key=lambda trade: -trade.energy)[:MAX_ROWS], key=_time_order)
    table = text_table(
        "Trades" if len(shown) == len(trades) else f"Trades: the {len(shown)} largest",
        ["slot", "seller", "buyer", "kWh", "price $/kWh", "lease fee $/kWh", "delivered kWh"],
        left=3,
    )
    for trade in shown:
        table.add_row(
            f"{slot_number(trade.slot)}  {slot_time(scenario, trade.slot)}",
            escape(trade.seller),
            escape(trade.buyer),
            number(kwh_from_wh(trade.energy), 3),
            f"{usd_per_kwh(trade.price):.4f}",
            f"{usd_per_kwh(trade.lease_fee):.4f}",
            DASH if trade.delivered is None else number(kwh_from_wh(trade.delivered), 3),
        )
    return Group(table, *_rest(len(trades) - len(shown), folder, "trades.csv"))


def participants_table(result: RunResult, *, folder: Path | None) -> RenderableType | None:
    """Return who gained what against the grid alone."""
    participants = result.participants
    if not participants:
        return None
    table = text_table(
        "Bills: with trading against the grid alone (money in $, energy in kWh)",
        [
            "prosumer",
            "grid alone",
            "trading",
            "gained",
            "sold",
            "bought",
            "delivered",
            "reputation",
        ],
    )
    for participant in participants[:MAX_ROWS]:
        gained = MicroUsd(participant.grid_alone_bill - participant.bill)
        table.add_row(
            escape(participant.name),
            _usd(participant.grid_alone_bill),
            _usd(participant.bill),
            Text(signed(usd_from_micro_usd(gained), 3), style="green" if gained >= 0 else "red"),
            number(kwh_from_wh(participant.sold), 1),
            number(kwh_from_wh(participant.bought), 1),
            number(kwh_from_wh(participant.delivered), 1),
            f"{fraction_from_bps(participant.reputation[-1]):.3f}",
        )
    alone = MicroUsd(sum(participant.grid_alone_bill for participant in participants))
    bill = MicroUsd(sum(participant.bill for participant in participants))
    sold = Wh(sum(participant.sold for participant in participants))
    bought = Wh(sum(participant.bought for participant in participants))
    delivered = Wh(sum(participant.delivered for participant in participants))
    table.add_section()
    table.add_row(
        "all",
        _usd(alone),
        _usd(bill),
        signed(usd_from_micro_usd(MicroUsd(alone - bill)), 3),
        number(kwh_from_wh(sold), 1),
        number(kwh_from_wh(bought), 1),
        number(kwh_from_wh(delivered), 1),
        "",
    )
    more = _rest(len(participants) - MAX_ROWS, folder, "participants.csv")
    if result.plan.scenario.name == paper.SCENARIO:
        more.append(Text(paper.BILLS_STATEMENT, style="italic"))
    return Group(table, *more)


def gas_table(result: RunResult) -> RenderableType | None:
    """Return what each kind of transaction used."""
    if not result.gas:
        return None
    table = text_table("Gas per kind of transaction", ["function", "count", "min", "median", "max"])
    for function, statistics in gas_statistics(result.gas).items():
        counts = (statistics[key] for key in ("count", "min", "median", "max"))
        table.add_row(escape(function), *(f"{count:,}" for count in counts))
    return Group(table, Text(f"chain {result.chain}, hardfork {result.hardfork}", style="dim"))


def money_table(result: RunResult) -> RenderableType:
    """Return the money check, to the micro-dollar."""
    money = result.money
    table = text_table("Money check", ["", "$"])
    table.add_row("deposited", number(usd_from_micro_usd(money.deposited), 6))
    table.add_row("withdrawn", number(usd_from_micro_usd(money.withdrawn), 6))
    table.add_row("in all accounts", number(usd_from_micro_usd(money.in_accounts), 6))
    table.add_row("tokens held by the exchange", number(usd_from_micro_usd(money.token_balance), 6))
    table.add_row("lease fees earned", number(usd_from_micro_usd(result.lease_fees), 6))
    if result.surplus:
        table.add_row("surplus to the operator", number(usd_from_micro_usd(result.surplus), 6))
    verdict = "nothing lost, nothing made" if money.difference == 0 else "MONEY DOES NOT ADD UP"
    style = "bold green" if money.difference == 0 else "bold red"
    return Group(table, Text(f"difference: {money.difference} micro-dollars, {verdict}", style))


def _group(parts: Iterable[RenderableType | None]) -> Group:
    shown: list[RenderableType] = []
    for part in parts:
        if part is not None:
            shown += [part, Text()]
    return Group(*shown[:-1])


def _heading(scenario: Scenario) -> RenderableType:
    lines = [Text(scenario.name, style="bold"), Text(scenario.description)]
    if scenario.note:
        lines.append(Text(scenario.note, style="italic"))
    return Group(*lines)


def text_table(title: str, columns: Sequence[str], *, left: int = 1) -> Table:
    """Return a table whose first `left` columns are text and whose others are numbers."""
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for place, column in enumerate(columns):
        text = place < left
        table.add_column(column, justify="left" if text else "right", no_wrap=text)
    return table


def _rest(count: int, folder: Path | None, file: str) -> list[Text]:
    if count <= 0:
        return []
    where = f": all of them in {folder / file}" if folder is not None else ""
    return [Text(f"… and {count:,} more{where}", style="dim")]


def _time_order(trade: TradeRecord) -> tuple[int, str, str]:
    return trade.slot, trade.seller, trade.buyer


def _usd(amount: MicroUsd) -> str:
    return number(usd_from_micro_usd(amount), 3)


def _optional(value: float | None, digits: int) -> str:
    return DASH if value is None else number(value, digits)


def _case_cells(row: CaseRow) -> list[str]:
    return [
        number(row.total_cost_usd, 0),
        f"{row.co2_t:,.1f}",
        number(row.carbon_cost_usd, 0),
        _optional(row.p2p_cost_usd, 2),
        f"{row.wind_used_percent:.2f}",
        number(row.storage_profit_usd, 0),
    ]


def _difference_cells(ours: CaseRow, other: CaseRow) -> list[str]:
    p2p = None
    if ours.p2p_cost_usd is not None and other.p2p_cost_usd is not None:
        p2p = ours.p2p_cost_usd - other.p2p_cost_usd
    return [
        signed(ours.total_cost_usd - other.total_cost_usd, 0),
        signed(ours.co2_t - other.co2_t, 1),
        signed(ours.carbon_cost_usd - other.carbon_cost_usd, 0),
        DASH if p2p is None else signed(p2p, 2),
        signed(ours.wind_used_percent - other.wind_used_percent, 2),
        signed(ours.storage_profit_usd - other.storage_profit_usd, 0),
    ]
