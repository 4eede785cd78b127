"""
The benchmark's market: synthetic prosumers on a ring, lines and orders drawn from a fixed seed.

Each prosumer has lines to its four neighbours on either side. Sellers and buyers alternate around
the ring, so that a seller has four lines to buyers and four to other sellers, in either shape.
"""

import random
from typing import Literal

from oracle.chain.chains import Chain
from oracle.chain.deployment import (
    MarketTerms,
    Participant,
    Roles,
    deploy_market,
)
from oracle.chain.market import Market
from oracle.chain.signatures import development_key
from oracle.domain.book import MAX_PARTICIPANTS, Kind, Order
from oracle.domain.clock import OPEN_SLOTS, slot_at, starts_at
from oracle.domain.community import FeeLadder, Line
from oracle.domain.rows import rows_of
from oracle.domain.storage_rating import NO_STORAGE
from oracle.errors import InvalidInputError
from oracle.market.pairwise_nash import PairwiseNash, bid_terms, offer_terms
from oracle.progress import Progress
from oracle.units import Bps, Meters, MicroUsd, MicroUsdPerMwh, MicroUsdPerMwhKm, Slot, Wh

Shape = Literal["one-to-one", "dense"]
SHAPES: tuple[Shape, ...] = ("one-to-one", "dense")

SEED = 20_240_801
LINES_PER_PROSUMER = 8
LINES_TO_BUYERS = LINES_PER_PROSUMER // 2  # of a seller
LINE_ENERGY = (100, 750)  # Wh
LEAST_ORDERS = LINES_PER_PROSUMER + 2  # an even ring whose neighbours are all different
MOST_ORDERS = MAX_PARTICIPANTS

START = Slot(3_400_000)  # a fixed time, so that every run sends the same bytes
REGISTERED_AFTER = OPEN_SLOTS + 3  # what a later transaction registers holds from a closed slot on

USD_PER_MWH = 1_000_000
REAL_TIME_PRICE = MicroUsdPerMwh(300 * USD_PER_MWH)
PRICE_CAP = MicroUsdPerMwh(500 * USD_PER_MWH)
BOND = MicroUsdPerMwh(200 * USD_PER_MWH)
COMPENSATION = MicroUsdPerMwh(120 * USD_PER_MWH)
MEMORY = Bps(9000)
FULL_VALUE = MicroUsd(1_000_000)
DEPOSIT = MicroUsd(10_000_000)
LADDER = FeeLadder(base=MicroUsdPerMwhKm(5_000_000), interval=Meters(1000), growth=Bps(2000))

ROLES = Roles(
    registrar=development_key("registrar"),
    operator=development_key("system operator"),
    provider=development_key("storage provider"),
    storage_meter=development_key("storage meter"),
)
DEPLOYER = development_key("bench deployer")


def require_size(orders: int, option: str = "--orders") -> None:
    """
    Refuse what no ring has.

    Raises
    ------
    InvalidInputError
        Unless `orders` is even and within the limits.
    """
    if orders % 2 or not LEAST_ORDERS <= orders <= MOST_ORDERS:
        raise InvalidInputError(
            f"{option} {orders}: expected an even number from {LEAST_ORDERS} to {MOST_ORDERS}"
        )


def participant(number: int, initial_score: Bps = Bps(0)) -> Participant:
    """Return a prosumer with its keys."""
    return Participant(
        name=f"prosumer {number}",
        owner=development_key(f"prosumer {number} owner"),
        meter=development_key(f"prosumer {number} meter"),
        initial_score=initial_score,
    )


def ring(prosumers: int) -> list[Line]:
    """Return each prosumer's lines; the shortest of all join the pairs (1, 2), (3, 4), …"""
    draw = random.Random(SEED)  # noqa: S311  # no secret
    return [
        Line(
            first=first,
            second=(first + step) % prosumers,
            distance=Meters(100 if step == 1 and first % 2 == 0 else draw.randint(150, 4000)),
        )
        for first in range(prosumers)
        for step in range(1, LINES_PER_PROSUMER // 2 + 1)
    ]


def orders_of(shape: Shape, prosumers: int) -> list[Order]:
    """
    Return one order of each prosumer: offers of the odd numbers, bids of the even ones.

    Every line between a seller and a buyer leaves room for a price. Dense: each of these lines has
    an energy of its own and each order is the sum of its lines', so that all orders are filled, by
    about one trade fewer than there are orders. One-to-one: energies are equal in pairs.
    """
    draw = random.Random(f"{SEED} {shape}")  # noqa: S311  # no secret
    energies = [0] * prosumers
    for line in ring(prosumers):
        is_pair = line.second == line.first + 1 and line.first % 2 == 0
        if (line.first + line.second) % 2 and (shape == "dense" or is_pair):
            energy = draw.randint(*LINE_ENERGY) * (1 if shape == "dense" else LINES_TO_BUYERS)
            energies[line.first] += energy
            energies[line.second] += energy
    return [_order(number, Wh(energies[number - 1]), draw) for number in range(1, prosumers + 1)]


def _order(number: int, energy: Wh, draw: random.Random) -> Order:
    if number % 2:
        cost = MicroUsdPerMwh(draw.randint(60_000, 100_000) * USD_PER_MWH // 1000)
        return Order(
            kind=Kind.OFFER,
            participant=number,
            energy=energy,
            price=cost,
            terms=offer_terms(cost),
        )
    return Order(
        kind=Kind.BID,
        participant=number,
        energy=energy,
        price=MicroUsdPerMwh(draw.randint(200_000, 260_000) * USD_PER_MWH // 1000),
        terms=bid_terms(MicroUsdPerMwh(150 * USD_PER_MWH), Wh(20_000), Bps(6000)),
    )


def open_market(chain: Chain, prosumers: int, others: list[str], progress: Progress) -> Market:
    """Deploy a market whose prosumers have deposited; `others` are labels of further senders."""
    require_size(prosumers)
    draw = random.Random(SEED)  # noqa: S311  # no secret
    people = tuple(
        participant(number, Bps(draw.randint(500, 9500))) for number in range(1, prosumers + 1)
    )
    chain.travel_to(starts_at(START))
    senders = [ROLES.registrar, DEPLOYER, *map(development_key, others)]
    chain.fund([*(sender.address for sender in senders), *(one.owner.address for one in people)])
    first_slot = Slot(slot_at(chain.now()) + REGISTERED_AFTER)
    rows, row_words = rows_of(ring(prosumers), prosumers)
    terms = MarketTerms(
        participants=people,
        rows=rows,
        row_words=row_words,
        ladder=LADDER,
        mechanism=PairwiseNash.contract,
        real_time_price=REAL_TIME_PRICE,
        price_cap=PRICE_CAP,
        bond_price=BOND,
        compensation_price=COMPENSATION,
        reputation_memory=MEMORY,
        reputation_full_value=FULL_VALUE,
        storage=NO_STORAGE,
        first_slot=first_slot,
    )
    market = Market(chain, deploy_market(chain, DEPLOYER, ROLES, terms))
    chain.travel_to(starts_at(first_slot))
    for done, one in enumerate(people):
        progress("deposits", done, prosumers)
        market.deposit(one.owner, DEPOSIT)
    progress("deposits", prosumers, prosumers)
    return market
