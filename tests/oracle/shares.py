"""Sharing a volume in exact fractions, and what that makes of a pool at one price."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from oracle.domain.book import Kind, Order
from oracle.market.mechanism import Round
from tests.oracle.pools import taking_part


def shares_of(weights: Mapping[int, int], volume: int) -> dict[int, int]:
    """Return who gets how many whole Wh of a volume, by largest remainder, ties to the earlier."""
    total = sum(weights.values())
    exact = {position: Fraction(w * volume, max(total, 1)) for position, w in weights.items()}
    whole = {position: int(share) for position, share in exact.items()}
    order = sorted(exact, key=lambda position: (whole[position] - exact[position], position))
    for position in order[: volume - sum(whole.values())]:
        whole[position] += 1
    return whole


def fills_at(market_round: Round, price: int) -> list[int]:
    """Return what each entry of the book trades where the willing share what there is."""
    sides = [
        {k: energy for k, energy, limit in taking_part(market_round, Kind.OFFER) if limit <= price},
        {k: energy for k, energy, limit in taking_part(market_round, Kind.BID) if limit >= price},
    ]
    volume = min(sum(side.values()) for side in sides)
    energies = [0] * len(market_round.orders)
    for side in sides:
        for position, energy in shares_of(side, volume).items():
            energies[position] = energy
    return energies


def with_terms(rng: np.random.Generator, market_round: Round, highest: int) -> Round:
    """Return the round with terms up to `highest` in half of its orders, and noise above them."""

    def changed(order: Order | None) -> Order | None:
        if order is None or rng.random() < 0.5:
            return order
        noise = int(rng.integers(1 << 48)) << 48
        return replace(order, terms=noise | int(rng.integers(highest, endpoint=True)))

    return replace(market_round, orders=tuple(map(changed, market_round.orders)))
