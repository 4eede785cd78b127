"""
Simulated prosumers and meters: what stands in for the outside world in runs and on a devnet.

Slots count from the scenario's first; after its last the profiles begin again. What the prosumers
do is a function of the scenario and of the trades so far, so whoever replays a chain's trades gets
the same orders.
"""

from collections.abc import Sequence
from dataclasses import replace

from eth_account.signers.local import LocalAccount

from oracle import bidding
from oracle.chain.market import SignedReading
from oracle.chain.signatures import Domain, sign_reading
from oracle.domain.book import Order, Trade
from oracle.domain.community import Community
from oracle.model.prosumers import Position, Rest
from oracle.plan import numbered_fees
from oracle.units import BPS, Bps, Slot, Wh


class Prosumers:
    """The prosumers of a community and their batteries; slots come in their order."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._slots = int(community.pv.shape[1])
        self._states = bidding.initial_states(community)
        self._agents = bidding.agents(community, numbered_fees(community))
        self._standing: dict[int, tuple[Position, ...]] = {}  # from before trading to settlement

    def stand(self, slot: int) -> None:
        """Let the batteries do what they do before a slot's trades."""
        self._standing[slot] = bidding.positions(self._community, self._index(slot), self._states)

    def orders(self, slot: int, scores: Sequence[Bps]) -> list[Order]:
        """Return what they order for a slot that they stand in, by their numbers."""
        index, before = self._index(slot), self._standing[slot]
        at_limits = bidding.limits(self._community, index, before, scores)
        return bidding.orders(self._community, index, at_limits, self._agents)

    def cleared(
        self, slot: int, book: Sequence[Order], trades: Sequence[Trade]
    ) -> tuple[Rest, ...]:
        """Take note of a slot's trades: the batteries go on, and who learns has learnt."""
        before = self._standing[slot]
        self._agents.learn(book, trades)
        full = [trade.with_delivered(trade.energy) for trade in trades]
        traded = bidding.energies(self._community, book, full)
        rests = bidding.rests(self._community, before, _within(before, traded))
        self._states = tuple(rest.battery for rest in rests)
        return rests

    def settled(
        self, slot: int, book: Sequence[Order], trades: Sequence[Trade]
    ) -> tuple[Rest, ...]:
        """Return what the deliveries of a slot left to the grid, and forget the slot."""
        before = self._standing.pop(slot)
        return bidding.rests(
            self._community, before, bidding.energies(self._community, book, trades)
        )

    def forget(self, slot: int) -> None:
        """Forget a slot of which nothing more will be asked."""
        self._standing.pop(slot, None)

    def delivered(self, slot: int, sold: dict[int, Wh]) -> dict[int, Wh]:
        """
        Return what the sellers' meters say, by their numbers.

        All that was sold, or less where a shortfall is; never more than there was to sell.
        """
        index, before = self._index(slot), self._standing[slot]
        short = {(s.prosumer + 1, s.slot): s.delivered for s in self._community.shortfalls}
        return {
            number: Wh(
                min(
                    energy * short.get((number, index), BPS) // BPS,
                    before[number - 1].surplus,
                )
            )
            for number, energy in sorted(sold.items())
        }

    def _index(self, slot: int) -> int:
        return slot % self._slots


def sold_in(book: Sequence[Order], trades: Sequence[Trade]) -> dict[int, Wh]:
    """Return what each seller of a slot sold, by its number."""
    sold: dict[int, Wh] = {}
    for trade in trades:
        seller = book[trade.offer].participant
        sold[seller] = Wh(sold.get(seller, 0) + trade.energy)
    return sold


def signed_readings(
    meters: Sequence[LocalAccount], domain: Domain, slot: Slot, delivered: dict[int, Wh]
) -> list[SignedReading]:
    """Return the readings of a slot on the chain, signed by the meters of the participants."""
    return [
        SignedReading(
            participant=number,
            energy=energy,
            signature=sign_reading(
                meters[number - 1], domain, slot=slot, participant=number, energy=energy
            ),
        )
        for number, energy in delivered.items()
    ]


def _within(before: Sequence[Position], traded: bidding.SlotEnergies) -> bidding.SlotEnergies:
    """Cut trades to what prosumers have and can use: people trade what no simulation would."""
    return replace(
        traded,
        sold=tuple(Wh(min(e, b.surplus)) for e, b in zip(traded.sold, before, strict=True)),
        bought=tuple(
            Wh(min(e, b.deficit + b.storable)) for e, b in zip(traded.bought, before, strict=True)
        ),
    )
