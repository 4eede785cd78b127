"""The auction in rounds: known answer, round by round, and what always holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind, Order
from oracle.domain.community import Prosumer
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.average_rounds import AverageRounds, opening_terms
from oracle.market.mechanism import POOL, Outcome, Round, community_round, require_feasible
from oracle.market.terms import Quote, Stated
from oracle.units import Bps, MicroUsdPerMwh, Wh
from tests.oracle.pools import HIGH, USD, pool_round, random_round, random_rounds, taking_part
from tests.oracle.shares import with_terms

Match = tuple[int, int, int, int]  # offer, bid, energy, price
Row = tuple[Kind, int, float, float]  # kind, energy, limit and opening price in USD/MWh

FREE = MicroUsdPerMwh(0)


def mechanism_of(step: int, export_price: int) -> AverageRounds:
    return AverageRounds(MicroUsdPerMwh(step), MicroUsdPerMwh(export_price))


def round_with(rows: Sequence[Row], real_time_price: MicroUsdPerMwh = HIGH) -> Round:
    book = tuple(
        Order(
            kind=kind,
            participant=number,
            energy=Wh(energy),
            price=MicroUsdPerMwh(round(limit * USD)),
            terms=opening_terms(MicroUsdPerMwh(round(opening * USD))),
        )
        for number, (kind, energy, limit, opening) in enumerate(rows, 1)
    )
    return community_round(book, real_time_price)


def matches_of(outcome: Outcome) -> list[Match]:
    return [(t.offer, t.bid, int(t.energy), int(t.price)) for t in outcome.trades]


@dataclass
class Mover:
    """An order on its way, in one round after the other."""

    position: int
    energy: int
    price: int
    end: int

    def move(self, step: int) -> bool:
        before = self.price
        way = self.end - self.price
        self.price += max(-step, min(step, way))
        return self.price != before


def movers(market_round: Round, kind: Kind, export_price: int) -> list[Mover]:
    m = market_round.real_time_price
    x = min(export_price, m)
    result = []
    for position, energy, limit in taking_part(market_round, kind):
        opening = market_round.order(position).terms % 2**48
        if kind is Kind.OFFER:
            end = max(limit, x)
            opening = min(max(opening, end), m)
        else:
            end = limit
            opening = min(max(opening or limit, x), limit)
        result.append(Mover(position, energy, opening, end))
    return result


def round_by_round(market_round: Round, step: int, export_price: int) -> list[Match]:
    """Every round, and in it every Wh by itself."""
    offers = movers(market_round, Kind.OFFER, export_price)
    bids = movers(market_round, Kind.BID, export_price)
    traded: dict[tuple[int, int], list[int]] = {}
    while True:
        while offers and bids:
            offer = min(offers, key=lambda mover: (mover.price, mover.position))
            bid = min(bids, key=lambda mover: (-mover.price, mover.position))
            if bid.price < offer.price:
                break
            price = (offer.price + bid.price) // 2
            traded.setdefault((offer.position, bid.position), []).append(price)
            offer.energy -= 1
            bid.energy -= 1
            offers = [mover for mover in offers if mover.energy]
            bids = [mover for mover in bids if mover.energy]
        if not [mover for mover in (*offers, *bids) if mover.move(step)]:
            break
    assert all(len(set(prices)) == 1 for prices in traded.values())
    return [(*pair, len(prices), prices[0]) for pair, prices in sorted(traded.items())]


def test_the_book_of_the_table() -> None:
    """Bids 10, 7, offers 6, 8, step 0.5: 8.0 in round 1 and 7.5 in round 2."""
    market_round = round_with(
        [
            (Kind.BID, 1, 99, 10),
            (Kind.BID, 1, 99, 7),
            (Kind.OFFER, 1, 1, 6),
            (Kind.OFFER, 1, 1, 8),
        ]
    )

    outcome = mechanism_of(USD // 2, 0).clear(market_round)

    assert matches_of(outcome) == [(2, 0, 1, 8 * USD), (3, 1, 1, 7_500_000)]
    assert outcome.certificate == b"\0\0\0\1"


@pytest.mark.parametrize(
    ("rows", "price"),
    [
        ([(Kind.OFFER, 1, 5, 0), (Kind.BID, 1, 9, 0)], 7),  # no terms: at their limits
        ([(Kind.OFFER, 1, 5, 4), (Kind.BID, 1, 9, 10)], 7),  # beyond their limits: the same
        ([(Kind.OFFER, 1, 5, 9), (Kind.BID, 1, 9, 5)], 7),  # four steps each
        ([(Kind.OFFER, 1, 8, 9), (Kind.BID, 1, 9, 5)], 8),  # the offer stops, the bid goes on
        ([(Kind.OFFER, 1, 5, 9), (Kind.BID, 1, 6, 5)], 6),  # the bid stops
        ([(Kind.OFFER, 1, 7, 9), (Kind.BID, 1, 7, 5)], 7),  # both at their limits
        ([(Kind.OFFER, 1, 7.000001, 9), (Kind.BID, 1, 7, 5)], None),
        ([(Kind.OFFER, 1, 2, 2), (Kind.BID, 1, 8, 1)], 3),  # neither opens below 3
        ([(Kind.OFFER, 1, 0, 0), (Kind.BID, 1, 2, 1)], None),  # and no offer goes there
        ([(Kind.OFFER, 1, 11, 15), (Kind.BID, 1, 20, 20)], 12),  # neither opens above 12
        ([(Kind.OFFER, 1, 12, 0), (Kind.BID, 1, 13, 0)], 12),
        ([(Kind.OFFER, 1, 12.5, 0), (Kind.BID, 1, 13, 0)], None),  # above the import price
        ([(Kind.OFFER, 1, 5, 0)], None),
        ([(Kind.BID, 1, 5, 0)], None),
        ([], None),
    ],
)
def test_orders_move_to_their_ends(rows: list[Row], price: float | None) -> None:
    market_round = round_with(rows, MicroUsdPerMwh(12 * USD))
    mechanism = mechanism_of(USD // 2, 3 * USD)

    outcome = mechanism.clear(market_round)

    expected = [] if price is None else [(0, 1, 1, price * USD)]
    assert matches_of(outcome) == expected
    mechanism.verify(market_round, outcome)


@pytest.mark.parametrize("first", ["moving", "standing"])
def test_of_equal_prices_the_earlier_comes_first_however_it_got_there(first: str) -> None:
    """In round 3 one offer comes down to where the other has stood all the time."""
    moving, standing = (Kind.OFFER, 1, 1, 5), (Kind.OFFER, 1, 4, 4)
    offers: list[Row] = [moving, standing] if first == "moving" else [standing, moving]
    market_round = round_with([*offers, (Kind.BID, 1, 9, 3)])

    outcome = mechanism_of(USD // 2, 0).clear(market_round)

    assert matches_of(outcome) == [(0, 2, 1, 4 * USD)]


def test_the_largest_numbers_take_no_longer() -> None:
    """Of 2⁴⁸ rounds all but the last are skipped."""
    top = MAX_PRICE / USD
    market_round = round_with(
        [(Kind.OFFER, MAX_ENERGY, 0, top), (Kind.BID, MAX_ENERGY, top, 0.000001)],
        MicroUsdPerMwh(MAX_PRICE),
    )
    mechanism = mechanism_of(1, 0)

    outcome = mechanism.clear(market_round)

    assert matches_of(outcome) == [(0, 1, MAX_ENERGY, 2**47)]
    mechanism.verify(market_round, outcome)


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    market_round = pool_round([(1, 1), (1, 5)], [(1, 9), (1, 7)])
    outside = replace(market_round, spokes=(None, POOL, POOL, POOL))
    mechanism = mechanism_of(1, 0)

    outcome = mechanism.clear(outside)

    assert matches_of(outcome) == [(1, 2, 1, 7 * USD)]
    mechanism.verify(outside, outcome)
    nobody = replace(market_round, spokes=())
    assert mechanism.clear(nobody) == Outcome(trades=())
    mechanism.verify(nobody, Outcome(trades=()))


def test_1200_random_books_round_by_round() -> None:
    rng = np.random.default_rng(7)
    for number, plain in enumerate(random_rounds(71, 1200, price=20)):
        market_round = with_terms(rng, plain, 25)
        step, export_price = 1 + number % 4, number % 7
        mechanism = mechanism_of(step, export_price)
        outcome = mechanism.clear(market_round)

        assert matches_of(outcome) == round_by_round(market_round, step, export_price)
        mechanism.verify(market_round, outcome)
        assert mechanism.certificate_of(market_round, outcome.trades) == outcome.certificate


@given(
    seed=st.integers(0, 2**32),
    energy=st.integers(1, MAX_ENERGY),
    price=st.integers(0, MAX_PRICE),
    step=st.integers(1, MAX_PRICE),
    export_price=st.integers(0, MAX_PRICE),
)
def test_rational_balanced_and_conserving(
    seed: int, energy: int, price: int, step: int, export_price: int
) -> None:
    rng = np.random.default_rng(seed)
    market_round = random_round(rng, energy=energy, price=price, real_time_price=price // 2 + 1)
    market_round = with_terms(rng, market_round, price)
    mechanism = mechanism_of(step, export_price)

    outcome = mechanism.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert all(trade.surplus == trade.fee == 0 for trade in outcome.trades)
    low = min(export_price, market_round.real_time_price)
    assert all(trade.price >= low for trade in outcome.trades)
    mechanism.verify(market_round, outcome)


def test_refuses_a_trade_that_the_rounds_do_not_bring_about() -> None:
    """Both limits admit it, but it is below the export price, where no offer goes."""
    market_round = round_with([(Kind.OFFER, 1, 1, 0), (Kind.BID, 1, 2, 0)])
    (trade,) = mechanism_of(1, 0).clear(market_round).trades
    mechanism = mechanism_of(1, 3 * USD)

    assert mechanism.certificate_of(market_round, []) == b""
    with pytest.raises(ContractRevert, match="TooManyTrades"):
        mechanism.verify(market_round, Outcome(trades=(trade,), certificate=b"\0\0"))
    with pytest.raises(ContractRevert, match="BadCertificate"):
        mechanism.verify(market_round, Outcome(trades=(trade,), certificate=b"\0"))
    with pytest.raises(ContractRevert, match="WrongMatch"):
        mechanism_of(1, 0).certificate_of(market_round, [])


def test_is_what_its_scenario_and_its_contract_say() -> None:
    x = MicroUsdPerMwh(4)

    assert AverageRounds.of({}, x) == mechanism_of(5_000_000, 4)
    assert AverageRounds.of({"step_usd_per_kwh": 1e-9}, x) == mechanism_of(1, 4)
    assert AverageRounds.of_parameters([1, 4]) == mechanism_of(1, 4)
    assert mechanism_of(1, 4).parameters == (1, 4)


@pytest.mark.parametrize("step", [0, MAX_PRICE + 1])
def test_refuses_a_step_that_leads_nowhere(step: int) -> None:
    with pytest.raises(InvalidInputError, match="step"):
        mechanism_of(step, 0)


def test_an_order_opens_at_what_its_strategy_states() -> None:
    quote = Quote(kind=Kind.BID, energy=Wh(5), limit=MicroUsdPerMwh(9), price=MicroUsdPerMwh(6))
    prosumer = Prosumer(
        name="a",
        initial_reputation=Bps(0),
        sale_cost=FREE,
        utility=FREE,
        saturation=Wh(1),
        cost_weight=Bps(1),
    )

    assert AverageRounds.stated(prosumer, quote) == Stated(price=MicroUsdPerMwh(9), terms=6)
