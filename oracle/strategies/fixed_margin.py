"""
The strategy `fixed-margin`: a share of the room, always the same.

    p = limit ± m · room                                                                 (B1)
"""

from oracle.strategies.strategy import Situation, Strategy
from oracle.units import BPS, Bps, MicroUsdPerMwh


def price(situation: Situation) -> MicroUsdPerMwh:
    """Return (B1), rounded towards the limit."""
    return situation.price_at(situation.margin * situation.room // BPS)


FIXED_MARGIN = Strategy(
    name="fixed-margin",
    price=price,
    default_margin=Bps(2_000),
)
