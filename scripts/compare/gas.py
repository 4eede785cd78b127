"""What a mechanism costs on the chain: its busiest slot recorded, cleared and settled."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

from oracle.chain.chains import open_chain
from oracle.compare.days import DaysResult
from oracle.day import run_scenario
from oracle.domain.scenario import Scenario
from oracle.progress import Progress
from oracle.units import SLOT_SECONDS

CHAIN = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGas:
    """The gas of one slot, summed over the transactions of each stage; from receipts."""

    mechanism: str
    slot: int  # from 0
    orders: int
    trades: int
    record: int
    clear: int
    settle: int  # the readings' included
    chain: str
    hardfork: str


def slot_gas(scenario: Scenario, result: DaysResult, progress: Progress) -> SlotGas | None:
    """
    Return what a mechanism's busiest slot costs; None of a benchmark, or where nothing was traded.

    The slot is run alone, with the batteries as the days before left them.
    """
    community = result.busiest
    if community is None:
        return None
    alone = replace(
        scenario,
        first_slot=scenario.first_slot + timedelta(seconds=SLOT_SECONDS * result.busiest_slot),
        slot_count=1,
        community=community,
        power_system=None,
        storage=None,
    )
    with closing(open_chain(CHAIN)) as chain:
        run = run_scenario(alone, chain, progress=progress)

    def used(*stages: str) -> int:
        return sum(sum(used) for function, used in run.gas.items() if function.startswith(stages))

    return SlotGas(
        mechanism=result.mechanism,
        slot=result.busiest_slot,
        orders=len(run.orders),
        trades=len(run.trades),
        record=used("post", "commit", "reveal"),
        clear=used("clear"),
        settle=used("recordReadings", "settle"),
        chain=run.chain,
        hardfork=run.hardfork,
    )
