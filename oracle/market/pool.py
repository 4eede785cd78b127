"""
The pool of a community market: offers and bids that all may trade with each other, at no fee.

Mechanisms of a pool say how much each order trades; `paired` then says who trades with whom, in
one way: both sides in the book's order, each order from where the one before it ended (the
north-west corner of the transport tableau; a monotone coupling with given marginals is unique).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.domain.book import Kind, Trade
from oracle.errors import ContractRevert
from oracle.market.mechanism import POOL, Outcome, Round
from oracle.units import MicroUsdPerMwh, Wh

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """The offers or the bids of a pool in the book's order; arrays of shape (orders,)."""

    position: IntArray  # in the book
    energy: IntArray  # Wh
    price: IntArray  # micro-USD/MWh; of a bid at most the real-time price
    is_offer: bool

    def __len__(self) -> int:
        return len(self.position)

    def ranked(self) -> IntArray:
        """Return indices into the arrays, the best price first, of equal prices the earlier."""
        price = self.price if self.is_offer else -self.price
        return np.argsort(price, kind="stable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Who takes part; who is not connected to the pool, or asks too much, does not."""

    offers: Side
    bids: Side


def pool_of(market_round: Round) -> Pool:
    """Return the pool: live orders with the free spoke POOL, offers up to the real-time price."""
    price_cap = market_round.real_time_price
    rows: dict[Kind, list[tuple[int, int, int]]] = {Kind.OFFER: [], Kind.BID: []}
    for position, (order, spoke) in enumerate(
        zip(market_round.orders, market_round.spokes, strict=False)
    ):
        if order is None or (spoke is not POOL and spoke != POOL):
            continue
        if order.kind is Kind.OFFER and order.price > price_cap:
            continue
        rows[order.kind].append((position, order.energy, min(order.price, price_cap)))
    sides = {}
    for kind, found in rows.items():
        columns = np.array(found, dtype=np.int64).reshape(-1, 3).T
        sides[kind] = Side(
            position=columns[0],
            energy=columns[1],
            price=columns[2],
            is_offer=kind is Kind.OFFER,
        )
    return Pool(offers=sides[Kind.OFFER], bids=sides[Kind.BID])


def paired(pool: Pool, sold: IntArray, bought: IntArray) -> list[tuple[int, int, Wh]]:
    """
    Return (offer, bid, energy) by positions in the book, both ascending.

    `sold` per offer and `bought` per bid, in Wh, have the same sum.
    """
    return [
        (int(pool.offers.position[i]), int(pool.bids.position[j]), energy)
        for i, j, energy in coupled(sold, bought)
    ]


def coupled(sold: IntArray, bought: IntArray) -> list[tuple[int, int, Wh]]:
    """Return (offer, bid, energy) by indices into the arrays, which have the same sum."""
    ends = [np.cumsum(np.asarray(side, dtype=np.int64)) for side in (sold, bought)]
    cuts = np.unique(np.concatenate([np.zeros(1, dtype=np.int64), *ends]))
    first, last = cuts[:-1], cuts[1:]
    offers = np.searchsorted(ends[0], first, side="right")
    bids = np.searchsorted(ends[1], first, side="right")
    energies = (last - first).tolist()
    return [
        (i, j, Wh(energy))
        for i, j, energy in zip(offers.tolist(), bids.tolist(), energies, strict=True)
    ]


def pooled_trades(
    pool: Pool, sold: IntArray, bought: IntArray, price: int, surplus: int = 0
) -> tuple[Trade, ...]:
    """Return the trades of a pool at one price; buyers pay `surplus` besides, to the operator."""
    return tuple(
        Trade(
            offer=offer,
            bid=bid,
            energy=energy,
            price=MicroUsdPerMwh(price),
            fee=MicroUsdPerMwh(0),
            surplus=MicroUsdPerMwh(surplus),
            pooled=True,
        )
        for offer, bid, energy in paired(pool, sold, bought)
    )


def fills(
    pool: Pool, trades: Sequence[Trade], price: int, surplus: int = 0
) -> tuple[IntArray, IntArray]:
    """
    Return what each offer sold and each bid bought, in Wh.

    Raises
    ------
    ContractRevert
        NotInPool where an order does not take part, NotPaired where the pairing is not that of
        `paired`, WrongPrice where a trade bears another price or surplus.
    """
    sold, bought = (np.zeros(len(side), dtype=np.int64) for side in (pool.offers, pool.bids))
    places = [
        {int(position): index for index, position in enumerate(side.position)}
        for side in (pool.offers, pool.bids)
    ]
    last_bid = -1
    for position, trade in enumerate(trades):
        offer, bid = places[0].get(trade.offer), places[1].get(trade.bid)
        if offer is None or bid is None or not trade.pooled:
            raise ContractRevert("NotInPool", {"position": position})
        if trade.bid < last_bid:
            raise ContractRevert("NotPaired", {"position": position})
        last_bid = trade.bid
        for given, expected in ((trade.price, price), (trade.surplus, surplus)):
            if given != expected:
                raise ContractRevert(
                    "WrongPrice", {"position": position, "price": given, "expected": expected}
                )
        sold[offer] += trade.energy
        bought[bid] += trade.energy
    return sold, bought


def no_certificate(outcome: Outcome) -> None:
    """Refuse a certificate where there is nothing to prove."""
    require_length(outcome, 0)


def require_length(outcome: Outcome, expected: int) -> None:
    """Refuse a certificate that has not the length it must have, in bytes."""
    length = len(outcome.certificate)
    if length != expected:
        raise ContractRevert("BadCertificate", {"length": length, "expected": expected})


def require_fills(
    pool: Pool, filled: tuple[IntArray, IntArray], expected: tuple[IntArray, IntArray]
) -> None:
    """Refuse, for the first order in the book of which it is so, another energy than expected."""
    wrong = [
        (int(side.position[index]), int(given[index]), int(wanted[index]))
        for side, given, wanted in zip((pool.offers, pool.bids), filled, expected, strict=True)
        for index in np.flatnonzero(given != wanted)[:1]
    ]
    if wrong:
        position, energy, other = min(wrong)
        raise ContractRevert(
            "WrongFill", {"orderIndex": position, "filledWh": energy, "expectedWh": other}
        )
