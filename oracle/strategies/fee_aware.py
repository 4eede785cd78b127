"""
The strategy `fee-aware`: a share of the room that the lease fee leaves.

    p = limit ± m · max(0, room − F),   F the least fee of its own routes                (B4)

Over a line of fee F, two whose limits are the grid's prices have import − export − F to share. Who
ignores F asks for a share of what is not there: two who keep half of their rooms then never meet.
So each takes the least fee among its own routes out of its room before it takes its share. Two of
such limits who are each other's nearest and keep at most half of that meet whenever both gain by
it; where a limit lies between the grid's prices they share less, and may miss each other.
"""

from oracle.strategies.strategy import Situation, Strategy
from oracle.units import BPS, Bps, MicroUsdPerMwh


def price(situation: Situation) -> MicroUsdPerMwh:
    """Return (B4), rounded towards the limit."""
    left = max(0, situation.room - situation.least_fee)
    return situation.price_at(situation.margin * left // BPS)


FEE_AWARE = Strategy(
    name="fee-aware",
    price=price,
    default_margin=Bps(2_000),
)
