"""What is told of rounds with as many prosumers, on one chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.bench.spread import spread

DATA = "synthetic"

# The parts of a round in their order, and what people read.
PARTS = {
    "sign_s": "owners sign orders",
    "post_s": "post the orders",
    "read_s": "read book and lines",
    "clear_off_chain_s": "clear and verify off the chain",
    "clear_tx_s": "clear on the chain",
    "meters_sign_s": "meters sign readings",
    "readings_s": "record the readings",
    "settle_s": "settle",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFigures:
    """One object of `wattline bench rounds --json`; times are medians of the runs, in seconds."""

    chain: str
    prosumers: int
    round_s: float
    round_s_least: float
    round_s_most: float
    rounds_per_s: float  # of the median
    sign_s: float
    post_s: float
    read_s: float
    clear_off_chain_s: float
    clear_tx_s: float
    meters_sign_s: float
    readings_s: float
    settle_s: float
    runs: int
    batch: int  # orders of a transaction
    transactions: int
    trades: int
    readings: int
    setup_s: float  # deployment, accounts and deposits, once
    hardfork: str
    seed: int
    data: str = DATA


def figures_of(
    rounds: Sequence[Mapping[str, float]],
    *,
    chain: str,
    prosumers: int,
    batch: int,
    transactions: int,
    trades: int,
    readings: int,
    setup_s: float,
    hardfork: str,
    seed: int,
) -> RoundFigures:
    """Return the figures of rounds, each the seconds of its parts; a round is the sum of them."""
    whole = spread([sum(one[part] for part in PARTS) for one in rounds])
    middle = {part: spread([one[part] for one in rounds]).median for part in PARTS}
    return RoundFigures(
        chain=chain,
        prosumers=prosumers,
        round_s=whole.median,
        round_s_least=whole.least,
        round_s_most=whole.most,
        rounds_per_s=round(1 / whole.median, 6),
        sign_s=middle["sign_s"],
        post_s=middle["post_s"],
        read_s=middle["read_s"],
        clear_off_chain_s=middle["clear_off_chain_s"],
        clear_tx_s=middle["clear_tx_s"],
        meters_sign_s=middle["meters_sign_s"],
        readings_s=middle["readings_s"],
        settle_s=middle["settle_s"],
        runs=whole.runs,
        batch=batch,
        transactions=transactions,
        trades=trades,
        readings=readings,
        setup_s=round(setup_s, 3),
        hardfork=hardfork,
        seed=seed,
    )
