"""What a run of a scenario leaves behind; `scripts` makes tables, summary.json and report of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from oracle.domain.record import PlannedOutcome
from oracle.domain.scenario import Scenario
from oracle.units import NO_MONEY, Bps, MicroUsd, MicroUsdPerMwh, Wh

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """One standing order of a slot as the chain recorded it."""

    slot: int  # index in the scenario, from 0
    participant: str
    side: str  # "offer" or "bid"
    energy: Wh
    limit_price: MicroUsdPerMwh  # lowest price of an offer; highest price plus fee of a bid
    reputation: Bps


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecord:
    """One trade; delivered and paid are None in a plan that was not settled."""

    slot: int  # index in the scenario, from 0
    seller: str
    buyer: str
    energy: Wh
    price: MicroUsdPerMwh
    lease_fee: MicroUsdPerMwh
    surplus: MicroUsdPerMwh = MicroUsdPerMwh(0)  # what the buyer pays besides
    delivered: Wh | None = None
    paid: MicroUsd | None = None  # by the buyer to the seller
    fee_paid: MicroUsd | None = None  # by the buyer to the line owner
    surplus_paid: MicroUsd | None = None  # by the buyer to the system operator
    compensation: MicroUsd | None = None  # by the seller's bond to the buyer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParticipantRecord:
    """What the day was worth to one prosumer; bills are positive when it pays."""

    name: str
    bill: MicroUsd  # trades, fees, compensations and the rest with the grid
    grid_alone_bill: MicroUsd  # the same day without trading
    bought: Wh
    sold: Wh
    delivered: Wh
    reputation: tuple[Bps, ...]  # score at the end of each slot, shape (T,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRecord:
    """The money check: deposits less withdrawals against the sum of all accounts."""

    deposited: MicroUsd
    withdrawn: MicroUsd
    in_accounts: MicroUsd
    token_balance: MicroUsd  # of the exchange, read from the token

    @property
    def difference(self) -> MicroUsd:
        """Zero, or money appeared or got lost."""
        return MicroUsd(
            abs(self.deposited - self.withdrawn - self.in_accounts)
            + abs(self.token_balance - self.in_accounts)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSlotRecord:
    """One entry of the StorageLedger."""

    slot: int  # index in the scenario, from 0
    charge: Wh
    discharge: Wh
    stored: Wh


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolvedColumns:
    """A solution as it left the solver: one value per column of its program, in order."""

    values: FloatArray
    objective_usd: float
    exclusive_slots: tuple[int, ...] = ()  # where integers of (7) and (8) were added


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoragePlan:
    """Dispatch of the shared storage; arrays of shape (T,)."""

    charge_mw: FloatArray
    discharge_mw: FloatArray
    stored_mwh: FloatArray
    cost_usd: float  # degradation, (24)
    profit_usd: float  # compensation − degradation + lease fees (+ arbitrage under tariffs)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitDispatch:
    """Real-time output of one thermal unit; arrays of shape (T,)."""

    name: str
    gross_mw: FloatArray
    net_mw: FloatArray
    capture_mw: FloatArray  # P_fix·u + P_op
    emitted_t: FloatArray  # after capture
    captured_t: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealTimeResult:
    """One optimised day of the power system, with or without sharing; arrays of shape (T,)."""

    total_cost_usd: float
    operation_cost_usd: float
    carbon_cost_usd: float
    co2_t: float
    demand_response_cost_usd: float
    wind_used_share: float
    unserved_mwh: float
    units: tuple[UnitDispatch, ...]
    wind_mw: FloatArray
    shifted_mw: dict[str, FloatArray]  # P_DR per demand-response load
    unserved_mw: FloatArray
    storage: StoragePlan | None
    p2p_cost_usd: float | None
    objective_usd: float  # what was minimised: the total cost with (23) piecewise linear
    build_s: float
    solve_s: float
    gap: float
    solved: SolvedColumns | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayAheadResult:
    """Unit commitment; `commitment` per unit, shape (24,), 0 or 1."""

    commitment: dict[str, npt.NDArray[np.int64]]
    gross_mw: dict[str, FloatArray]
    net_mw: dict[str, FloatArray]
    cost_usd: float
    triggered_slots: tuple[int, ...]  # 1-based slots where (18) holds
    build_s: float
    solve_s: float
    gap: float
    solved: SolvedColumns | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Everything the oracle computes off the chain for a scenario."""

    scenario: Scenario
    day_ahead: DayAheadResult | None = None
    without_sharing: RealTimeResult | None = None
    with_sharing: RealTimeResult | None = None
    storage: StoragePlan | None = None
    storage_solved: SolvedColumns | None = None  # where the storage was dispatched by itself
    trades: tuple[TradeRecord, ...] = ()
    outcomes: tuple[PlannedOutcome, ...] = ()  # per slot the same trades, with what proves them
    build_s: float = 0.0
    solve_s: float = 0.0
    gap: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunResult:
    """A scenario computed, traded and settled on a chain."""

    plan: Plan
    chain: str
    hardfork: str
    addresses: dict[str, str]
    slots_settled: int
    orders: tuple[OrderRecord, ...]
    trades: tuple[TradeRecord, ...]
    participants: tuple[ParticipantRecord, ...]
    storage: tuple[StorageSlotRecord, ...]
    lease_fees: MicroUsd
    surplus: MicroUsd = NO_MONEY  # what buyers paid besides price and fee, to the operator
    compensation_paid: MicroUsd  # by the system operator to the storage provider
    money: MoneyRecord
    gas: dict[str, list[int]] = field(default_factory=dict)  # function → gasUsed of each call
    seconds: float = 0.0
