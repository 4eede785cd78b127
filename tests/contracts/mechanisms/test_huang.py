"""contracts/mechanisms/Huang.sol and its twin are of one opinion."""

from dataclasses import replace

import pytest

from oracle.market.crossing import NONE
from oracle.market.huang import Huang
from oracle.market.mechanism import Outcome, Round
from oracle.units import MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import USD, large_round, pool_round, random_rounds

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return Twins(Huang(), mock_chain.deploy(STRANGER, "Huang"))


def test_both_accept_what_is_cleared(twins: Twins) -> None:
    assert twins.accept_all(random_rounds(1, 150, entries=16)) > 50
    assert twins.accept_all(random_rounds(2, 50, entries=20, energy=2**32 - 1, price=2**47)) > 10


@pytest.mark.parametrize("kind", CERTIFIED)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(CERTIFIED[kind], random_rounds(3, 150, entries=16)) != {}


def certificate(offer: int, bid: int, cut: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (offer, bid, cut))


def test_no_other_certificate_is_accepted(twins: Twins) -> None:
    for market_round in random_rounds(4, 12, entries=12):
        honest = twins.mechanism.clear(market_round)
        offer, bid, cut = (int.from_bytes(honest.certificate[k : k + 4], "big") for k in (0, 4, 8))
        positions = [*range(len(market_round.orders) + 1), NONE]
        others = [
            *(certificate(other, bid, cut) for other in positions),
            *(certificate(offer, other, cut) for other in positions),
            *(certificate(offer, bid, other) for other in range(8)),
        ]
        for other in others:
            bent = replace(honest, certificate=other)
            assert (twins.opinion(market_round, bent) is None) == (bent == honest)


def a_round() -> Round:
    """Offer 4 and bid 6 are marginal; the others sell 1, 5 and 6 Wh and buy 7: five are cut."""
    return pool_round([(1, 1), (5, 1), (6, 1), (9, 2), (9, 8)], [(7, 9), (9, 7), (9, 1)])


def test_refuses_by_name(twins: Twins) -> None:
    honest = twins.mechanism.clear(a_round())

    def check(outcome: Outcome) -> None:
        twins.contract.functions.verify(*arguments_of(a_round(), outcome)).call()

    check(honest)
    assert honest.certificate == certificate(3, 6, 2)
    with reverts(twins.contract, "BadCertificate", length=8, expected=12):
        check(replace(honest, certificate=honest.certificate[:8]))
    with reverts(twins.contract, "BadPivot", orderIndex=6):
        check(replace(honest, certificate=certificate(6, 6, 2)))
    with reverts(twins.contract, "NotMarginal", offerIndex=2, bidIndex=6):
        check(replace(honest, certificate=certificate(2, 6, 2)))
    with reverts(twins.contract, "WrongPrice", position=0, price=2 * USD + 1, expected=2 * USD):
        first = replace(honest.trades[0], price=MicroUsdPerMwh(2 * USD + 1))
        check(replace(honest, trades=(first, *honest.trades[1:])))
    for cut in (1, 3):
        with reverts(twins.contract, "WrongCut", cutWh=cut, excessWh=5):
            check(replace(honest, certificate=certificate(3, 6, cut)))
    with reverts(twins.contract, "WrongFill", orderIndex=0, filledWh=1, expectedWh=0):
        first = replace(honest.trades[0], offer=0, energy=Wh(1))
        check(replace(honest, trades=(first, *honest.trades[1:])))


@pytest.mark.parametrize("price", [1, 300])
def test_a_book_of_1000_orders_is_checked_within_4_million_gas(twins: Twins, price: int) -> None:
    """A clear has 16.7 million gas; at one price for all, one side shares or is cut."""
    market_round = large_round(1000, price=price)

    outcome = twins.mechanism.clear(market_round)

    twins.contract.functions.verify(*arguments_of(market_round, outcome)).call({"gas": 4_000_000})
