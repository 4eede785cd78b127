"""
The audit of a dispatch: trades proved by their certificates, programs rebuilt from the scenario.

Nothing is solved. The scenario's own data make every program anew; the exported solution must fit
each row and limit, cost what it says, and its dual values must prove the bound by weak duality, and
one that is not far away.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose

import numpy as np

from oracle import bidding
from oracle.audit.duality import (
    INTEGER_GAP,
    LINEAR_GAP,
    first_violation,
    gap,
    is_close,
    lower_bound,
    objective,
)
from oracle.domain.record import DispatchRecord, Optimisation
from oracle.domain.results import SolvedColumns
from oracle.domain.scenario import Scenario
from oracle.errors import ContractRevert, Divergence
from oracle.market.mechanism import Outcome, Round
from oracle.model.storage import OVERLAP_TOLERANCE_MW
from oracle.plan import DAY_AHEAD, STORAGE, TradePlan, mechanism_of, plan_trades, programs_of
from oracle.program import Matrix

FILE = "dispatch.json"
DIGITS = 1e-9  # another machine's libraries may round the scenario's data otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How good an optimisation is proved to be; `limit` is what its gap may be."""

    name: str
    objective_usd: float
    bound_usd: float
    gap: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchAudit:
    """How much of what was checked, what was proved, and the rounds of the plan, one per slot."""

    checked: Counter[str]
    proofs: tuple[Proof, ...]
    rounds: tuple[Round, ...]


def audit_dispatch(
    scenario: Scenario, record: DispatchRecord, *, integer_gap: float = INTEGER_GAP
) -> DispatchAudit:
    """
    Check a dispatch against its scenario.

    `integer_gap` is the largest gap, relative, of an optimisation with integers.

    Raises
    ------
    Divergence
        At the first trade, column, row, objective, bound or gap that is not right.
    """
    checked: Counter[str] = Counter()
    rounds: list[Round] = []
    traded = _trades(scenario, record, checked, rounds)
    proofs = []
    stated = {one.name: one for one in record.optimisations}
    solutions = {one.name: _solved(one) for one in record.optimisations}
    names = []
    for name, program in programs_of(scenario, traded, solutions):
        one = stated.get(name)
        if one is None:
            raise _fault(name, "expected this optimisation, came none")
        matrix = program.matrix()
        limit = integer_gap if any(matrix.integer) else LINEAR_GAP
        proofs.append(_check(one, matrix, limit, checked))
        _check_overlaps(scenario, one)
        names.append(name)
    came = [one.name for one in record.optimisations]
    if came != names:
        raise Divergence(f"{FILE} optimisations", f"expected {names}, came {came}")
    return DispatchAudit(checked=checked, proofs=tuple(proofs), rounds=tuple(rounds))


def _trades(
    scenario: Scenario, record: DispatchRecord, checked: Counter[str], rounds: list[Round]
) -> TradePlan | None:
    """Return the planned trades, each slot's proved by its certificate; add their rounds."""
    slots = 0 if scenario.community is None else scenario.slot_count
    if len(record.outcomes) != slots:
        raise Divergence(
            f"{FILE} trades",
            f"expected {slots} slots, came {len(record.outcomes)}",
            slot=min(slots, len(record.outcomes)) + 1,
        )
    if scenario.community is None:
        return None
    mechanism = mechanism_of(scenario.community)
    outcomes: Iterator[tuple[int, Outcome]] = enumerate(
        Outcome(trades=one.trades, certificate=one.certificate) for one in record.outcomes
    )

    def clear(market_round: Round) -> Outcome:
        slot, outcome = next(outcomes)
        if record.outcomes[slot].slot != slot:
            raise Divergence(
                f"{FILE} trades",
                f"slot: expected {slot + 1}, came {record.outcomes[slot].slot + 1}",
                slot=slot + 1,
            )
        try:
            mechanism.verify(market_round, outcome)
        except (ContractRevert, IndexError) as refusal:
            raise Divergence(f"{FILE} trades", str(refusal), slot=slot + 1) from refusal
        checked["planned trades"] += len(outcome.trades)
        rounds.append(market_round)
        return outcome

    return plan_trades(scenario.community, clear)


def _solved(one: Optimisation) -> SolvedColumns:
    return SolvedColumns(
        values=np.array(list(one.columns.values()), dtype=np.float64),
        objective_usd=one.objective_usd,
        exclusive_slots=one.exclusive_slots,
    )


def _check(one: Optimisation, matrix: Matrix, limit: float, checked: Counter[str]) -> Proof:
    _same_names(one.name, "columns", matrix.columns, list(one.columns))
    _same_names(one.name, "rows", matrix.rows, list(one.duals))
    values, duals = list(one.columns.values()), list(one.duals.values())
    broken = first_violation(matrix, values)
    if broken is not None:
        name, how = broken
        raise _fault(one.name, f"{name}: {how}", place=name)
    cost, bound = objective(matrix, values), lower_bound(matrix, duals)
    for what, expected, came in (
        ("objective_usd", cost, one.objective_usd),
        ("bound_usd", bound, one.bound_usd),
        ("gap", gap(cost, bound), one.gap),
    ):
        if not isclose(expected, came, rel_tol=DIGITS, abs_tol=DIGITS):
            raise _fault(one.name, f"{what}: expected {expected!r}, came {came!r}")
    if not is_close(cost, bound, limit):
        raise _fault(one.name, f"gap: expected at most {limit:g}, came {gap(cost, bound)!r}")
    checked["dispatch optimisations"] += 1
    checked["dispatch columns"] += len(values)
    checked["dispatch rows and duals"] += len(duals)
    return Proof(
        name=one.name, objective_usd=cost, bound_usd=bound, gap=gap(cost, bound), limit=limit
    )


def _check_overlaps(scenario: Scenario, one: Optimisation) -> None:
    """
    Let the storage not charge and discharge at once, as (7) and (8) say.

    The linear program that is solved in their place allows it; against the tariff it costs nothing
    where the export price is not below zero, and is taken out of the plan.
    """
    for slot in range(scenario.slot_count):
        charge = one.columns.get(f"charge_mw_{slot}", 0.0)
        discharge = one.columns.get(f"discharge_mw_{slot}", 0.0)
        if min(charge, discharge) <= OVERLAP_TOLERANCE_MW:
            continue
        community = scenario.community if one.name == STORAGE else None
        if community is None or bidding.grid_prices(community, slot)[1] < 0:
            name = f"discharge_mw_{slot}"
            what = f"expected 0 while charge_mw_{slot} is {charge!r}, came {discharge!r}"
            raise _fault(one.name, f"{name}: {what}", place=name)


def _same_names(name: str, what: str, expected: tuple[str, ...], came: list[str]) -> None:
    if list(expected) == came:
        return
    for one, other in zip(expected, came, strict=False):
        if one != other:
            raise _fault(name, f"{what}: expected {one}, came {other}", place=one)
    raise _fault(name, f"{what}: expected {len(expected)}, came {len(came)}")


def _fault(name: str, what: str, *, place: str = "") -> Divergence:
    return Divergence(f"{FILE} {name}", what, slot=_slot_of(name, place))


def _slot_of(name: str, place: str) -> int | None:
    """
    Return the slot that a column or row is about, counted from 1; of an hour its first slot.

    Names end in the slot, in unit and slot, or in unit, slot and segment.
    """
    numbers = [int(number) for number in re.findall(r"_(\d+)(?=_|$)", place)]
    if not numbers:
        return None
    position = numbers[1] if len(numbers) > 1 else numbers[0]
    return 4 * position + 1 if name == DAY_AHEAD else position + 1
