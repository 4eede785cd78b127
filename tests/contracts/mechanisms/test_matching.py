"""contracts/mechanisms/Matching.sol and its twin are of one opinion."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from oracle.domain.book import Order
from oracle.errors import InvalidInputError
from oracle.market.matching import AVERAGE, BUYER_BEST, SELLER_BEST, Matching
from oracle.market.mechanism import Edge, Mechanism, Outcome, Round, Spoke
from oracle.units import MicroUsdPerMwh, Wh
from tests.contracts.markets import STRANGER
from tests.contracts.mechanisms.tampering import CERTIFIED, Tampering, Twins, arguments_of
from tests.contracts.revertible import RevertibleChain
from tests.contracts.reverting import reverts
from tests.oracle.books import a_bid, an_offer
from tests.oracle.communities import usd_per_kwh
from tests.oracle.hybrids import hybrid_rounds, swappable_round, with_partners_swapped

pytestmark = pytest.mark.contract

THETAS = (SELLER_BEST, AVERAGE, BUYER_BEST)
WORD = 32
ENTRIES = 2048  # the most that a book has


@pytest.fixture(scope="module")
def twins(mock_chain: RevertibleChain) -> dict[int, Twins]:
    return {
        theta: Twins(Matching(theta), mock_chain.deploy(STRANGER, "Matching", theta))
        for theta in THETAS
    }


def words_of(certificate: bytes) -> list[bytes]:
    return [certificate[k : k + WORD] for k in range(0, len(certificate), WORD)]


def changed(first: int, last: int) -> Tampering:
    """A number of the certificate, from one byte of a word to another, is one more or less."""

    def bend(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
        words = words_of(honest.certificate)
        for k, word in enumerate(words):
            for difference in (1, -1):
                number = int.from_bytes(word[first:last], "big") + difference
                number %= 1 << 8 * (last - first)
                bent = word[:first] + number.to_bytes(last - first, "big") + word[last:]
                yield replace(honest, certificate=b"".join([*words[:k], bent, *words[k + 1 :]]))

    return bend


def without_ranks(_: Mechanism, __: Round, honest: Outcome) -> Iterator[Outcome]:
    words = [word[:30] + bytes(2) for word in words_of(honest.certificate)]
    yield replace(honest, certificate=b"".join(words))


def of_other_theta(mechanism: Mechanism, market_round: Round, _: Outcome) -> Iterator[Outcome]:
    for theta in THETAS:
        if (theta,) != mechanism.parameters:
            yield Matching(theta).clear(market_round)


def ties_broken_late(_: Mechanism, market_round: Round, honest: Outcome) -> Iterator[Outcome]:
    """The outcome of the book turned round, put back in order: late orders come first."""
    last = len(market_round.orders) - 1
    turned = Round(
        orders=market_round.orders[::-1],
        edges=tuple(
            sorted(
                (
                    replace(edge, offer=last - edge.offer, bid=last - edge.bid)
                    for edge in market_round.edges
                ),
                key=lambda edge: (edge.offer, edge.bid),
            )
        ),
        spokes=market_round.spokes[::-1],
        real_time_price=market_round.real_time_price,
    )
    places = {(edge.offer, edge.bid): k for k, edge in enumerate(market_round.edges)}
    trades = [
        replace(trade, offer=last - trade.offer, bid=last - trade.bid)
        for trade in Matching().clear(turned).trades
    ]
    trades.sort(key=lambda t: (t.offer, t.pooled, t.bid if t.pooled else places[t.offer, t.bid]))
    yield replace(honest, trades=tuple(trades))


# What may leave a certificate as good as it was, such as a rank above all others:
PROOFS: dict[str, Tampering] = {
    "a gain changed": changed(24, 30),
    "a rank changed": changed(30, 32),
    "a second gain changed": changed(16, 22),
    "a second rank changed": changed(22, 24),
    "a tie-break changed": changed(0, 16),
    "certificate altered": CERTIFIED["certificate altered"],
    "no ranks": without_ranks,
    "ties broken late": ties_broken_late,
    "the outcome of another theta": of_other_theta,
}
TAMPERINGS = {kind: bend for kind, bend in CERTIFIED.items() if kind not in PROOFS}


@pytest.mark.parametrize("theta", THETAS)
def test_both_accept_what_is_cleared(twins: dict[int, Twins], theta: int) -> None:
    assert twins[theta].accept_all(hybrid_rounds(theta, 120)) > 50
    assert twins[theta].accept_all(hybrid_rounds(10 + theta, 6, orders=40)) > 2


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_both_refuse_alike(twins: dict[int, Twins], kind: str) -> None:
    for theta in THETAS:
        assert twins[theta].refusals(TAMPERINGS[kind], hybrid_rounds(3 + theta, 50)) != {}


@pytest.mark.parametrize("kind", PROOFS)
def test_both_judge_proofs_alike(twins: dict[int, Twins], kind: str) -> None:
    rng, names = np.random.default_rng(0), set()
    for theta in THETAS:
        for market_round in hybrid_rounds(6 + theta, 30):
            honest = Matching(theta).clear(market_round)
            outcomes = list(PROOFS[kind](Matching(theta), market_round, honest))
            for choice in rng.permutation(len(outcomes))[:3]:
                bent = outcomes[choice]
                opinion = twins[theta].opinion(market_round, bent)
                assert opinion is not None or bent.trades == honest.trades
                names.add(opinion and opinion[0])

    assert names - {None}


def a_hybrid() -> Round:
    """By hand: the line carries 2 Wh, the manager the rest; b − s over either is 0.05 USD/kWh."""
    free = MicroUsdPerMwh(0)
    return Round(
        orders=(an_offer(1, 5, 0.1), an_offer(2, 5, 0.1), a_bid(3, 8, 0.15)),
        edges=(Edge(offer=0, bid=2, fee=free, capacity=Wh(2)),),
        spokes=(None, Spoke(manager=1), Spoke(manager=1, fee=usd_per_kwh(0.01))),
        real_time_price=usd_per_kwh(0.3),
    )


def test_refuses_by_name(twins: dict[int, Twins]) -> None:
    mechanism, contract = Matching(), twins[AVERAGE].contract
    outcome = mechanism.clear(a_hybrid())
    words = words_of(outcome.certificate)

    def check(*changed_words: bytes, **changes: object) -> None:
        bent = replace(outcome, certificate=b"".join(changed_words) or outcome.certificate)
        bent = replace(bent, **changes)  # type: ignore[arg-type]
        contract.functions.verify(*arguments_of(a_hybrid(), bent)).call()

    check()
    with reverts(contract, "BadCertificate", length=96, expected=128):
        check(*words[:3])
    with reverts(contract, "DualsContradict", tail=1, head=1):
        check(trades=outcome.trades[:1])
    with reverts(contract, "NotExtreme", node=1):
        check(words[0], words[1][:30] + bytes(2), *words[2:])
    price = outcome.trades[0].price
    dearer = replace(outcome.trades[0], price=MicroUsdPerMwh(price + 1))
    with reverts(contract, "WrongPrice", position=0, price=price + 1, expected=price):
        check(trades=(dearer, *outcome.trades[1:]))


def test_refuses_trades_through_a_manager_that_cross(twins: dict[int, Twins]) -> None:
    market_round = Round(
        orders=(an_offer(1, 5), an_offer(2, 5), a_bid(3, 5), a_bid(4, 5)),
        edges=(),
        spokes=(Spoke(manager=1),) * 4,
        real_time_price=usd_per_kwh(0.3),
    )
    honest = Matching().clear(market_round)
    first, second = honest.trades
    crossed = (replace(first, bid=second.bid), replace(second, bid=first.bid))

    with reverts(twins[AVERAGE].contract, "NotPaired", position=1):
        bent = replace(honest, trades=crossed)
        twins[AVERAGE].contract.functions.verify(*arguments_of(market_round, bent)).call()


def test_refuses_partners_swapped_where_short_lots_agree(twins: dict[int, Twins]) -> None:
    market_round = swappable_round()
    honest = Matching().clear(market_round)

    assert twins[AVERAGE].opinion(market_round, honest) is None
    refusal = twins[AVERAGE].opinion(market_round, with_partners_swapped(honest))
    assert refusal is not None
    assert refusal[0] == "DualsContradict"


def test_both_draw_the_same_lots(twins: dict[int, Twins]) -> None:
    """A line that carries some of what it may leaves its ends one sum of tie-breaks: its lot."""
    rng = np.random.default_rng(17)
    for _ in range(20):
        i, j = (int(position) for position in rng.choice(ENTRIES, 2, replace=False))
        book: list[Order | None] = [None] * ENTRIES
        book[i], book[j] = an_offer(1, 5), a_bid(2, 5)
        line = Edge(offer=i, bid=j, fee=MicroUsdPerMwh(0))
        market_round = Round(orders=tuple(book), edges=(line,), real_time_price=usd_per_kwh(0.3))

        assert twins[AVERAGE].accept_all([market_round]) == 1


def test_a_line_without_capacity_bounds_nobody(twins: dict[int, Twins]) -> None:
    """Closed, or away: the same proof for both."""
    for market_round in hybrid_rounds(20, 30):
        edges = market_round.edges
        closed = tuple(replace(e, capacity=Wh(e.capacity * (k % 2))) for k, e in enumerate(edges))
        outcome = Matching().clear(replace(market_round, edges=edges[1::2]))

        assert twins[AVERAGE].opinion(replace(market_round, edges=closed), outcome) is None


def test_knows_three_thetas(twins: dict[int, Twins], mock_chain: RevertibleChain) -> None:
    contract = twins[BUYER_BEST].contract

    assert contract.functions.parameters().call() == [BUYER_BEST]
    with reverts(contract, "BadParameter", parameter=0, value=3):
        mock_chain.deploy(STRANGER, "Matching", 3)
    with pytest.raises(InvalidInputError, match="theta"):
        Matching(3)
