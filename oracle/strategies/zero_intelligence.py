"""
The strategy `zero-intelligence`: any price at which its owner does not lose, all alike (B2).

The traders ZI-C of Gode and Sunder, "Allocative efficiency of markets with zero-intelligence
traders", Journal of Political Economy 101(1), 1993: uniform between the limit and the end of the
price range. The range's end is ours: beyond the grid's price nobody would trade.
"""

from oracle.strategies.strategy import Situation, Strategy
from oracle.units import MicroUsdPerMwh


def price(situation: Situation) -> MicroUsdPerMwh:
    return situation.price_at(situation.drawn(situation.room))


ZERO_INTELLIGENCE = Strategy(
    name="zero-intelligence",
    price=price,
)
