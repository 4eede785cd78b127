"""A book of 1,000 orders in one pool: the exchange's checks and each mechanism's, in one clear."""

from dataclasses import replace
from typing import Any

import pytest

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.domain.community import COMMUNITY, Line
from oracle.domain.rows import rows_of
from oracle.market.mechanism import Mechanism
from oracle.market.registry import MECHANISMS
from oracle.units import Meters, MicroUsdPerMwh
from tests.contracts.markets import STRANGER
from tests.contracts.revertible import RevertibleChain
from tests.oracle.pools import USD, large_round

pytestmark = [pytest.mark.contract, pytest.mark.slow]

ORDERS = 1000
GAS = 12_000_000  # of 16.7 million: the rest is for calldata, the book and the record
EXPORT_PRICE = MicroUsdPerMwh(40 * USD)
REAL_TIME_PRICE = MicroUsdPerMwh(300 * USD)
NO_RULES = (0, 0, 0, 0, 1, 0)
NO_FEES = (0, 1000, 0)

POOLED = [name for name, kind in MECHANISMS.items() if kind.graphs == (COMMUNITY,)]


@pytest.fixture(scope="module")
def lines(mock_chain: RevertibleChain) -> Any:
    """A free spoke to the first manager for each participant."""
    lines = mock_chain.deploy_mock(STRANGER, "MockLineLease")
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
    harness = mock_chain.deploy_mock(
        STRANGER, "ClearingHarness", lines.address, contract.address, NO_RULES
    )
    market_round = replace(large_round(ORDERS, price=300), real_time_price=REAL_TIME_PRICE)
    words = [0 if order is None else order.pack() for order in market_round.orders]

    outcome = mechanism.clear(market_round)

    assert len(outcome.trades) > ORDERS / 10
    harness.functions.check(
        (words, [], 1, [], NO_FEES, market_round.real_time_price),
        ([trade.pack() for trade in outcome.trades], outcome.certificate),
    ).call({"gas": GAS})
