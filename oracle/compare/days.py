"""
A scenario's community under many mechanisms: every slot planned off the chain, and measured.

What trades are worth is measured by the true values of who trades: a strategy may state another
price, the truth stays. Shares are of what a mechanism of the largest welfare makes of the same days
and routes where all are truthful: `uniform` in the free pool, the engine elsewhere. It is the best
slot by slot, not over the days, so that who leaves batteries otherwise may come to a little more
than all. The share slot by slot, of the most of the truthful book that a mechanism's own past has
left, counts in each slot again what a battery could not trade before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from oracle import bidding
from oracle.bills import grid_alone_bills
from oracle.compare.measures import NOTHING, Measures
from oracle.compare.optimum import is_one_pool, largest_welfare
from oracle.compare.rules import Rule, measured, rule_of, with_defaults
from oracle.domain.book import Order, Trade
from oracle.domain.community import COMMUNITY, Community, Tariff, TradeGraph
from oracle.errors import OracleError
from oracle.market.mechanism import Outcome, Round, Settings, round_of
from oracle.market.registry import MECHANISMS
from oracle.market.uniform import Uniform
from oracle.model.prosumers import BatteryState, Rest
from oracle.plan import (
    TradePlan,
    initial_scores,
    mechanism_of,
    numbered_capacities,
    numbered_fees,
    plan_trades,
)
from oracle.progress import Progress
from oracle.scenario import under_mechanism
from oracle.strategies.truthful import TRUTHFUL
from oracle.units import Bps, MicroUsd, Wh

MICRO = 10**6  # pico-USD of a micro-USD

UNDER = Uniform.name  # whose orders a benchmark clears


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """What the days were worth to one prosumer; the bill is positive where it pays."""

    name: str
    bill: MicroUsd
    grid_alone_bill: MicroUsd
    sold: Wh
    bought: Wh


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DaysResult:
    """
    What a mechanism made of a community's days; `refusal` says in its place why it takes none.

    `most_welfare` (pico-USD) and `most_volume` are those of `reference`, a mechanism, on the same
    graph; `slot_welfare` is the sum of the most of each slot.
    """

    mechanism: str
    rule: str
    graph: TradeGraph
    measures: Measures = NOTHING
    most_welfare: int = 0
    most_volume: Wh = Wh(0)
    slot_welfare: int = 0
    reference: str = ""
    settings: Settings = field(default_factory=dict)
    orders: int = 0
    trades: int = 0
    self_consumption: float | None = None  # share of the generation that no grid took
    self_sufficiency: float | None = None  # share of the load that no grid served
    households: tuple[Household, ...] = ()
    busiest_slot: int = 0  # from 0: the one with most orders, of those with trades
    busiest: Community | None = None  # in that slot alone; None without trades, and of a benchmark
    seconds: float = 0.0
    refusal: str = ""


class DaysComparison:
    """A community's days under mechanisms; what they share is found once."""

    def __init__(
        self,
        community: Community,
        settings: Mapping[str, Settings],
        engine: type[Rule],
        progress: Progress,
    ) -> None:
        """
        `settings` are those that differ from the scenario's, per mechanism; `engine` is exact on
        any graph; `progress` hears of each slot.
        """
        rules = community.rules
        both = {
            name: dict(rules.settings.get(name, {})) | dict(settings.get(name, {}))
            for name in {*rules.settings, *settings}
        }
        self._community = replace(community, rules=replace(rules, settings=both))
        self._engine = engine
        self._progress = progress
        self._alone = grid_alone_bills(community)
        self._most: dict[tuple[object, ...], int] = {}
        self._references: dict[TradeGraph, Measures] = {}

    def result(self, kind: type[Rule]) -> DaysResult:
        """Return what a mechanism makes of the days."""
        is_benchmark = kind.name not in MECHANISMS
        settings = {} if is_benchmark else self._community.rules.settings.get(kind.name, {})
        empty = DaysResult(
            mechanism=kind.name,
            rule=kind.rule,
            graph=kind.graphs[0],
            settings=with_defaults(kind, settings),
        )
        try:
            community = under_mechanism(self._community, UNDER if is_benchmark else kind.name)
            empty = replace(empty, graph=community.rules.trade_graph)
            mechanism = rule_of(kind, {}) if is_benchmark else mechanism_of(community)
            started = perf_counter()
            plan, rounds = self._planned(community, mechanism, kind.name)
            empty = replace(empty, seconds=perf_counter() - started)
            return self._measured(community, mechanism, plan, rounds, empty)
        except OracleError as refusal:
            return replace(empty, refusal=str(refusal))

    def _planned(
        self, community: Community, mechanism: Rule, stage: str
    ) -> tuple[TradePlan, Sequence[Round]]:
        rounds: list[Round] = []
        slots = community.pv.shape[1]

        def observed(market_round: Round) -> Outcome:
            rounds.append(market_round)
            self._progress(stage, len(rounds), slots)
            return mechanism.clear(market_round)

        return plan_trades(community, observed), rounds

    def _measured(
        self,
        community: Community,
        mechanism: Rule,
        plan: TradePlan,
        rounds: Sequence[Round],
        empty: DaysResult,
    ) -> DaysResult:
        truth = _Truth(community, plan.rests)
        total, slot_welfare = NOTHING, 0
        crowd = [0] * len(rounds)
        for slot, (market_round, outcome) in enumerate(zip(rounds, plan.outcomes, strict=True)):
            if not market_round.orders:
                continue
            true_round = truth.of(slot, market_round)
            total += measured(mechanism, market_round, outcome.trades, true_round.orders)
            crowd[slot] = len(market_round.orders) if outcome.trades else 0
            slot_welfare += self._largest(true_round)
        busiest = max(range(len(rounds)), key=crowd.__getitem__)
        is_on_chain = empty.mechanism == community.rules.mechanism
        reference = self._reference_kind(empty.graph)
        if reference.name == empty.mechanism and _is_truthful(community):
            self._references[empty.graph] = total
        most = self._reference(empty.graph, reference)
        imported, exported = (
            sum(getattr(rest, which) for slot in plan.rests for rest in slot)
            for which in ("imported", "exported")
        )
        generated, used = int(community.pv.sum()), int(community.load.sum())
        return replace(
            empty,
            measures=total,
            most_welfare=most.welfare,
            most_volume=most.volume,
            slot_welfare=slot_welfare,
            reference=reference.name,
            orders=sum(len(market_round.orders) for market_round in rounds),
            trades=sum(len(outcome.trades) for outcome in plan.outcomes),
            self_consumption=(generated - exported) / generated if generated else None,
            self_sufficiency=(used - imported) / used if used else None,
            households=self._households(community, plan, rounds),
            busiest_slot=busiest,
            busiest=_alone(community, plan, busiest) if crowd[busiest] and is_on_chain else None,
        )

    def _reference_kind(self, graph: TradeGraph) -> type[Rule]:
        return Uniform if graph == COMMUNITY else self._engine

    def _reference(self, graph: TradeGraph, kind: type[Rule]) -> Measures:
        """Return what a mechanism of the largest welfare makes of a graph's days in truth."""
        if graph not in self._references:
            rules = replace(self._community.rules, mechanism=kind.name, trade_graph=graph)
            prosumers = tuple(
                replace(prosumer, strategy=TRUTHFUL.name, margin=Bps(0))
                for prosumer in self._community.prosumers
            )
            community = replace(self._community, rules=rules, prosumers=prosumers)
            mechanism = mechanism_of(community)
            plan, rounds = self._planned(community, mechanism, f"{kind.name}, for the shares")
            self._references[graph] = sum(
                (
                    measured(mechanism, market_round, outcome.trades)
                    for market_round, outcome in zip(rounds, plan.outcomes, strict=True)
                ),
                NOTHING,
            )
        return self._references[graph]

    def _largest(self, market_round: Round) -> int:
        one_pool = is_one_pool(market_round)
        key = (
            one_pool,
            tuple((o.kind, o.participant, o.energy, o.price) for o in market_round.orders if o),
            market_round.real_time_price,
        )
        if key not in self._most:
            self._most[key] = largest_welfare(market_round, rule_of(self._engine, {}))
        return self._most[key]

    def _households(
        self, community: Community, plan: TradePlan, rounds: Sequence[Round]
    ) -> tuple[Household, ...]:
        count = len(community.prosumers)
        paid, sold, bought = [0] * count, [0] * count, [0] * count
        for market_round, outcome in zip(rounds, plan.outcomes, strict=True):
            for trade in outcome.trades:
                seller, buyer = _pair(market_round, trade)
                paid[seller] -= trade.energy * trade.price
                paid[buyer] += trade.energy * (trade.price + trade.fee + trade.surplus)
                sold[seller] += trade.energy
                bought[buyer] += trade.energy
        return tuple(
            Household(
                name=prosumer.name,
                bill=MicroUsd(
                    bidding.grid_bill(community, [slot[number] for slot in plan.rests])
                    + -(-paid[number] // MICRO)
                ),
                grid_alone_bill=self._alone[number],
                sold=Wh(sold[number]),
                bought=Wh(bought[number]),
            )
            for number, prosumer in enumerate(community.prosumers)
        )


class _Truth:
    """The books of a plan at their owners' true limits."""

    def __init__(self, community: Community, rests: Sequence[Sequence[Rest]]) -> None:
        self._community = community
        self._rests = rests
        self._fees = numbered_fees(community)
        self._capacities = numbered_capacities(community)
        self._scores: Sequence[Bps] = initial_scores(community)
        self._is_stated = _is_truthful(community)

    def of(self, slot: int, market_round: Round) -> Round:
        """Return the round that truthful prosumers would have made of a slot."""
        if self._is_stated:
            return market_round
        community = self._community
        before = bidding.positions(community, slot, _states(community, self._rests, slot))
        book: Sequence[Order] = bidding.limits(community, slot, before, self._scores)
        price = market_round.real_time_price
        return round_of(tuple(book), self._fees, price, self._capacities)


def _is_truthful(community: Community) -> bool:
    return all(prosumer.strategy == TRUTHFUL.name for prosumer in community.prosumers)


def _states(
    community: Community, rests: Sequence[Sequence[Rest]], slot: int
) -> tuple[BatteryState, ...]:
    """Return the batteries before a slot."""
    if slot == 0:
        return bidding.initial_states(community)
    return tuple(rest.battery for rest in rests[slot - 1])


def _alone(community: Community, plan: TradePlan, slot: int) -> Community:
    """Return a community in one slot, with the batteries as the slots before left them."""
    prosumers = tuple(
        prosumer
        if prosumer.battery is None
        else replace(prosumer, battery=replace(prosumer.battery, initial_energy=state.stored))
        for prosumer, state in zip(
            community.prosumers, _states(community, plan.rests, slot), strict=True
        )
    )
    tariff = community.tariff
    here = slice(slot, slot + 1)
    return replace(
        community,
        prosumers=prosumers,
        rules=replace(community.rules, first_trading_slot=0, last_trading_slot=0),
        pv=community.pv[:, here],
        load=community.load[:, here],
        tariff=tariff
        and Tariff(import_price=tariff.import_price[here], export_price=tariff.export_price[here]),
        shortfalls=(),
    )


def _pair(market_round: Round, trade: Trade) -> tuple[int, int]:
    """Return the indices of seller and buyer in the community."""
    return (
        market_round.order(trade.offer).participant - 1,
        market_round.order(trade.bid).participant - 1,
    )
