"""contracts/mechanisms/Uniform.sol and its twin are of one opinion."""

import numpy as np
import pytest

from oracle.market.mechanism import Outcome, Round
from oracle.market.pool import pool_of, pooled_trades
from oracle.market.uniform import Uniform
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import TAMPERINGS, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import USD, large_round, pool_round, random_rounds

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return Twins(Uniform(), mock_chain.deploy(STRANGER, "Uniform"))


def a_round() -> Round:
    return pool_round([(2, 1), (5, 3), (5, 3), (4, 3)], [(12, 9)])


def with_fills(sold: list[int], bought: list[int], price: float = 3) -> Outcome:
    """The outcome with these fills, paired as the book has it."""
    pool = pool_of(a_round())
    return Outcome(trades=pooled_trades(pool, np.array(sold), np.array(bought), round(price * USD)))


def test_both_accept_what_is_cleared(twins: Twins) -> None:
    assert twins.accept_all(random_rounds(1, 150)) > 75
    assert twins.accept_all(random_rounds(2, 50, energy=2**32 - 1, price=2**47)) > 25


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(TAMPERINGS[kind], random_rounds(3, 150)) != {}


def test_refuses_by_name(twins: Twins) -> None:
    def check(outcome: Outcome) -> None:
        twins.contract.functions.verify(*arguments_of(a_round(), outcome)).call()

    check(with_fills([2, 4, 3, 3], [12]))
    with reverts(twins.contract, "LeftUntraded", bidPrice=9 * USD, offerPrice=3 * USD):
        check(with_fills([2, 4, 3, 2], [11]))
    with reverts(twins.contract, "NotEfficient", low=3 * USD, high=USD):
        check(with_fills([1, 4, 4, 3], [12]))
    with reverts(twins.contract, "WrongPrice", position=0, price=4 * USD, expected=3 * USD):
        check(with_fills([2, 4, 3, 3], [12], price=4))
    with reverts(twins.contract, "WrongFill", orderIndex=1, filledWh=5, expectedWh=3):
        check(with_fills([2, 5, 3, 2], [12]))
    with reverts(twins.contract, "NotProRata", orderIndex=1):
        check(with_fills([2, 3, 4, 3], [12]))
    with reverts(twins.contract, "BadCertificate", length=1, expected=0):
        check(Outcome(trades=(), certificate=b"\0"))


@pytest.mark.parametrize("price", [1, 300])
def test_a_book_of_1000_orders_is_checked_within_3_million_gas(twins: Twins, price: int) -> None:
    """A clear has 16.7 million gas; at one price for all, one side shares or is cut."""
    market_round = large_round(1000, price=price)

    outcome = twins.mechanism.clear(market_round)

    twins.contract.functions.verify(*arguments_of(market_round, outcome)).call({"gas": 3_000_000})
