"""What a clearing comes to, whoever made it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isclose

from oracle.domain.book import Kind
from oracle.market.mechanism import Round

PICO = 1e12  # micro-USD/MWh times Wh are pico-USD
TOLERANCE = 1e-6  # relative, for algorithms that compute in floats

Flow = tuple[int, int, float]  # positions of offer and bid, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Energy sold, its worth to all together after fees, the fees, and the number of trades."""

    volume_wh: float
    welfare_usd: float
    fees_usd: float
    trades: int

    def agrees(self, other: "Sums", names: Iterable[str]) -> bool:
        """Return whether these of the sums are the other's too."""
        return all(
            isclose(getattr(self, name), getattr(other, name), rel_tol=TOLERANCE) for name in names
        )


def sums_of(market_round: Round, flows: Iterable[Flow]) -> Sums:
    """Return what energies between offers and bids come to; a line's fee is its edge's."""
    fees = {(edge.offer, edge.bid): edge.fee for edge in market_round.edges}
    volume, welfare, paid, trades = 0.0, 0.0, 0.0, 0
    for offer, bid, energy in flows:
        fee = fees.get((offer, bid), 0)
        gain = market_round.order(bid).price - market_round.order(offer).price - fee
        volume += energy
        welfare += gain * energy
        paid += fee * energy
        trades += 1
    return Sums(volume_wh=volume, welfare_usd=welfare / PICO, fees_usd=paid / PICO, trades=trades)


def sums_of_sides(market_round: Round, filled: Iterable[tuple[int, float]]) -> Sums:
    """Return what energies by order come to, where all meet in one free pool; fills are trades."""
    bought, welfare, trades = 0.0, 0.0, 0
    for position, energy in filled:
        order = market_round.order(position)
        sign = 1 if order.kind is Kind.BID else -1
        bought += energy if sign > 0 else 0.0
        welfare += sign * order.price * energy
        trades += 1
    return Sums(volume_wh=bought, welfare_usd=welfare / PICO, fees_usd=0.0, trades=trades)
