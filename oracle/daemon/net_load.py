"""
What a community will draw from the grid in the slots to come.

Its trades cancel in that, but for what they make batteries store. So the batteries are followed
from the scenario's first slot on, through the trades that the chain has cleared; in slots that are
not cleared yet, through the trades that are planned, as far as the batteries still allow them.
Energy that somebody has traded and does not have, or does not need, is the grid's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle import bidding
from oracle.daemon.desk import ClearedSlot
from oracle.domain.community import Community
from oracle.domain.results import TradeRecord
from oracle.model.prosumers import BatteryState, Position
from oracle.units import Slot, Wh, mw_from_wh_per_slot

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traded:
    """Energy per prosumer that a slot's trades sell and buy."""

    sold: tuple[int, ...]
    bought: tuple[int, ...]


class NetLoad:
    """Follows one community from the chain's `first_slot` on; its profiles repeat for ever."""

    def __init__(
        self, community: Community, planned: Sequence[TradeRecord], first_slot: Slot
    ) -> None:
        self._community = community
        self._first_slot = first_slot
        self._count = community.pv.shape[1]
        self._planned = _by_slot(community, planned)
        self._past = [bidding.initial_states(community)]  # at the start of each slot

    def forecast_mw(
        self, slot: Slot, count: int, cleared: Mapping[Slot, ClearedSlot]
    ) -> FloatArray:
        """Return the net load of `count` slots from one on, shape (count,), positive = import."""
        states, loads = self._states_before(slot, cleared), []
        for ahead in (Slot(slot + k) for k in range(count)):
            states, net = self._step(ahead, states, cleared.get(ahead))
            loads.append(mw_from_wh_per_slot(Wh(net)))
        return np.array(loads, dtype=np.float64)

    def _states_before(
        self, slot: Slot, cleared: Mapping[Slot, ClearedSlot]
    ) -> tuple[BatteryState, ...]:
        while len(self._past) <= slot - self._first_slot:
            over = Slot(self._first_slot + len(self._past) - 1)
            trades = cleared.get(over, ClearedSlot(book=(), trades=()))
            self._past.append(self._step(over, self._past[-1], trades)[0])
        return self._past[slot - self._first_slot]

    def _step(
        self, slot: Slot, states: tuple[BatteryState, ...], cleared: ClearedSlot | None
    ) -> tuple[tuple[BatteryState, ...], int]:
        """Return the batteries after a slot, and the energy taken from the grid in it."""
        index = (slot - self._first_slot) % self._count
        before = bidding.positions(self._community, index, states)
        traded = self._planned[index] if cleared is None else self._of(cleared)
        sold = [min(one, of.surplus) for one, of in zip(traded.sold, before, strict=True)]
        bought = [min(one, _need(of)) for one, of in zip(traded.bought, before, strict=True)]
        energies = bidding.SlotEnergies(sold=tuple(map(Wh, sold)), bought=tuple(map(Wh, bought)))
        rests = bidding.rests(self._community, before, energies)
        net = sum(rest.imported - rest.exported for rest in rests)
        net += sum(traded.sold) - sum(sold) - sum(traded.bought) + sum(bought)
        return tuple(rest.battery for rest in rests), net

    def _of(self, cleared: ClearedSlot) -> _Traded:
        """Return what the trades of a slot on the chain move, of participants known here."""
        count = len(self._community.prosumers)
        sold, bought = [0] * (count + 1), [0] * (count + 1)  # the last: of later participants
        for trade in cleared.trades:
            seller = cleared.book[trade.offer].participant - 1
            buyer = cleared.book[trade.bid].participant - 1
            sold[min(seller, count)] += trade.energy
            bought[min(buyer, count)] += trade.energy
        return _Traded(sold=tuple(sold[:count]), bought=tuple(bought[:count]))


def _need(before: Position) -> int:
    return before.deficit + before.storable


def _by_slot(community: Community, trades: Sequence[TradeRecord]) -> list[_Traded]:
    """Return what planned trades sell and buy, slot by slot."""
    numbers = {prosumer.name: index for index, prosumer in enumerate(community.prosumers)}
    count = len(numbers)
    sold = [[0] * count for _ in range(community.pv.shape[1])]
    bought = [[0] * count for _ in sold]
    for trade in trades:
        sold[trade.slot][numbers[trade.seller]] += trade.energy
        bought[trade.slot][numbers[trade.buyer]] += trade.energy
    return [
        _Traded(sold=tuple(one), bought=tuple(other))
        for one, other in zip(sold, bought, strict=True)
    ]
