"""contracts/mechanisms/DemandBidding.sol and its twin are of one opinion."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.book import MAX_PRICE
from oracle.market.demand_bidding import DemandBidding
from oracle.market.mechanism import Mechanism, Outcome, Round
from oracle.units import MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Tampering, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import USD, pool_round, random_rounds
from tests.oracle.shares import with_terms

pytestmark = pytest.mark.contract


def rounds(
    seed: int, count: int, *, price: int = 40, slope: int = 5, **kinds: int
) -> Iterator[Round]:
    rng = np.random.default_rng(seed)
    for market_round in random_rounds(seed, count, price=price, **kinds):
        yield with_terms(rng, market_round, slope)


def twins_of(chain: RevertibleChain, response: int) -> Twins:
    return Twins(DemandBidding(response), chain.deploy(STRANGER, "DemandBidding", response))


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return twins_of(mock_chain, 2)


def by_another_response(_: Mechanism, market_round: Round, __: Outcome) -> Iterator[Outcome]:
    for response in (1, 3, 1000):
        yield DemandBidding(response).clear(market_round)


def at_the_next_price(_: Mechanism, market_round: Round, honest: Outcome) -> Iterator[Outcome]:
    """All trades and the certificate say a price one higher or lower."""
    price = int.from_bytes(honest.certificate, "big")
    for other in {max(price - 1, 0), price + 1}:
        trades = tuple(replace(t, price=MicroUsdPerMwh(other)) for t in honest.trades)
        yield Outcome(trades=trades, certificate=other.to_bytes(6, "big"))


KINDS: dict[str, Tampering] = {
    **CERTIFIED,
    "by another response": by_another_response,
    "at the next price": at_the_next_price,
}


def test_both_accept_what_is_cleared(mock_chain: RevertibleChain, twins: Twins) -> None:
    assert twins.accept_all(rounds(1, 150)) > 50
    wide = {"energy": 2**32 - 1, "price": 2**47, "slope": 2**20}
    assert twins.accept_all(rounds(2, 50, **wide)) > 15
    most = twins_of(mock_chain, MAX_PRICE)
    assert most.accept_all(rounds(3, 50, **wide)) > 10
    assert most.accept_all(rounds(4, 20, entries=120, energy=4000, price=2**47)) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(KINDS[kind], rounds(5, 80)) != {}


def test_refuses_by_name(mock_chain: RevertibleChain) -> None:
    """Slopes of 1 and k = 1: at the price 10 both would trade 5 Wh, at 9 the bid 5, the offer 4."""
    contract = twins_of(mock_chain, 1).contract
    market_round = pool_round([(20, 0)], [(20, 20 / USD)], MicroUsdPerMwh(20))
    honest = DemandBidding(1).clear(market_round)

    def check(outcome: Outcome) -> None:
        contract.functions.verify(*arguments_of(market_round, outcome)).call()

    check(honest)
    with reverts(contract, "NotClearing", price=9, demandWh=5, supplyWh=4):
        check(replace(honest, certificate=(9).to_bytes(6, "big")))
    with reverts(contract, "NotClearing", price=10, demandWh=5, supplyWh=5):
        check(replace(honest, certificate=(11).to_bytes(6, "big")))
    with reverts(contract, "WrongVolume", volumeWh=4, expectedWh=5):
        check(replace(honest, trades=(replace(honest.trades[0], energy=Wh(4)),)))
    with reverts(contract, "BadCertificate", length=5, expected=6):
        check(replace(honest, certificate=bytes(5)))


@pytest.mark.parametrize("response", [0, MAX_PRICE + 1])
def test_is_not_deployed_with_a_price_that_does_not_respond(
    mock_chain: RevertibleChain, twins: Twins, response: int
) -> None:
    with reverts(twins.contract, "BadParameter", parameter=0, value=response):
        mock_chain.deploy(STRANGER, "DemandBidding", response)


def test_returns_its_parameters(twins: Twins) -> None:
    assert twins.contract.functions.parameters().call() == list(twins.mechanism.parameters)
