"""contracts/mechanisms/McAfee.sol and its twin are of one opinion."""

from dataclasses import replace

import pytest

from oracle.market.crossing import NONE
from oracle.market.mcafee import McAfee
from oracle.market.mechanism import Outcome, Round
from oracle.units import MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import UNIT, USD, large_round, pool_round, random_rounds, units

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return Twins(McAfee(Wh(2)), mock_chain.deploy(STRANGER, "McAfee", 2))


def test_both_accept_what_is_cleared(twins: Twins) -> None:
    assert twins.accept_all(random_rounds(1, 150, entries=16)) > 50
    assert twins.accept_all(random_rounds(2, 50, energy=2**32 - 1, price=2**47)) > 10


@pytest.mark.parametrize("kind", CERTIFIED)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(CERTIFIED[kind], random_rounds(3, 150, entries=16)) != {}


@pytest.mark.parametrize("pivot", [0, 1])
def test_no_other_pivots_are_accepted(twins: Twins, pivot: int) -> None:
    for market_round in random_rounds(4, 12, entries=10):
        honest = twins.mechanism.clear(market_round)
        for other in [*range(len(market_round.orders) + 1), NONE]:
            named = bytearray(honest.certificate)
            named[4 * pivot : 4 * pivot + 4] = other.to_bytes(4, "big")
            bent = replace(honest, certificate=bytes(named))
            assert (twins.opinion(market_round, bent) is None) == (bent == honest)


def a_round() -> Round:
    """The book of the table, whose 4th pair prices the first three."""
    return pool_round(units([1, 4, 5, 8, 13]), units([17, 14, 13, 9, 6]))


def pivots(offer: int, bid: int) -> bytes:
    return offer.to_bytes(4, "big") + bid.to_bytes(4, "big")


def test_refuses_by_name(mock_chain: RevertibleChain) -> None:
    contract = mock_chain.deploy(STRANGER, "McAfee", UNIT)
    honest = McAfee(Wh(UNIT)).clear(a_round())

    def check(outcome: Outcome) -> None:
        contract.functions.verify(*arguments_of(a_round(), outcome)).call()

    check(honest)
    assert contract.functions.parameters().call() == [UNIT]
    with reverts(contract, "BadCertificate", length=9, expected=8):
        check(replace(honest, certificate=pivots(3, 8) + b"\0"))
    with reverts(contract, "BadPivot", orderIndex=8):
        check(replace(honest, certificate=pivots(8, 3)))
    with reverts(contract, "BadPivot", orderIndex=10):
        check(replace(honest, certificate=pivots(3, 10)))
    with reverts(contract, "NotMarginal", offerIndex=2, bidIndex=7):
        check(replace(honest, certificate=pivots(2, 7)))
    with reverts(contract, "NotMarginal", offerIndex=NONE, bidIndex=NONE):
        check(replace(honest, certificate=pivots(NONE, NONE)))
    with reverts(contract, "WrongPrice", position=0, price=7 * USD, expected=8 * USD):
        first = replace(honest.trades[0], price=MicroUsdPerMwh(7 * USD))
        check(replace(honest, trades=(first, *honest.trades[1:])))
    with reverts(contract, "NotInPool", position=0):
        check(replace(honest, trades=(replace(honest.trades[0], pooled=False),)))
    with reverts(contract, "NotPaired", position=1):
        crossed = [replace(honest.trades[k], bid=honest.trades[1 - k].bid) for k in (0, 1)]
        check(replace(honest, trades=tuple(crossed)))
    with reverts(contract, "WrongFill", orderIndex=2, filledWh=0, expectedWh=UNIT):
        check(replace(honest, trades=honest.trades[:2]))


@pytest.mark.parametrize("unit", [0, 2**32])
def test_is_not_deployed_with_a_unit_that_no_order_has(
    mock_chain: RevertibleChain, twins: Twins, unit: int
) -> None:
    with reverts(twins.contract, "BadParameter", parameter=0, value=unit):
        mock_chain.deploy(STRANGER, "McAfee", unit)


@pytest.mark.parametrize("price", [1, 300])
def test_a_book_of_1000_orders_is_checked_within_3_million_gas(twins: Twins, price: int) -> None:
    """A clear has 16.7 million gas; at one price for all, one side shares or is cut."""
    market_round = large_round(1000, price=price)

    outcome = twins.mechanism.clear(market_round)

    twins.contract.functions.verify(*arguments_of(market_round, outcome)).call({"gas": 3_000_000})
