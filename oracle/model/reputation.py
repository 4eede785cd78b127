"""
Reputation: score and forgetting; reference of contracts/libraries/ReputationLib.sol.

    r ← (1 − w (1 − λ)) r + w q,   s ← (1 − w (1 − λ)) s + w,   score = (r + 1) / (s + 2)    (R1)

with q the delivered share of the energy sold in a slot and w its sold value over the value that
counts in full, at most 1; at w = 1 this is r ← λ r + q, s ← λ s + 1. (R1) is ours. Forgetting is
weighted too, so that worthless trades cannot wash a bad record away. r and s are integers in units
of 1 / ONE; every division rounds down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oracle.domain.book import Trade
from oracle.units import BPS, Bps, MicroUsd, Wh, amount_down

ONE = 1 << 15
MAX_MEMORY = Bps(9600)  # above it the sums would not fit their 20 bits


@dataclass(frozen=True, slots=True)
class Reputation:
    """The two sums of (R1), in 1 / ONE."""

    r: int = 0
    s: int = 0

    @property
    def score(self) -> Bps:
        return Bps((self.r + ONE) * BPS // (self.s + 2 * ONE))


def initial_reputation(score: Bps, memory: Bps) -> Reputation:
    """Return a long record of the given score, or none where the score is zero."""
    if score == 0:
        return Reputation()
    s = ONE * BPS // (BPS - memory)
    r = -(-score * (s + 2 * ONE) // BPS) - ONE
    return Reputation(min(max(r, 0), s), s)


def weight_down(sold_value: MicroUsd, full_value: MicroUsd) -> Bps:
    """Return w, the weight of a slot."""
    return Bps(BPS if sold_value >= full_value else sold_value * BPS // full_value)


def updated(
    reputation: Reputation, *, memory: Bps, weight: Bps, delivered: Wh, sold: Wh
) -> Reputation:
    """Return the reputation after a slot in which `delivered` of `sold` > 0 came, (R1)."""
    keep = BPS * BPS - weight * (BPS - memory)
    return Reputation(
        reputation.r * keep // (BPS * BPS) + weight * ONE * delivered // (BPS * sold),
        reputation.s * keep // (BPS * BPS) + weight * ONE // BPS,
    )


def after_sale(
    reputation: Reputation,
    trades: Sequence[Trade],
    *,
    is_slashed: bool,
    memory: Bps,
    full_value: MicroUsd,
) -> Reputation:
    """
    Return a seller's reputation after a slot, by its trades with buyers of no group of its own.

    Nothing counts as delivered where its meter was found to overstate.
    """
    if not trades:
        return reputation
    value = MicroUsd(sum(amount_down(trade.energy, trade.price) for trade in trades))
    return updated(
        reputation,
        memory=memory,
        weight=weight_down(value, full_value),
        delivered=Wh(0 if is_slashed else sum(trade.delivered for trade in trades)),
        sold=Wh(sum(trade.energy for trade in trades)),
    )
