"""
The strategy `adaptive`: a share of the room, more after an order that was filled, less after one
that nobody took.

Its margin goes up by one step where all was traded, down by one where nothing was, and stays where
a part was; between none and all of the room. Sellers and buyers of one prosumer learn apart. That
is the rule of thumb of Cliff and Bruten, "Minimal-intelligence agents for bargaining behaviors in
market-based environments" (Hewlett-Packard Laboratories HPL-97-91, 1997), without their learning
rates and momentum: in a sealed call market there are no shouts of others to learn from.
"""

from oracle.strategies import fixed_margin
from oracle.strategies.strategy import Fill, Strategy
from oracle.units import BPS, Bps

STEP = 500  # basis points


def learn(margin: Bps, fill: Fill) -> Bps:
    if fill.traded == fill.ordered:
        return Bps(min(BPS, margin + STEP))
    return Bps(max(0, margin - STEP)) if fill.traded == 0 else margin


ADAPTIVE = Strategy(
    name="adaptive",
    rule="keeps a share of the room that grows with every order filled and shrinks with every one "
    "that nobody took",
    price=fixed_margin.price,
    learn=learn,
    default_margin=Bps(2_000),
)
