"""The strategy `truthful`: the order's price is its limit."""

from oracle.strategies.strategy import Situation, Strategy
from oracle.units import MicroUsdPerMwh


def price(situation: Situation) -> MicroUsdPerMwh:
    return situation.limit


TRUTHFUL = Strategy(name="truthful", price=price)
