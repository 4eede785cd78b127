"""
Everything the oracle computes for a scenario off the chain: commitment, trades, dispatch.

Trades come first, slot by slot, as the market's mechanism clears them with the scenario's
reputations; their energies and fees enter the dispatch of the power system, equations (26) and
(27). Without a power system the shared storage is dispatched against the tariff.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from oracle import bidding
from oracle.domain.book import Order
from oracle.domain.community import Community
from oracle.domain.power_system import FloatArray, PowerSystem, SharedStorage
from oracle.domain.record import PlannedOutcome
from oracle.domain.results import Plan, SolvedColumns, TradeRecord
from oracle.domain.rows import limits_of
from oracle.domain.scenario import Scenario
from oracle.errors import InvalidInputError
from oracle.market.mechanism import Mechanism, Outcome, Round, round_of
from oracle.market.registry import MECHANISMS
from oracle.model import day_ahead, provider_storage, real_time
from oracle.model.line_lease import fees_of_lines
from oracle.model.prosumers import Rest
from oracle.model.reputation import initial_reputation
from oracle.model.storage import add_exclusion
from oracle.program import Program
from oracle.units import (
    BPS,
    SLOTS_PER_DAY,
    WH_PER_MWH,
    Bps,
    MicroUsd,
    MicroUsdPerMwh,
    Wh,
    mw_from_wh_per_slot,
    usd_per_kwh,
    usd_per_mwh,
)

DAY_AHEAD = "day-ahead"
WITHOUT_SHARING = "real-time without sharing"
WITH_SHARING = "real-time with sharing"
STORAGE = "storage against the tariff"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradePlan:
    """The trades of a scenario as planned, and the community's net load with the grid."""

    trades: tuple[TradeRecord, ...]
    net_load_mw: FloatArray  # (T,)
    locks: tuple[MicroUsd, ...]  # per prosumer, all its orders, whatever it states and its score
    rests: tuple[tuple[Rest, ...], ...]  # per slot and prosumer, what the trades leave to the grid
    outcomes: tuple[PlannedOutcome, ...] = ()  # per slot, with what proves it


Clear = Callable[[Round], Outcome]


def plan_scenario(
    scenario: Scenario, *, time_limit_s: float = 60.0, traded: TradePlan | None = None
) -> Plan:
    """
    Return the oracle's plan of a scenario; `traded` spares the trades where they are known.

    Raises
    ------
    SolverError
        If a model has no optimum that can be proved within `time_limit_s`.
    """
    if traded is None and scenario.community is not None:
        traded = plan_trades(scenario.community)
    trades = () if traded is None else traded.trades
    outcomes = () if traded is None else traded.outcomes
    if scenario.power_system is not None:
        plan = _power_system_plan(scenario, scenario.power_system, trades, time_limit_s)
        return replace(plan, outcomes=outcomes)
    plan = Plan(scenario=scenario, trades=trades, outcomes=outcomes)
    if scenario.storage is None or scenario.community is None or traded is None:
        return plan
    return _with_storage(plan, scenario.storage, scenario.community, traded, time_limit_s)


def plan_trades(community: Community, clear: Clear | None = None) -> TradePlan:
    """
    Return the trades, slot by slot, with the reputations that the scenario gives.

    `clear` stands in for the mechanism's, as where the outcomes are known.
    """
    clear = clear or mechanism_of(community).clear
    outcomes: list[PlannedOutcome] = []
    fees, capacities = numbered_fees(community), numbered_capacities(community)
    scores = initial_scores(community)
    states, agents = bidding.initial_states(community), bidding.agents(community, fees)
    records: list[TradeRecord] = []
    best_scores = [Bps(BPS)] * len(scores)
    locks = [0] * len(scores)
    rests = []
    for slot in range(community.pv.shape[1]):
        before = bidding.positions(community, slot, states)
        at_limits = bidding.limits(community, slot, before, scores)
        book = _scored(bidding.orders(community, slot, at_limits, agents), scores)
        import_price, _ = bidding.grid_prices(community, slot)
        outcome = clear(round_of(book, fees, import_price, capacities))
        trades = outcome.trades
        agents.learn(book, trades)
        outcomes.append(PlannedOutcome(slot=slot, trades=trades, certificate=outcome.certificate))
        records += [
            TradeRecord(
                slot=slot,
                seller=community.prosumers[book[trade.offer].participant - 1].name,
                buyer=community.prosumers[book[trade.bid].participant - 1].name,
                energy=trade.energy,
                price=trade.price,
                lease_fee=trade.fee,
                surplus=trade.surplus,
            )
            for trade in trades
        ]
        if community.tariff is None:  # else no score moves a limit
            at_limits = bidding.limits(community, slot, before, best_scores)
        for order in at_limits:
            locks[order.participant - 1] += order.lock(community.rules.bond_price)
        full = [trade.with_delivered(trade.energy) for trade in trades]
        after = bidding.rests(community, before, bidding.energies(community, book, full))
        states = tuple(rest.battery for rest in after)
        rests.append(after)
    return TradePlan(
        trades=tuple(records),
        net_load_mw=bidding.net_load_mw(rests),
        locks=tuple(map(MicroUsd, locks)),
        rests=tuple(rests),
        outcomes=tuple(outcomes),
    )


def mechanism_of(community: Community) -> Mechanism:
    """
    Return the mechanism of a community's rules, with its settings.

    Raises
    ------
    InvalidInputError
        Where it depends on what the grid pays, and that is not the same in all slots.
    """
    kind = MECHANISMS[community.rules.mechanism]
    settings = {setting.key: setting.default for setting in kind.settings}
    settings |= community.rules.settings.get(kind.name, {})
    exports = [bidding.grid_prices(community, slot)[1] for slot in range(community.pv.shape[1])]
    low, high = (kind.of(settings, price) for price in (min(exports), max(exports)))
    if low.parameters != high.parameters:
        raise InvalidInputError(
            f'mechanism "{kind.name}": expected one export price in all slots, got from '
            f"{usd_per_kwh(min(exports))} to {usd_per_kwh(max(exports))} USD/kWh"
        )
    return low


def programs_of(
    scenario: Scenario, traded: TradePlan | None, solutions: Mapping[str, SolvedColumns]
) -> Iterator[tuple[str, Program]]:
    """
    Yield every program of a scenario's plan by its name, as it was solved last.

    `solutions` are looked at for what later programs depend on: the commitment, and where the
    storage needed integers; those of a name need not be there before the name was yielded.
    """
    trades = () if traded is None else traded.trades
    system = scenario.power_system
    if system is not None:
        commitment = day_ahead.commitment_program(system)
        yield DAY_AHEAD, commitment.program
        on = commitment.commitment(solutions[DAY_AHEAD].values)
        alone = real_time.dispatch_program(system, on, sharing=False)
        yield WITHOUT_SHARING, alone.program
        shared = real_time.dispatch_program(
            system,
            on,
            sharing=True,
            p2p_mw=traded_mw(scenario, trades),
            p2p_cost_usd=lease_fees_usd(trades),
        )
        if shared.storage is not None:
            exclusive = _exclusive_slots(solutions.get(WITH_SHARING), SLOTS_PER_DAY)
            add_exclusion(shared.program, shared.storage, exclusive)
        yield WITH_SHARING, shared.program
    elif scenario.storage is not None and scenario.community is not None and traded is not None:
        model = _tariff_program(scenario.storage, scenario.community, traded)
        exclusive = _exclusive_slots(solutions.get(STORAGE), scenario.slot_count)
        add_exclusion(model.program, model.storage, exclusive)
        yield STORAGE, model.program


def _exclusive_slots(solved: SolvedColumns | None, slots: int) -> list[int]:
    return [] if solved is None else sorted({t for t in solved.exclusive_slots if t < slots})


def solutions_of(plan: Plan) -> dict[str, SolvedColumns]:
    """Return what each program of a plan was solved with."""
    solutions = {
        DAY_AHEAD: plan.day_ahead.solved if plan.day_ahead else None,
        WITHOUT_SHARING: plan.without_sharing.solved if plan.without_sharing else None,
        WITH_SHARING: plan.with_sharing.solved if plan.with_sharing else None,
        STORAGE: plan.storage_solved,
    }
    return {name: solved for name, solved in solutions.items() if solved is not None}


def traded_mw(scenario: Scenario, trades: tuple[TradeRecord, ...]) -> FloatArray:
    """Return P_p2p of (27)."""
    p2p_mw = np.zeros(scenario.slot_count)
    for trade in trades:
        p2p_mw[trade.slot] += mw_from_wh_per_slot(trade.energy)
    return p2p_mw


def numbered_fees(community: Community) -> dict[tuple[int, int], MicroUsdPerMwh]:
    """Return the fee per (seller, buyer), by their numbers on the chain, as `round_of` has them."""
    fees = fees_of_lines(community.ladder, community.routes)
    return {(seller + 1, buyer + 1): fee for (seller, buyer), fee in fees.items()}


def numbered_capacities(community: Community) -> dict[tuple[int, int], Wh]:
    """Return the capacity per (seller, buyer) whose line has one, numbered as the fees are."""
    return limits_of(community.routes)


def initial_scores(community: Community) -> list[Bps]:
    """Return each prosumer's score before the first slot, as the chain computes it."""
    memory = community.rules.reputation_memory
    return [initial_reputation(p.initial_reputation, memory).score for p in community.prosumers]


def lease_fees_usd(trades: tuple[TradeRecord, ...]) -> float:
    """Return C_P2P, equation (26)."""
    return sum(trade.energy * usd_per_mwh(trade.lease_fee) for trade in trades) / WH_PER_MWH


def _power_system_plan(
    scenario: Scenario,
    system: PowerSystem,
    trades: tuple[TradeRecord, ...],
    time_limit_s: float,
) -> Plan:
    committed = day_ahead.commit_units(system, time_limit_s=time_limit_s)
    alone = real_time.dispatch(system, committed, sharing=False, time_limit_s=time_limit_s)
    shared = real_time.dispatch(
        system,
        committed,
        sharing=True,
        p2p_mw=traded_mw(scenario, trades),
        p2p_cost_usd=lease_fees_usd(trades),
        time_limit_s=time_limit_s,
    )
    if scenario.community is None:
        shared = replace(shared, p2p_cost_usd=None)
    return Plan(
        scenario=scenario,
        day_ahead=committed,
        without_sharing=alone,
        with_sharing=shared,
        storage=shared.storage,
        trades=trades,
        build_s=shared.build_s,
        solve_s=shared.solve_s,
        gap=shared.gap,
    )


def _with_storage(
    plan: Plan,
    storage: SharedStorage,
    community: Community,
    traded: TradePlan,
    time_limit_s: float,
) -> Plan:
    import_price, export_price = _grid_prices(community)
    dispatched = provider_storage.dispatch_against_tariff(
        storage, traded.net_load_mw, import_price, export_price, time_limit_s=time_limit_s
    )
    earned = dispatched.plan.profit_usd + lease_fees_usd(traded.trades)
    return replace(
        plan,
        storage=replace(dispatched.plan, profit_usd=earned),
        storage_solved=dispatched.solved,
        build_s=dispatched.build_s,
        solve_s=dispatched.solve_s,
        gap=dispatched.gap,
    )


def _tariff_program(
    storage: SharedStorage, community: Community, traded: TradePlan
) -> provider_storage.TariffProgram:
    return provider_storage.tariff_program(storage, traded.net_load_mw, *_grid_prices(community))


def _grid_prices(community: Community) -> tuple[FloatArray, FloatArray]:
    """Return import and export price per slot, in USD/MWh."""
    prices = [bidding.grid_prices(community, slot) for slot in range(community.pv.shape[1])]
    return (
        np.array([usd_per_mwh(import_price) for import_price, _ in prices]),
        np.array([usd_per_mwh(export_price) for _, export_price in prices]),
    )


def _scored(orders: list[Order], scores: list[Bps]) -> tuple[Order, ...]:
    """Return the book that the chain would record: the owner's score enters each order."""
    return tuple(replace(order, score=scores[order.participant - 1]) for order in orders)
