"""contracts/mechanisms/AverageRounds.sol and its twin are of one opinion."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.book import MAX_PRICE
from oracle.market.average_rounds import AverageRounds
from oracle.market.mechanism import Mechanism, Outcome, Round
from oracle.units import MicroUsdPerMwh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Tampering, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.pools import pool_round, random_rounds
from tests.oracle.shares import with_terms

pytestmark = pytest.mark.contract


def rounds(seed: int, count: int, *, price: int = 20, **kinds: int) -> Iterator[Round]:
    rng = np.random.default_rng(seed)
    for market_round in random_rounds(seed, count, price=price, **kinds):
        yield with_terms(rng, market_round, price)


def twins_of(chain: RevertibleChain, step: int, export_price: int) -> Twins:
    mechanism = AverageRounds(MicroUsdPerMwh(step), MicroUsdPerMwh(export_price))
    return Twins(mechanism, chain.deploy(STRANGER, "AverageRounds", step, export_price))


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> Twins:
    return twins_of(mock_chain, 2, 3)


def by_another_step(mechanism: Mechanism, market_round: Round, _: Outcome) -> Iterator[Outcome]:
    for step in (1, 3, MAX_PRICE):
        yield AverageRounds(MicroUsdPerMwh(step), MicroUsdPerMwh(3)).clear(market_round)


def with_other_terms(mechanism: Mechanism, market_round: Round, _: Outcome) -> Iterator[Outcome]:
    """The outcome of the same book with one order that opens elsewhere."""
    for position, order in enumerate(market_round.orders):
        if order is not None:
            orders = list(market_round.orders)
            orders[position] = replace(order, terms=order.terms + 3)
            yield mechanism.clear(replace(market_round, orders=tuple(orders)))


KINDS: dict[str, Tampering] = {
    **CERTIFIED,
    "by another step": by_another_step,
    "with other openings": with_other_terms,
}


def test_both_accept_what_is_cleared(mock_chain: RevertibleChain, twins: Twins) -> None:
    assert twins.accept_all(rounds(1, 150)) > 75
    wide = twins_of(mock_chain, 2**20, 2**44)
    assert wide.accept_all(rounds(2, 50, energy=2**32 - 1, price=2**47)) > 20
    large = twins_of(mock_chain, 2**20, 2**26)
    assert large.accept_all(rounds(3, 20, entries=120, energy=40, price=2**30)) > 15
    slow = twins_of(mock_chain, 1, 0)
    assert slow.accept_all(rounds(4, 50, energy=2**32 - 1, price=2**47)) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_both_refuse_alike(twins: Twins, kind: str) -> None:
    assert twins.refusals(KINDS[kind], rounds(5, 80)) != {}


def test_refuses_by_name(mock_chain: RevertibleChain) -> None:
    contract = twins_of(mock_chain, 1, 9).contract
    market_round = pool_round([(5, 0)], [(5, 0.000008)])
    below = AverageRounds(MicroUsdPerMwh(1), MicroUsdPerMwh(0)).clear(market_round)

    def check(outcome: Outcome) -> None:
        contract.functions.verify(*arguments_of(market_round, outcome)).call()

    check(Outcome(trades=()))
    with reverts(contract, "TooManyTrades", count=1, expected=0):
        check(below)
    with reverts(contract, "BadCertificate", length=1, expected=2):
        check(replace(below, certificate=b"\0"))


@pytest.mark.parametrize("step", [0, MAX_PRICE + 1])
def test_is_not_deployed_with_a_step_that_leads_nowhere(
    mock_chain: RevertibleChain, twins: Twins, step: int
) -> None:
    with reverts(twins.contract, "BadParameter", parameter=0, value=step):
        mock_chain.deploy(STRANGER, "AverageRounds", step, 0)


def test_returns_its_parameters(twins: Twins) -> None:
    assert twins.contract.functions.parameters().call() == list(twins.mechanism.parameters)
