"""
What a mechanism wants to read in an order: its price, and the terms besides.

Most mechanisms want the price that the owner's strategy states and no terms. One that wants more
has the class method `stated`.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from oracle.domain.book import Kind
from oracle.domain.community import Prosumer
from oracle.market.mechanism import Mechanism
from oracle.units import MicroUsdPerMwh, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a prosumer is about to order."""

    kind: Kind
    energy: Wh
    limit: MicroUsdPerMwh  # at which it gains nothing; of a bid with the lease fee
    price: MicroUsdPerMwh  # that its strategy states; never on the losing side of the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What its order says of that."""

    price: MicroUsdPerMwh
    terms: int = 0


@runtime_checkable
class WithTerms(Protocol):
    """A mechanism whose orders say more than a price."""

    @classmethod
    def stated(cls, prosumer: Prosumer, quote: Quote) -> Stated:
        """Return what an order with this quote says."""


def stated(mechanism: type[Mechanism], prosumer: Prosumer, quote: Quote) -> Stated:
    """Return what an order says for a mechanism."""
    if issubclass(mechanism, WithTerms):
        return mechanism.stated(prosumer, quote)
    return Stated(price=quote.price)
