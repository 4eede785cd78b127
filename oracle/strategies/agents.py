"""
The prosumers of a community as agents: what each states, and what it has learnt.

What they have learnt follows from the books and trades of the slots that were cleared, which the
chain keeps: whoever replays those, after an interruption or in an audit, gets the same orders. A
slot that was voided teaches nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from oracle.domain.book import Kind, Order, Trade, live_orders
from oracle.domain.community import Community
from oracle.strategies.registry import STRATEGIES
from oracle.strategies.strategy import Fill, Situation
from oracle.units import MicroUsdPerMwh, Wh


class Agents:
    """The state is a margin per prosumer and kind of order."""

    def __init__(self, community: Community, least_fees: Mapping[int, MicroUsdPerMwh]) -> None:
        """`least_fees` maps a participant's number to the least fee of its routes."""
        self._prosumers = community.prosumers
        self._seed = community.seed
        self._least_fees = least_fees
        self._strategies = [STRATEGIES[prosumer.strategy] for prosumer in community.prosumers]
        self._margins = {
            (number, kind): prosumer.margin
            for number, prosumer in enumerate(community.prosumers, start=1)
            for kind in (Kind.OFFER, Kind.BID)
        }

    def price(self, slot: int, limit: Order, grid_price: MicroUsdPerMwh) -> MicroUsdPerMwh:
        """Return the price that is stated in an order of this limit, for a slot from 0."""
        number = limit.participant
        situation = Situation(
            name=self._prosumers[number - 1].name,
            slot=slot,
            seed=self._seed,
            kind=limit.kind,
            limit=limit.price,
            grid_price=grid_price,
            least_fee=self._least_fees.get(number, MicroUsdPerMwh(0)),
            margin=self._margins[number, limit.kind],
        )
        return self._strategies[number - 1].price(situation)

    def learn(self, book: Sequence[Order], trades: Sequence[Trade]) -> None:
        """Take note of a cleared slot; slots come in their order."""
        traded: Counter[int] = Counter()
        for trade in trades:
            traded[trade.offer] += trade.energy
            traded[trade.bid] += trade.energy
        for position, order in enumerate(live_orders(tuple(book))):
            if order is None:
                continue
            key = order.participant, order.kind
            fill = Fill(ordered=order.energy, traded=Wh(traded[position]))
            learn = self._strategies[order.participant - 1].learn
            self._margins[key] = learn(self._margins[key], fill)
