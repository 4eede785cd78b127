"""The measures of a round in the order in which people read them, each with floor and budget."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.bench.gas.community import Shape
from scripts.bench.gas.figures import GasFigures
from scripts.bench.gas.rivals import BATCH_BUDGET, CLEAR_SETTLE_BUDGETS, OWN_BUDGET, Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure per order."""

    label: str
    gas: Callable[[GasFigures], int]
    floor: Callable[[GasFigures], int]
    budgets: dict[Shape, Budget] | None = None

    def budget(self, shape: Shape) -> Budget | None:
        return self.budgets[shape] if self.budgets else None

    def is_met(self, figures: GasFigures) -> bool | None:
        """Return whether the budget is kept; None where there is none."""
        budget = self.budget(figures.shape)
        if budget is None or figures.orders < budget.from_orders:
            return None
        return self.gas(figures) <= budget.gas


CLEAR_SETTLE = Measure(
    label="clear + settle",
    gas=lambda one: one.clear_settle_gas_per_order,
    floor=lambda one: one.floor_gas_per_order,
    budgets=CLEAR_SETTLE_BUDGETS,
)
OWN = Measure(
    label="own transaction",
    gas=lambda one: one.record_own_gas,
    floor=lambda one: one.record_own_floor_gas,
    budgets={"one-to-one": OWN_BUDGET, "dense": OWN_BUDGET},
)
IN_BATCH = Measure(
    label="in a batch of 100",
    gas=lambda one: one.record_batch_gas_per_order,
    floor=lambda one: one.record_batch_floor_gas_per_order,
    budgets={"one-to-one": BATCH_BUDGET, "dense": BATCH_BUDGET},
)
MEASURES = (
    OWN,
    IN_BATCH,
    Measure(
        label="readings",
        gas=lambda one: one.readings_gas_per_order,
        floor=lambda one: one.readings_floor_gas_per_order,
    ),
    CLEAR_SETTLE,
    Measure(
        label="with the readings",
        gas=lambda one: one.clear_settle_with_readings_gas_per_order,
        floor=lambda one: one.clear_settle_with_readings_floor_gas_per_order,
    ),
    Measure(
        label="void",
        gas=lambda one: one.void_gas_per_order,
        floor=lambda one: one.void_floor_gas_per_order,
    ),
)
TERMS: dict[str, Callable[[GasFigures], int]] = {
    "two transactions": lambda one: one.clear_settle_transaction_gas,
    "calldata": lambda one: one.clear_settle_calldata_gas,
    "logs": lambda one: one.clear_settle_log_gas,
    "storage": lambda one: one.clear_settle_word_gas,
    "computing": lambda one: one.clear_settle_computing_gas,
}
DATA_NOTE = (
    "Prosumers on a ring, sellers and buyers in turn, 8 lines each to the 4 neighbours on either "
    "side, so 4 between a seller and buyers; all from a fixed seed."
)
NOTES = (
    "Gas per order from receipts, rounded up. Own transaction: an order that is neither the first "
    "of its slot nor the first of its account, the mean of up to 99. Readings: signed by each "
    "seller's meter, recorded by a stranger; clear + settle after that; with the readings: settle "
    "checks them itself.",
    "Floor: the chain's price list for the calldata and logs as sent, 21,000 a transaction, one "
    "changed word for two accounts and those of the slot, 3,100 a signature; computing is free in "
    "it. Budgets (≤) of batches, clearing and settling hold from 100 orders on.",
)
