"""
The strategy `adaptive`: a share of the room, more after an order that was filled, less after one
that nobody took.

    m ← min(1, m + 1/20) after a full fill, max(0, m − 1/20) after none, else m          (B3)

The price is (B1). What a prosumer learns as a seller it does not use as a buyer. The idea is from
Cliff and Bruten, "Minimal-intelligence agents for bargaining behaviors in market-based
environments" (Hewlett-Packard Laboratories, HPL-97-91, 1997), without their learning rate and
momentum: a market that clears once a slot has no shouts of others to move towards.
"""

from oracle.strategies import fixed_margin
from oracle.strategies.strategy import Fill, Strategy
from oracle.units import BPS, Bps

STEP = 500  # basis points


def learn(margin: Bps, fill: Fill) -> Bps:
    """Return the margin of the next order of that kind, (B3)."""
    if fill.traded == fill.ordered:
        return Bps(min(BPS, margin + STEP))
    return Bps(max(0, margin - STEP)) if fill.traded == 0 else margin


ADAPTIVE = Strategy(
    name="adaptive",
    price=fixed_margin.price,
    learn=learn,
    default_margin=Bps(2_000),
)
