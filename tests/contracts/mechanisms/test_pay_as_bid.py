"""contracts/mechanisms/PayAsBid.sol and its twin are of one opinion."""

from dataclasses import replace

import pytest

from oracle.market.mechanism import Outcome
from oracle.market.pay_as_bid import PayAsBid
from oracle.units import Wh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import pool_round, random_rounds

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return Twins(PayAsBid(), mock_chain.deploy(STRANGER, "PayAsBid"))


def test_both_accept_what_is_cleared(twins: Twins) -> None:
    assert twins.accept_all(random_rounds(1, 150)) > 75
    assert twins.accept_all(random_rounds(2, 50, energy=2**32 - 1, price=2**47)) > 25
    assert twins.accept_all(random_rounds(3, 20, entries=120, energy=40, price=100)) > 15


@pytest.mark.parametrize("kind", CERTIFIED)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(CERTIFIED[kind], random_rounds(4, 80)) != {}


def test_refuses_by_name(twins: Twins) -> None:
    market_round = pool_round([(5, 9)], [(5, 10)])
    honest = twins.mechanism.clear(market_round)
    trade = honest.trades[0]
    expected = trade.pack()

    def check(outcome: Outcome) -> None:
        twins.contract.functions.verify(*arguments_of(market_round, outcome)).call()

    check(honest)
    with reverts(twins.contract, "WrongMatch", number=0, trade=0, expected=expected):
        check(Outcome(trades=()))
    with reverts(twins.contract, "WrongMatch", number=0, trade=0, expected=expected):
        check(replace(honest, certificate=b"\0\1"))
    with reverts(twins.contract, "TooManyTrades", count=2, expected=1):
        twice = (trade, replace(trade, energy=Wh(1)))  # which no exchange lets through
        check(Outcome(trades=twice, certificate=bytes(4)))
    with reverts(twins.contract, "BadCertificate", length=3, expected=2):
        check(replace(honest, certificate=bytes(3)))


def test_has_no_parameters(twins: Twins) -> None:
    assert twins.contract.functions.parameters().call() == []
