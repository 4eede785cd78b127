"""What happens in a run, noted slot by slot; slots count from the scenario's first."""

from collections.abc import Sequence

from oracle.bills import participant_records
from oracle.domain.book import Order, Trade
from oracle.domain.community import Community
from oracle.domain.results import (
    OrderRecord,
    ParticipantRecord,
    StorageSlotRecord,
    TradeRecord,
)
from oracle.model.prosumers import Rest
from oracle.model.settlement import payment
from oracle.round import SlotOutcome
from oracle.units import Bps, MicroUsd


class Journal:
    """The orders, trades and storage records of a run, in their order."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._rests: dict[int, tuple[Rest, ...]] = {}
        self._scores: list[tuple[Bps, ...]] = []
        self.orders: list[OrderRecord] = []
        self.trades: list[TradeRecord] = []
        self.storage: list[StorageSlotRecord] = []
        self.slots_settled = 0

    def cleared(self, slot: int, book: Sequence[Order], rests: tuple[Rest, ...]) -> None:
        """Note a slot's book, empty if there is none, and what its trades leave to the grid."""
        self._rests[slot] = rests
        self.orders += [self._order(slot, order) for order in book]

    def settled(self, slot: int, outcome: SlotOutcome, rests: tuple[Rest, ...]) -> None:
        """Note a slot's deliveries, and what they leave to the grid."""
        self._rests[slot] = rests
        self.slots_settled += 1
        self.trades += [self._trade(slot, outcome, trade) for trade in outcome.trades]

    def scored(self, scores: Sequence[Bps]) -> None:
        """Note the reputations after the next slot."""
        self._scores.append(tuple(scores))

    def participants(self) -> tuple[ParticipantRecord, ...]:
        """Return what the run was worth to each prosumer."""
        return participant_records(self._community, self.trades, self._rests, self._scores)

    def lease_fees(self) -> MicroUsd:
        return MicroUsd(sum(trade.fee_paid or 0 for trade in self.trades))

    def surplus(self) -> MicroUsd:
        return MicroUsd(sum(trade.surplus_paid or 0 for trade in self.trades))

    def _order(self, slot: int, order: Order) -> OrderRecord:
        return OrderRecord(
            slot=slot,
            participant=self._name(order),
            side=order.kind.name.lower(),
            energy=order.energy,
            limit_price=order.price,
            reputation=order.score,
        )

    def _trade(self, slot: int, outcome: SlotOutcome, trade: Trade) -> TradeRecord:
        rules, seller = self._community.rules, outcome.book[trade.offer]
        is_short = any(
            one.delivered < one.energy for one in outcome.trades if one.offer == trade.offer
        )
        is_slashed = is_short and seller.participant in outcome.overstated
        money = payment(
            trade, rules.compensation_price, slash_price=rules.bond_price if is_slashed else None
        )
        return TradeRecord(
            slot=slot,
            seller=self._name(seller),
            buyer=self._name(outcome.book[trade.bid]),
            energy=trade.energy,
            price=trade.price,
            lease_fee=trade.fee,
            surplus=trade.surplus,
            delivered=trade.delivered,
            paid=money.goods,
            fee_paid=money.fee,
            surplus_paid=money.surplus,
            compensation=money.compensation,
        )

    def _name(self, order: Order) -> str:
        return self._community.prosumers[order.participant - 1].name
