"""The strategy `fixed-margin`: a share of the room, always the same."""

from oracle.strategies.strategy import Situation, Strategy
from oracle.units import BPS, Bps, MicroUsdPerMwh


def price(situation: Situation) -> MicroUsdPerMwh:
    """Return limit ± margin · room, rounded towards the limit."""
    return situation.price_at(situation.margin * situation.room // BPS)


FIXED_MARGIN = Strategy(
    name="fixed-margin",
    rule="keeps a fixed share of the room between its limit and the grid's price",
    price=price,
    default_margin=Bps(2_000),
)
