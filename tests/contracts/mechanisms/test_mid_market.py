"""contracts/mechanisms/MidMarket.sol and its twin are of one opinion."""

import numpy as np
import pytest

from oracle.market.mechanism import Outcome
from oracle.market.mid_market import MidMarket
from oracle.market.pool import pool_of, pooled_trades
from oracle.units import MicroUsdPerMwh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import TAMPERINGS, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import USD, pool_round, random_rounds

pytestmark = pytest.mark.contract


def twins_of(chain: RevertibleChain, export_price: int) -> Twins:
    return Twins(
        MidMarket(MicroUsdPerMwh(export_price)), chain.deploy(STRANGER, "MidMarket", export_price)
    )


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return twins_of(mock_chain, 2)


def test_both_accept_what_is_cleared(mock_chain: RevertibleChain, twins: Twins) -> None:
    assert twins.accept_all(random_rounds(1, 150)) > 50
    dear = twins_of(mock_chain, 9)  # above the import price of many rounds
    assert dear.accept_all(random_rounds(4, 50)) > 5
    wide = twins_of(mock_chain, 2**46)
    assert wide.accept_all(random_rounds(2, 50, energy=2**32 - 1, price=2**47)) > 5


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(TAMPERINGS[kind], random_rounds(3, 80)) != {}


def test_refuses_by_name(mock_chain: RevertibleChain) -> None:
    contract = twins_of(mock_chain, 40 * USD).contract
    market_round = pool_round([(5, 0), (5, 0), (4, 0)], [(10, 200)], MicroUsdPerMwh(200 * USD))

    def check(fills: list[int], price: int = 120 * USD, certificate: bytes = b"") -> None:
        arrays = np.array(fills[:3]), np.array(fills[3:])
        trades = pooled_trades(pool_of(market_round), *arrays, price=price)
        outcome = Outcome(trades=trades, certificate=certificate)
        contract.functions.verify(*arguments_of(market_round, outcome)).call()

    check([4, 3, 3, 10])
    with reverts(contract, "WrongPrice", position=0, price=1, expected=120 * USD):
        check([4, 3, 3, 10], price=1)
    with reverts(contract, "WrongVolume", volumeWh=9, expectedWh=10):
        check([4, 3, 2, 9])
    with reverts(contract, "WrongFill", orderIndex=0, filledWh=5, expectedWh=3):
        check([5, 3, 2, 10])
    with reverts(contract, "NotProRata", orderIndex=0):
        check([3, 4, 3, 10])
    with reverts(contract, "BadCertificate", length=1, expected=0):
        check([4, 3, 3, 10], certificate=b"\0")


def test_returns_its_parameters(twins: Twins) -> None:
    assert twins.contract.functions.parameters().call() == list(twins.mechanism.parameters)
