"""
The fullest books: the exchange's checks and a mechanism's, in one clear.

1,000 orders in one pool for each mechanism of pools; for matching, 1,024 over lines and a spoke.
"""

from dataclasses import replace
from typing import Any

import pytest

from oracle.domain.book import MAX_PARTICIPANTS, Kind, Order
from oracle.domain.community import COMMUNITY, Line
from oracle.domain.rows import LINES_PER_WORD, rows_of
from oracle.market.matching import Matching
from oracle.market.mechanism import Edge, Mechanism, Round, Spoke
from oracle.market.registry import MECHANISMS
from oracle.units import Meters, MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER
from tests.contracts.revertible import RevertibleChain, deploy_mock
from tests.oracle.pools import USD, large_round

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ORDERS = 1000
GAS = 12_000_000  # of 16.7 million: the rest is for calldata, the book and the record
MOST_GAS = 16_000_000  # of a book that is not recorded here: its lines are in the calldata instead
LINES = LINES_PER_WORD - 1  # beside the spoke, in a row of the largest community
SELLERS = MAX_PARTICIPANTS // 2
EXPORT_PRICE = MicroUsdPerMwh(40 * USD)
REAL_TIME_PRICE = MicroUsdPerMwh(300 * USD)
NO_RULES = (0, 0, 0, 0, 1, 0)
NO_FEES = (0, 1000, 0)

POOLED = [name for name, kind in MECHANISMS.items() if kind.graphs == (COMMUNITY,)]


@pytest.fixture(scope="module")
def lines(mock_chain: RevertibleChain) -> Any:
    """A free spoke to the first manager for each participant."""
    lines = deploy_mock(mock_chain, STRANGER, "MockLineLease")
    free = [Line(first=k, second=MAX_PARTICIPANTS, distance=Meters(0)) for k in range(ORDERS)]
    rows, row_words = rows_of(free, ORDERS)
    mock_chain.send(STRANGER, lines, "set", rows, row_words, [], NO_FEES)
    return lines


@pytest.mark.parametrize("name", POOLED)
def test_1000_orders_are_checked_in_one_transaction(
    mock_chain: RevertibleChain, lines: Any, name: str
) -> None:
    mechanism: Mechanism = MECHANISMS[name].of({}, EXPORT_PRICE)
    contract = mock_chain.deploy(STRANGER, mechanism.contract, *mechanism.parameters)
    harness = deploy_mock(
        mock_chain, STRANGER, "ClearingHarness", lines.address, contract.address, NO_RULES
    )
    market_round = replace(large_round(ORDERS, price=300), real_time_price=REAL_TIME_PRICE)
    words = [0 if order is None else order.pack() for order in market_round.orders]

    outcome = mechanism.clear(market_round)

    assert len(outcome.trades) > ORDERS / 10
    harness.functions.check(
        (words, [], 1, [], NO_FEES, market_round.real_time_price),
        ([trade.pack() for trade in outcome.trades], outcome.certificate),
    ).call({"gas": GAS})


def tied_round() -> Round:
    """Return 1,024 orders of two prices, each with free lines to 7 of the others and a spoke."""
    energies = [Wh(1_000 + 97 * number % 1_009) for number in range(1, MAX_PARTICIPANTS + 1)]
    orders = tuple(
        Order(
            kind=Kind.OFFER if position < SELLERS else Kind.BID,
            participant=position + 1,
            energy=energy,
            price=MicroUsdPerMwh((50 if position < SELLERS else 400) * USD),
        )
        for position, energy in enumerate(energies)
    )
    free = MicroUsdPerMwh(0)
    edges = tuple(
        Edge(offer=offer, bid=bid, fee=free)
        for offer in range(SELLERS)
        for bid in sorted((offer + 37 * k) % SELLERS + SELLERS for k in range(LINES))
    )
    spokes = (Spoke(manager=1, fee=free),) * MAX_PARTICIPANTS
    return Round(orders=orders, edges=edges, spokes=spokes, real_time_price=REAL_TIME_PRICE)


def test_1024_tied_orders_over_full_rows_are_checked_in_one_transaction(
    mock_chain: RevertibleChain,
) -> None:
    """All lines and spokes are worth just what their ends gain, which each check has to look at."""
    market_round = tied_round()
    lines = [Line(first=e.offer, second=e.bid, distance=Meters(0)) for e in market_round.edges]
    lines += [
        Line(first=k, second=MAX_PARTICIPANTS, distance=Meters(0)) for k in range(MAX_PARTICIPANTS)
    ]
    rows, row_words = rows_of(lines, MAX_PARTICIPANTS)
    lease = deploy_mock(mock_chain, STRANGER, "MockLineLease")
    mock_chain.send(STRANGER, lease, "set", rows, row_words, [], NO_FEES)
    mechanism = Matching()
    contract = mock_chain.deploy(STRANGER, mechanism.contract, *mechanism.parameters)
    harness = deploy_mock(
        mock_chain, STRANGER, "ClearingHarness", lease.address, contract.address, NO_RULES
    )

    outcome = mechanism.clear(market_round)

    assert row_words == 1
    assert len(outcome.trades) > ORDERS
    harness.functions.check(
        (
            [o.pack() for o in market_round.orders if o],
            rows,
            row_words,
            [],
            NO_FEES,
            REAL_TIME_PRICE,
        ),
        ([trade.pack() for trade in outcome.trades], outcome.certificate),
    ).call({"gas": MOST_GAS})
