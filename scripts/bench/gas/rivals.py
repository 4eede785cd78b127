"""What others need for the same, and the budgets that we set ourselves."""

from dataclasses import dataclass

from scripts.bench.gas.community import Shape

SOURCE = (
    "Measured: the project's contracts, compiled and run on py-evm under London rules; otherwise "
    "as the row says. The cap of a transaction is 16.8 M gas."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What a system needs to record an order and to clear."""

    system: str
    recording: str
    clearing: str
    source: str


RIVALS = (
    Rival(
        system="lemlab",
        recording="220k an order",
        clearing="32 M / 98 M / 221 M for 50 / 100 / 200 positions",
        source="measured",
    ),
    Rival(
        system="TRANSAX",
        recording="52k an order",
        clearing="137k to 191k a trade, one transaction each",
        source="measured",
    ),
    Rival(
        system="zk netting (TU Berlin)",
        recording="–",
        clearing="about 220k a household",
        source="their plot",
    ),
    Rival(
        system="Gnosis dFusion",
        recording="–",
        clearing="about 4 M for 25 orders",
        source="measured",
    ),
    Rival(
        system="CoW settlement",
        recording="–",
        clearing="65.7k a marginal trade",
        source="their benchmark, 2021",
    ),
    Rival(
        system="Loopring roll-up",
        recording="–",
        clearing="450 a trade at 2,048 trades a block",
        source="their design note",
    ),
    Rival(
        system="naive storage in three transactions",
        recording="118k an order",
        clearing="218k; 453k a trade in all",
        source="measured",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit per order that holds from so many orders on."""

    gas: int
    from_orders: int = 0


OWN_BUDGET = Budget(gas=40_000)
BATCH_BUDGET = Budget(gas=13_000, from_orders=100)  # of a full batch
CLEAR_SETTLE_BUDGETS: dict[Shape, Budget] = {
    "one-to-one": Budget(gas=13_000, from_orders=100),
    "dense": Budget(gas=14_000, from_orders=100),
}
