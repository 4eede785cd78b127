"""The community: prosumers, their lines, the market's rules; energies and prices are integers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.units import NO_MONEY, Bps, Meters, MicroUsd, MicroUsdPerMwh, MicroUsdPerMwhKm, Wh

IntArray = npt.NDArray[np.int64]

BatteryPolicy = Literal["idle", "self-consumption"]

TradeGraph = Literal["full", "community", "hybrid"]  # lines, one free pool, or both
FULL: TradeGraph = "full"
COMMUNITY: TradeGraph = "community"
HYBRID: TradeGraph = "hybrid"
BATTERY_POLICIES: tuple[BatteryPolicy, ...] = ("idle", "self-consumption")


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A prosumer's battery, MODEL.md (32) and (34)."""

    min_energy: Wh
    max_energy: Wh
    initial_energy: Wh
    efficiency: Bps  # η_b, one way, applied when charging
    charge_ratio: Bps  # θ of (34)
    max_energy_per_slot: Wh | None = None  # limit of its inverter; None = no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Prosumer:
    """A prosumer and its tastes, MODEL.md (12) and (13)."""

    name: str
    initial_reputation: Bps
    sale_cost: MicroUsdPerMwh  # c_s
    utility: MicroUsdPerMwh  # k
    saturation: Wh  # P_sat
    cost_weight: Bps  # w1; w2 = 1 − w1
    battery: Battery | None = None
    stores_purchases: bool = False  # buys for its battery too, within (34)
    max_sale: Wh | None = None  # P_max of (31), from its rating; None = the market's
    max_purchase: Wh | None = None  # limit of (35)
    strategy: str = "truthful"  # how it states its prices; oracle/strategies
    margin: Bps = Bps(0)  # of strategies that have one: share of what they may give away


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A leased line between two prosumers, or one and its manager, named by their indices."""

    first: int
    second: int  # or the index of a manager, see `manager_index`
    distance: Meters
    capacity: Wh | None = None  # in a slot, each way; None = no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLadder:
    """Lease price by distance, MODEL.md (11)."""

    base: MicroUsdPerMwhKm  # λ
    interval: Meters  # d
    growth: Bps  # α


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A prosumer delivers only part of what it sold in one slot."""

    prosumer: int  # index in the community
    slot: int  # index in the scenario, from 0
    delivered: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What the scenario's [market] table says, and our defaults."""

    mechanism: str
    battery_policy: BatteryPolicy
    first_trading_slot: int  # index from 0, included
    last_trading_slot: int  # index from 0, included
    min_trade: Wh
    max_trade: Wh
    floor_price: MicroUsdPerMwh
    real_time_price: MicroUsdPerMwh  # p_RT where there is no tariff
    bond_price: MicroUsdPerMwh  # locked per energy offered
    compensation_price: MicroUsdPerMwh  # paid per energy sold and not delivered
    reputation_memory: Bps  # λ of the reputation rule
    reputation_full_value: MicroUsd  # sold value of a slot that counts in full
    seal_bond: MicroUsd = NO_MONEY  # staked on an order of a sealed round; nothing for an open book
    challenge_minutes: int = 0  # for the grid operator to correct readings; none to settle at once
    trade_graph: TradeGraph = FULL
    settings: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)  # by mechanism


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """What the grid charges and pays; arrays of shape (T,), micro-USD/MWh."""

    import_price: IntArray
    export_price: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Community:
    """Prosumers with their profiles; `pv` and `load` have shape (prosumers, T), in Wh per slot."""

    prosumers: tuple[Prosumer, ...]
    lines: tuple[Line, ...]
    ladder: FeeLadder
    rules: MarketRules
    pv: IntArray
    load: IntArray
    tariff: Tariff | None = None
    shortfalls: tuple[Shortfall, ...] = field(default=())
    seed: int = 0  # of strategies that draw

    @property
    def routes(self) -> tuple[Line, ...]:
        """The lines that trades may take under the rules' trade graph."""
        if self.rules.trade_graph == COMMUNITY:
            return tuple(
                Line(first=index, second=manager_index(1), distance=Meters(0))
                for index in range(len(self.prosumers))
            )
        if self.rules.trade_graph == FULL:
            return tuple(line for line in self.lines if line.second < MAX_PARTICIPANTS)
        return self.lines


def manager_index(number: int) -> int:
    """Return the index of a manager among participants and managers; managers count from 1."""
    return MAX_PARTICIPANTS + number - 1


def nobody(slots: int) -> Community:
    """Return the community of a power system without prosumers."""
    nothing = np.zeros((0, slots), dtype=np.int64)
    return Community(
        prosumers=(),
        lines=(),
        ladder=FeeLadder(base=MicroUsdPerMwhKm(0), interval=Meters(1), growth=Bps(0)),
        rules=MarketRules(
            mechanism="pairwise-nash",
            battery_policy="idle",
            first_trading_slot=0,
            last_trading_slot=slots - 1,
            min_trade=Wh(0),
            max_trade=Wh(0),
            floor_price=MicroUsdPerMwh(0),
            real_time_price=MicroUsdPerMwh(0),
            bond_price=MicroUsdPerMwh(0),
            compensation_price=MicroUsdPerMwh(0),
            reputation_memory=Bps(0),
            reputation_full_value=MicroUsd(1),
        ),
        pv=nothing,
        load=nothing,
    )
