"""The mechanism matching: known answers, other optimisers, properties, refusals, and its speed."""

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order, Trade
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.lots import lot
from oracle.market.matching import (
    AVERAGE,
    BUYER_BEST,
    SELLER_BEST,
    TIME_SHIFT,
    Matching,
    weights_of,
)
from oracle.market.mechanism import NO_LIMIT, POOL, Edge, Outcome, Round, Spoke, round_of
from oracle.market.network import largest
from oracle.market.trade_network import Grid, trade_network
from oracle.market.uniform import Uniform
from oracle.program import AT_MOST, Program
from oracle.units import MicroUsdPerMwh, Wh
from tests.oracle.hybrids import (
    hybrid_round,
    hybrid_rounds,
    swappable_round,
    with_partners_swapped,
)
from tests.oracle.pools import USD, pool_round, random_rounds, units

THETAS = (SELLER_BEST, AVERAGE, BUYER_BEST)
HIGH = MicroUsdPerMwh(1000 * USD)


def an_order(kind: Kind, participant: int, energy: int, price: float) -> Order:
    return Order(
        kind=kind,
        participant=participant,
        energy=Wh(energy),
        price=MicroUsdPerMwh(round(price * USD)),
    )


def an_offer(participant: int, energy: int, price: float) -> Order:
    return an_order(Kind.OFFER, participant, energy, price)


def a_bid(participant: int, energy: int, price: float) -> Order:
    return an_order(Kind.BID, participant, energy, price)


def usd(price: float) -> MicroUsdPerMwh:
    return MicroUsdPerMwh(round(price * USD))


def cleared(market_round: Round, theta: int = AVERAGE) -> Outcome:
    mechanism = Matching(theta)
    outcome = mechanism.clear(market_round)
    mechanism.verify(market_round, outcome)
    return outcome


def flows(outcome: Outcome) -> dict[tuple[int, int], int]:
    return {(trade.offer, trade.bid): trade.energy for trade in outcome.trades}


def prices(outcome: Outcome) -> list[float]:
    return [trade.price / USD for trade in outcome.trades]


def worth(market_round: Round, trade: Trade) -> int:
    """Return what a trade adds to welfare, per MWh."""
    high = market_round.order(trade.bid).price
    fee = int(trade.fee)
    if trade.pooled:
        spoke = market_round.spokes[trade.bid]
        assert spoke is not None
        fee = spoke.fee
    value = min(high - fee, market_round.real_time_price)
    return value - (trade.fee - fee) - market_round.order(trade.offer).price


def welfare(market_round: Round, outcome: Outcome) -> int:
    return sum(worth(market_round, trade) * trade.energy for trade in outcome.trades)


# The known answer of MECHANISMS.md: offers 5@6, 5@8, bids 5@10, 5@9, fees [[1, 5], [1, 0.5]].
KNOWN = round_of(
    (an_offer(1, 5, 6), an_offer(2, 5, 8), a_bid(3, 5, 10), a_bid(4, 5, 9)),
    {(1, 3): usd(1), (1, 4): usd(5), (2, 3): usd(1), (2, 4): usd(0.5)},
    HIGH,
)


@pytest.mark.parametrize(
    ("theta", "expected"),
    [(SELLER_BEST, [8.5, 8.5]), (AVERAGE, [7.25, 8.25]), (BUYER_BEST, [6, 8])],
)
def test_the_known_answer(theta: int, expected: list[float]) -> None:
    """
    Prices by hand: u₁ + w₁ = 3, u₂ + w₂ = ½, and u₂ + w₁ ≥ 1 over the line that is not used.

    So w₁ ≥ ½ where the sellers take all of u₂ = ½, and u₁ is at most 2½.
    """
    outcome = cleared(KNOWN, theta)

    assert flows(outcome) == {(0, 2): 5, (1, 3): 5}
    assert welfare(KNOWN, outcome) == 17.5 * USD
    assert prices(outcome) == expected
    assert {trade.surplus for trade in outcome.trades} == {0}


@pytest.mark.parametrize(("theta", "price"), [(SELLER_BEST, 9), (AVERAGE, 8.5), (BUYER_BEST, 8)])
def test_a_free_pool_is_a_uniform_market(theta: int, price: float) -> None:
    """The book of `uniform` in MECHANISMS.md: 4 traded, clearing interval [8, 9], gains 35."""
    market_round = pool_round(units([1, 4, 5, 8, 11]), units([17, 14, 13, 9, 6]))

    outcome = cleared(market_round, theta)

    assert prices(outcome) == [price] * 4
    assert welfare(market_round, outcome) == 35 * USD * 1000


def test_a_line_at_its_limit_earns_a_rent_for_the_operator() -> None:
    """Offers at 2 and 5 for a bid of 8 at 9; the cheap one's line carries 3 of its 5 Wh."""
    market_round = Round(
        orders=(an_offer(1, 5, 2), an_offer(2, 9, 5), a_bid(3, 8, 9)),
        edges=(
            Edge(offer=0, bid=2, fee=usd(1), capacity=Wh(3)),
            Edge(offer=1, bid=2, fee=usd(0.5)),
        ),
        real_time_price=HIGH,
    )

    outcome = cleared(market_round)

    assert flows(outcome) == {(0, 2): 3, (1, 2): 5}
    assert prices(outcome) == [2, 5]  # neither offer is sold out
    assert [trade.surplus / USD for trade in outcome.trades] == [2.5, 0]  # both cost the bid 5.5


def test_spokes_at_their_limits_earn_their_rents_together() -> None:
    """Price at the manager is within [3, 8]: 3 of the offers' 4 Wh pass, 3 of the bids' 6 Wh."""
    market_round = Round(
        orders=(an_offer(1, 4, 2), a_bid(2, 6, 9)),
        edges=(),
        spokes=(
            Spoke(manager=1, fee=usd(1), capacity=Wh(3)),
            Spoke(manager=1, fee=usd(1), capacity=Wh(3)),
        ),
        real_time_price=HIGH,
    )

    (trade,) = cleared(market_round).trades

    assert (trade.energy, trade.price, trade.fee) == (3, usd(2), usd(2))
    assert trade.surplus == usd(5)


def test_no_seller_gets_more_than_the_real_time_price() -> None:
    market_round = round_of(
        (an_offer(1, 5, 3), a_bid(2, 5, 20)), {(1, 2): usd(1)}, MicroUsdPerMwh(7 * USD)
    )

    assert [prices(cleared(market_round, theta)) for theta in THETAS] == [[7], [5], [3]]


def test_energy_goes_over_the_manager_where_that_is_cheaper() -> None:
    market_round = Round(
        orders=(an_offer(1, 5, 2), a_bid(2, 3, 9), a_bid(3, 2, 9)),
        edges=(
            Edge(offer=0, bid=1, fee=usd(1)),
            Edge(offer=0, bid=2, fee=usd(3)),
        ),
        spokes=(Spoke(manager=2, fee=usd(1)), None, Spoke(manager=2, fee=usd(1))),
        real_time_price=HIGH,
    )

    trades = cleared(market_round).trades

    assert [(trade.bid, trade.energy, trade.pooled) for trade in trades] == [
        (1, 3, False),
        (2, 2, True),
    ]


def test_early_orders_come_first_among_equals() -> None:
    offers = [an_offer(1, 5, 2), an_offer(2, 5, 2)]
    fees = {(1, 3): usd(1), (2, 3): usd(1)}

    first = cleared(round_of((*offers, a_bid(3, 7, 9)), fees, HIGH))
    other = cleared(round_of((*offers[::-1], a_bid(3, 7, 9)), fees, HIGH))

    assert flows(first) == flows(other) == {(0, 2): 5, (1, 2): 2}


def best_welfare(market_round: Round) -> int:
    """Return the largest welfare by a linear program with a variable for each pair and route."""
    program = Program("pairs")
    book = [(i, order) for i, order in enumerate(market_round.orders) if order is not None]
    routes = {
        (edge.offer, edge.bid, False): (edge.fee, 0, edge.capacity) for edge in market_round.edges
    }
    spokes = market_round.spokes or (None,) * len(market_round.orders)
    for (i, offer), (j, bid) in product(book, book):
        one, other = spokes[i], spokes[j]
        if offer.kind is Kind.BID or bid.kind is Kind.OFFER or one is None or other is None:
            continue
        if one.manager == other.manager:
            routes[i, j, True] = (other.fee, one.fee, NO_LIMIT)
    terms: dict[tuple[int, bool], list[tuple[object, float]]] = {}
    for (i, j, pooled), (fee, sellers_fee, capacity) in routes.items():
        value = min(market_round.order(j).price - fee, market_round.real_time_price)
        gain = value - sellers_fee - market_round.order(i).price
        flow = program.variable(f"flow_{i}_{j}_{pooled}", 0.0, float(capacity), cost=-float(gain))
        for key in {(i, False), (j, False), (i, pooled), (j, pooled)}:
            terms.setdefault(key, []).append((flow, 1.0))
    for (i, pooled), of_order in terms.items():
        spoke = spokes[i]
        limit = spoke.capacity if pooled and spoke else market_round.order(i).energy
        program.require(f"limit_{i}_{pooled}", of_order, AT_MOST, float(limit))  # type: ignore[arg-type]
    return round(-program.solve(time_limit_s=10.0).objective_usd) if routes else 0


def small_round(rng: np.random.Generator, orders: int = 8) -> Round:
    return hybrid_round(
        rng,
        orders=int(rng.integers(orders + 1)),
        energy=int(rng.choice([1, 4, 1000])),
        grain=int(rng.choice([1, 7])),
        lines=float(rng.choice([0.0, 0.4, 1.0])),
        managers=int(rng.choice([0, 1, 3])),
        limited=float(rng.choice([0.0, 0.5])),
    )


def test_1000_books_have_the_welfare_that_another_program_finds() -> None:
    rng, traded = np.random.default_rng(8), 0
    for _ in range(1000):
        market_round = small_round(rng)

        outcome = cleared(market_round)

        assert welfare(market_round, outcome) == best_welfare(market_round)
        traded += bool(outcome.trades)
    assert traded > 400


def with_energy(market_round: Round, position: int, difference: int) -> Round:
    orders = list(market_round.orders)
    energy = market_round.order(position).energy + difference
    orders[position] = replace(market_round.order(position), energy=Wh(energy)) if energy else None
    edges = tuple(
        edge for edge in market_round.edges if energy or position not in (edge.offer, edge.bid)
    )
    return replace(market_round, orders=tuple(orders), edges=edges)


def test_extreme_prices_are_what_a_wh_more_or_less_of_the_order_is_worth() -> None:
    """
    Welfare is concave in an order's energy, with kinks at whole Wh.

    Its slopes on both sides are the largest and the smallest dual.
    """
    rng, checked = np.random.default_rng(9), 0
    for _ in range(120):
        market_round = small_round(rng, orders=6)
        best = best_welfare(market_round)
        for theta in (SELLER_BEST, BUYER_BEST):
            for trade in cleared(market_round, theta).trades:
                sellers_gain = trade.price - market_round.order(trade.offer).price
                buyers_gain = worth(market_round, trade) - sellers_gain - trade.surplus
                for position, gain in ((trade.offer, sellers_gain), (trade.bid, buyers_gain)):
                    is_largest = (position == trade.offer) == (theta == SELLER_BEST)
                    change = -1 if is_largest else 1
                    other = best_welfare(with_energy(market_round, position, change))
                    assert gain == change * (other - best)
                    checked += 1
    assert checked > 180


def test_average_is_between_the_extremes_rounded_for_the_buyers() -> None:
    for market_round in hybrid_rounds(11, 100):
        seller, average, buyer = (cleared(market_round, theta).trades for theta in THETAS)

        for high, middle, low in zip(seller, average, buyer, strict=True):
            assert middle.price == (high.price + low.price) // 2


def test_prices_are_within_limits_and_money_goes_where_it_is_said_to_go() -> None:
    for market_round in hybrid_rounds(12, 300):
        limited = any(edge.capacity < NO_LIMIT for edge in market_round.edges) or any(
            spoke.capacity < NO_LIMIT for spoke in market_round.spokes if spoke
        )

        outcome = cleared(market_round)

        for trade in outcome.trades:
            high = market_round.order(trade.bid).price
            paid = trade.price + trade.fee + trade.surplus
            assert market_round.order(trade.offer).price <= trade.price
            assert trade.price <= market_round.real_time_price
            assert paid <= high
            assert trade.surplus == 0 or limited
        of_one = {(trade.offer, trade.price) for trade in outcome.trades}
        assert len(of_one) == len({offer for offer, _ in of_one})  # one price for all its energy


def test_a_free_pool_has_the_volume_and_welfare_of_uniform() -> None:
    for market_round in random_rounds(13, 300):
        own, other = cleared(market_round), Uniform().clear(market_round)
        free = tuple(
            spoke if spoke == POOL and order is not None else None
            for order, spoke in zip(market_round.orders, market_round.spokes, strict=True)
        )

        inside = own if free == market_round.spokes else cleared(replace(market_round, spokes=free))

        assert welfare(market_round, inside) == welfare(market_round, other)
        assert sum(t.energy for t in inside.trades) == sum(t.energy for t in other.trades)


def at_prices_of(honest: Outcome, trades: tuple[Trade, ...]) -> Outcome:
    """Return other trades with an outcome's certificate and, where a seller has one, its price."""
    paid = {trade.offer: trade.price for trade in honest.trades}
    priced = tuple(replace(trade, price=paid.get(trade.offer, trade.price)) for trade in trades)
    return replace(honest, trades=priced)


def test_one_outcome_only_passes_the_check() -> None:
    """Of all ways to trade a small book at right prices, the certificate proves one."""
    rng, refused = np.random.default_rng(14), 0
    for _ in range(80):
        market_round = hybrid_round(rng, orders=5, energy=2, grain=1, managers=0, lines=0.8)
        mechanism, honest = Matching(), cleared(market_round)
        for energies in product(range(3), repeat=min(len(market_round.edges), 5)):
            trades = tuple(
                Trade(offer=e.offer, bid=e.bid, energy=Wh(energy), fee=e.fee, price=low.price)
                for e, energy in zip(market_round.edges, energies, strict=False)
                if energy
                for low in [market_round.order(e.offer)]
            )
            if flows(Outcome(trades=trades)) == flows(honest):
                continue
            with pytest.raises(ContractRevert):
                mechanism.certificate_of(market_round, trades)
            with pytest.raises(ContractRevert):
                mechanism.verify(market_round, at_prices_of(honest, trades))
            refused += 1
    assert refused > 1000


def test_partners_are_not_swapped_where_short_lots_agree() -> None:
    """Of lots of 32 bits, those of (21, 99), (314, 170) and of (21, 170), (314, 99) sum alike."""
    market_round = swappable_round()
    honest = cleared(market_round)
    offers, bids = (21, 314), (99, 170)
    short = [[lot(offer, bid) for bid in bids] for offer in offers]
    assert short[0][0] + short[1][1] == short[0][1] + short[1][0]

    swapped = with_partners_swapped(honest)

    assert flows(honest).keys() | flows(swapped).keys() == set(product(offers, bids))
    for refused in (
        lambda: Matching().verify(market_round, swapped),
        lambda: Matching().certificate_of(market_round, swapped.trades),
    ):
        with pytest.raises(ContractRevert, match="DualsContradict"):
            refused()


def test_a_line_without_capacity_changes_nothing() -> None:
    for market_round in hybrid_rounds(16, 100):
        closed = replace(
            market_round,
            edges=tuple(
                replace(edge, capacity=Wh(0)) if k % 2 else edge
                for k, edge in enumerate(market_round.edges)
            ),
        )
        without = replace(market_round, edges=market_round.edges[::2])

        assert cleared(closed) == cleared(without)
        Matching().verify(closed, cleared(without))


@pytest.mark.parametrize(
    "market_round",
    [
        Round(orders=(), edges=(), real_time_price=HIGH),
        pool_round([(5, 3)], []),
        pool_round([], [(5, 3)]),
        pool_round([(5, 3)] * 3, [(4, 3)] * 3),
        pool_round([(5, 0)], [(5, 0)]),
        pool_round([(5, 3), (5, 4)], [(5, 9)], MicroUsdPerMwh(3 * USD)),
        pool_round([(MAX_ENERGY, 0)], [(MAX_ENERGY, MAX_PRICE / USD)], MicroUsdPerMwh(MAX_PRICE)),
        pool_round([(5, 3)], [(5, 9)], MicroUsdPerMwh(0)),
    ],
    ids=["empty", "offers", "bids", "ties", "free", "capped", "huge", "no price"],
)
def test_odd_books_clear_and_are_proved_again(market_round: Round) -> None:
    for theta in THETAS:
        outcome = cleared(market_round, theta)

        again = Matching(theta).certificate_of(market_round, outcome.trades)

        assert again == outcome.certificate


def test_certificates_are_found_again_without_a_solver() -> None:
    for market_round in hybrid_rounds(15, 100):
        outcome = cleared(market_round)

        assert Matching().certificate_of(market_round, outcome.trades) == outcome.certificate


def test_refuses_what_it_did_not_decide() -> None:
    outcome = cleared(KNOWN)
    first, second = outcome.trades
    less = replace(first, energy=Wh(4))
    dearer = replace(first, price=MicroUsdPerMwh(first.price + 1))
    taxed = replace(first, surplus=MicroUsdPerMwh(1))
    cases = {
        "DualsContradict": replace(outcome, trades=(less, second)),
        "WrongPrice": replace(outcome, trades=(dearer, second)),
        "BadCertificate": replace(outcome, certificate=outcome.certificate[1:]),
        "NotExtreme": replace(outcome, certificate=without_ranks(outcome.certificate)),
        "Overfilled": replace(outcome, trades=(replace(first, energy=Wh(6)), second)),
    }

    for name, bent in cases.items():
        with pytest.raises(ContractRevert) as refusal:
            Matching().verify(KNOWN, bent)
        assert refusal.value.name == name
    for trades in ((dearer, second), (taxed, second), (less, second), ()):
        with pytest.raises(ContractRevert):
            Matching().certificate_of(KNOWN, trades)


def without_ranks(certificate: bytes) -> bytes:
    return b"".join(certificate[k : k + 30] + bytes(2) for k in range(0, len(certificate), 32))


def test_not_to_trade_is_refused_where_a_line_is_worth_it() -> None:
    """Nobody gains, ties are as time wants them: only the idle lines contradict."""
    entries = len(KNOWN.orders)
    words = [(position - entries << TIME_SHIFT) << 128 for position in range(entries)]
    certificate = b"".join((word % 2**256).to_bytes(32, "big") for word in words)

    with pytest.raises(ContractRevert, match=r"DualsContradict\(tail=0, head=2\)"):
        Matching().verify(KNOWN, Outcome(trades=(), certificate=certificate))


def test_bounds_in_a_circle_prove_nothing() -> None:
    """The buyer-best gains, sold as the seller-best: pairs bound each other, nobody the pairs."""
    least = cleared(KNOWN, BUYER_BEST)
    ranks = [2, 2, 1, 1]
    forged = b"".join(
        least.certificate[32 * k : 32 * k + 30] + rank.to_bytes(2, "big")
        for k, rank in enumerate(ranks)
    )

    with pytest.raises(ContractRevert, match="NotExtreme"):
        Matching(SELLER_BEST).verify(KNOWN, replace(least, certificate=forged))


def test_trades_through_a_manager_do_not_cross() -> None:
    market_round = pool_round([(5, 1), (5, 1)], [(5, 9), (5, 9)])
    honest = cleared(market_round)
    first, second = honest.trades
    crossed = (replace(first, bid=second.bid), replace(second, bid=first.bid))

    with pytest.raises(ContractRevert, match="NotPaired"):
        Matching().verify(market_round, replace(honest, trades=crossed))


def test_a_scenario_says_whom_prices_favour() -> None:
    free = MicroUsdPerMwh(0)

    assert Matching.of({}, free) == Matching(AVERAGE)
    assert Matching.of({"theta": "buyer-best"}, free).parameters == (BUYER_BEST,)
    assert Matching.of_parameters([SELLER_BEST]) == Matching(SELLER_BEST)
    with pytest.raises(InvalidInputError, match="theta"):
        Matching(3)


def test_what_the_community_lacks_the_grid_delivers() -> None:
    """5 Wh of its own at 6 are sold inside for 10; 3 Wh more are worth their import at 9."""
    market_round = pool_round([(5, 6)], [(8, 10)])
    grid = Grid(import_price=usd(9), export_price=usd(7))
    routes = trade_network(market_round, grid)
    weights = weights_of(routes, market_round.real_time_price).welfare + routes.grid_weights()

    flow = largest(routes.network, [weights])

    assert routes.of_spokes(flow).tolist() == [5, 8]
    assert routes.of_grid(flow).tolist() == [3, 0, 3, 0]
    assert int((flow * weights).sum()) == 23 * USD


def test_what_the_community_does_not_want_goes_to_the_grid() -> None:
    market_round = pool_round([(5, 6), (5, 8)], [(2, 10)])
    grid = Grid(import_price=usd(9), export_price=usd(7))
    routes = trade_network(market_round, grid)
    weights = weights_of(routes, market_round.real_time_price).welfare + routes.grid_weights()

    flow = largest(routes.network, [weights])

    assert routes.of_spokes(flow).tolist() == [5, 0, 2]
    assert routes.of_grid(flow).tolist() == [0, 3, 0, 3]


def a_large_round(orders: int, lines: int) -> Round:
    """As many offers as bids, each offer with some lines; or, without any, one pool with fees."""
    rng = np.random.default_rng(orders)
    prices = rng.integers(50, 150, orders), rng.integers(100, 300, orders)
    book = tuple(
        an_order(kind, 1 + k, int(rng.integers(5_000, 75_000)), float(price))
        for kind, side in ((Kind.OFFER, prices[0]), (Kind.BID, prices[1]))
        for k, price in enumerate(side)
    )
    edges = tuple(
        Edge(offer=i, bid=int(j), fee=usd(float(fee)))
        for i in range(orders if lines else 0)
        for j, fee in zip(
            np.sort(rng.choice(orders, lines, replace=False)) + orders,
            rng.integers(0, 50, lines),
            strict=True,
        )
        if book[i].price + usd(float(fee)) <= book[int(j)].price
    )
    spokes = tuple(Spoke(manager=1, fee=usd(float(fee))) for fee in rng.integers(0, 20, 2 * orders))
    return Round(orders=book, edges=edges, spokes=() if lines else spokes, real_time_price=HIGH)


@pytest.mark.parametrize(("orders", "lines", "seconds"), [(2000, 8, 5.0), (1000, 0, 2.5)])
def test_large_books_clear_in_time(orders: int, lines: int, seconds: float) -> None:
    """2,000 × 2,000 orders with 8 lines each; 1,000 × 1,000 in a pool, without their pairs."""
    market_round = a_large_round(orders, lines)

    started = time.process_time()
    outcome = Matching().clear(market_round)
    taken = time.process_time() - started

    Matching().verify(market_round, outcome)
    assert len(outcome.trades) > orders
    assert taken < seconds
