"""
The tables of the reference paper, and those of the reference case that was built after them.

P. Du, B. Huang, Z. Liu, C. Yang, Q. Sun, "Real-time Energy Management for Net-zero Power Systems
Based on Shared Energy Storage", Journal of Modern Power Systems and Clean Energy, 2024,
doi:10.35833/MPCE.2023.000535. Its case 1 has no storage and no trades, its case 2 has both.

The scenario `paper-day` is the reference case. The paper prints its curves only as figures; those
of the scenario are synthetic, and `STATEMENT` says so wherever the comparison is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.domain.results import Plan, RealTimeResult, TradeRecord
from oracle.domain.scenario import Scenario
from oracle.units import kwh_from_wh, usd_per_kwh

SCENARIO = "paper-day"
SOURCE = "doi:10.35833/MPCE.2023.000535"
STATEMENT = (
    "The curves and the fleet of this scenario are synthetic: they were built, and eight of their"
    " numbers tuned, so that the model's equations give the paper's tables. The comparison shows"
    " that the equations can give them, not that they are the authors'."
)
PRICES_STATEMENT = (
    "On a chain a seller's reputation moves with each delivery, and the prices of later trades"
    " with it; a plan takes the reputations of the scenario throughout."
)
BILLS_STATEMENT = (
    "The buyer pays more here than with the grid alone: the paper's 262 $ are read as the lease"
    " fees of its 714 kWh, so that price and fee together exceed the real-time price. Without a"
    " tariff in the scenario, the grid is taken to charge that price and to pay the floor price."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One row of the paper's table of costs; None where the paper prints a dash."""

    total_cost_usd: float
    co2_t: float
    carbon_cost_usd: float
    p2p_cost_usd: float | None
    wind_used_percent: float
    storage_profit_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """One case as the paper prints it, as the reference case gives it, and as it came out."""

    number: int
    title: str
    paper: CaseRow
    reference: CaseRow
    ours: CaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedTrade:
    """One trade of the paper's figure and what came out for it; None where nothing did."""

    paper_energy_kwh: float
    paper_price_usd_per_kwh: float
    slot: int | None
    energy_kwh: float | None
    price_usd_per_kwh: float | None


PAPER = (
    CaseRow(
        total_cost_usd=247476,
        co2_t=1067,
        carbon_cost_usd=-124678,
        p2p_cost_usd=None,
        wind_used_percent=89.2,
        storage_profit_usd=0,
    ),
    CaseRow(
        total_cost_usd=243148,
        co2_t=571,
        carbon_cost_usd=-131904,
        p2p_cost_usd=262,
        wind_used_percent=98.1,
        storage_profit_usd=59375,
    ),
)

REFERENCE = (
    CaseRow(
        total_cost_usd=247356,
        co2_t=1063.0,
        carbon_cost_usd=-125351,
        p2p_cost_usd=None,
        wind_used_percent=89.20,
        storage_profit_usd=0,
    ),
    CaseRow(
        total_cost_usd=243131,
        co2_t=570.9,
        carbon_cost_usd=-131243,
        p2p_cost_usd=262.01,
        wind_used_percent=98.10,
        storage_profit_usd=59313,
    ),
)

# Energy in kWh and price in USD/kWh of the trading slots, in the order of time.
PAPER_TRADES = (
    (60, 0.11),
    (67, 0.09),
    (9, 0.26),
    (68, 0.09),
    (47, 0.16),
    (7, 0.28),
    (21, 0.21),
    (41, 0.15),
    (71, 0.08),
    (72, 0.08),
    (12, 0.25),
    (72, 0.08),
    (71, 0.08),
    (36, 0.17),
    (60, 0.11),
)


def case_row(result: RealTimeResult) -> CaseRow:
    """Return an optimised day in the columns of the paper's table."""
    return CaseRow(
        total_cost_usd=result.total_cost_usd,
        co2_t=result.co2_t,
        carbon_cost_usd=result.carbon_cost_usd,
        p2p_cost_usd=result.p2p_cost_usd,
        wind_used_percent=100 * result.wind_used_share,
        storage_profit_usd=result.storage.profit_usd if result.storage else 0.0,
    )


def compared_cases(plan: Plan) -> tuple[ComparedCase, ...]:
    """Return the comparison with the paper, empty for any scenario but the reference case."""
    if plan.scenario.name != SCENARIO or not (plan.without_sharing and plan.with_sharing):
        return ()
    titles = ("no storage, no trades", "storage and trades")
    ours = (case_row(plan.without_sharing), case_row(plan.with_sharing))
    return tuple(
        ComparedCase(number=number, title=title, paper=paper, reference=reference, ours=our)
        for number, (title, paper, reference, our) in enumerate(
            zip(titles, PAPER, REFERENCE, ours, strict=True), start=1
        )
    )


def compared_trades(scenario: Scenario, ours: Sequence[TradeRecord]) -> tuple[ComparedTrade, ...]:
    """Return the paper's trades beside ours, one for each trading slot in turn."""
    if scenario.name != SCENARIO or not ours:
        return ()
    trades = sorted(ours, key=lambda trade: trade.slot)
    rows = []
    for place, (energy_kwh, price) in enumerate(PAPER_TRADES):
        trade = trades[place] if place < len(trades) else None
        rows.append(
            ComparedTrade(
                paper_energy_kwh=energy_kwh,
                paper_price_usd_per_kwh=price,
                slot=trade.slot if trade else None,
                energy_kwh=kwh_from_wh(trade.energy) if trade else None,
                price_usd_per_kwh=usd_per_kwh(trade.price) if trade else None,
            )
        )
    return tuple(rows)
