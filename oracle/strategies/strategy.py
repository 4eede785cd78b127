"""
The interface of a bidding strategy: how a prosumer states its price, knowing its limit.

An order trades at its price or better. What a strategy may give away is the *room* between the
limit, at which its owner gains nothing, and the price at which the grid would do as well:

    offer   limit ≤ price ≤ import price          bid   export price ≤ price ≤ limit

Where the limit is beyond the grid's price there is no room, and the price is the limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from oracle.domain.book import Kind
from oracle.units import Bps, MicroUsdPerMwh, Wh

DRAW_BITS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a prosumer knows when it states the price of an order."""

    name: str  # of the prosumer
    slot: int  # index in the scenario, from 0
    seed: int  # of the scenario
    kind: Kind
    limit: MicroUsdPerMwh  # lowest price of an offer; highest price of a bid, with its fee
    grid_price: MicroUsdPerMwh  # import price where it sells, export price where it buys
    least_fee: MicroUsdPerMwh  # of its routes to others; 0 where it has none
    margin: Bps  # share of the room, as the scenario says or as it has learnt

    @property
    def room(self) -> int:
        """How far the price may be from the limit, in micro-USD/MWh; at least 0."""
        is_offer = self.kind is Kind.OFFER
        return max(0, self.grid_price - self.limit if is_offer else self.limit - self.grid_price)

    def price_at(self, distance: int) -> MicroUsdPerMwh:
        """Return the price that far from the limit, on the side on which its owner gains."""
        return MicroUsdPerMwh(
            self.limit + distance if self.kind is Kind.OFFER else self.limit - distance
        )

    def drawn(self, most: int) -> int:
        """
        Return a number of 0 … `most`, all alike, from seed, name and slot alone.

        A hash and not a generator: its numbers are the same with every release of a library, and
        an order is drawn without those before it. The bias is below 2⁻²⁰⁰.
        """
        digest = sha256(f"{self.seed}/{self.name}/{self.slot}".encode()).digest()
        return int.from_bytes(digest, "big") * (most + 1) >> DRAW_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What came of an order in a cleared slot."""

    ordered: Wh
    traded: Wh


def unmoved(margin: Bps, fill: Fill) -> Bps:
    """Return the margin of who learns nothing."""
    return margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A strategy; `learn` returns the margin of the next order of that kind."""

    name: str
    price: Callable[[Situation], MicroUsdPerMwh]
    learn: Callable[[Bps, Fill], Bps] = unmoved
    default_margin: Bps | None = None  # None where it has no margin
