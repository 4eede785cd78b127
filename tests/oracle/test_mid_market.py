"""The middle of the grid's prices: known answers, brute force, and what always holds."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import MAX_ENERGY, MAX_PRICE
from oracle.errors import ContractRevert
from oracle.market.mechanism import POOL, Outcome, Round, require_feasible
from oracle.market.mid_market import MidMarket
from oracle.market.pool import pool_of, pooled_trades
from oracle.market.sharing import BlendedPrices
from oracle.units import MicroUsdPerMwh
from tests.oracle.pools import HIGH, USD, Rows, filled, pool_round, random_round, random_rounds
from tests.oracle.shares import fills_at

ROOT = Path(__file__).parents[2]

EXPORT = MicroUsdPerMwh(40 * USD)
IMPORT = MicroUsdPerMwh(200 * USD)
MECHANISM = MidMarket(EXPORT)


@pytest.mark.parametrize(
    ("generated", "demanded", "buyer", "seller"), [(6, 10, 152, 120), (10, 6, 120, 88)]
)
def test_long_et_al(generated: int, demanded: int, buyer: int, seller: int) -> None:
    """G 6, D 10 at .20/.04: .12 and .152; G 10, D 6: .088 and .12 USD/kWh."""
    market_round = pool_round([(generated, 0)], [(demanded, 1000)], IMPORT)

    outcome = MECHANISM.clear(market_round)

    assert [(trade.energy, trade.price) for trade in outcome.trades] == [(6, 120 * USD)]
    assert MECHANISM.blended_prices(market_round) == BlendedPrices(
        buyer=MicroUsdPerMwh(buyer * USD), seller=MicroUsdPerMwh(seller * USD)
    )


@pytest.mark.parametrize(
    ("offers", "bids", "fills"),
    [
        ([], [], []),
        ([(1, 2)], [], [0]),
        ([], [(1, 2)], [0]),
        ([(1, 120)], [(1, 120)], [1, 1]),  # at their limits both are willing
        ([(1, 120.000001)], [(1, 120)], [0, 0]),
        ([(1, 120)], [(1, 119.999999)], [0, 0]),
        ([(1, 0), (1, 0)], [(1, 200)], [1, 0, 1]),  # the odd Wh goes to the earlier
        ([(5, 0), (5, 0), (4, 0)], [(6, 200), (4, 200)], [4, 3, 3, 6, 4]),
        ([(5, 0)], [(6, 200), (3, 200), (9, 100)], [5, 3, 2, 0]),
        ([(1, 200), (2, 0)], [(3, 300)], [0, 2, 2]),
        ([(1, 201), (2, 0)], [(1, 300)], [0, 1, 1]),  # above the import price
    ],
)
def test_books_on_an_edge(offers: Rows, bids: Rows, fills: list[int]) -> None:
    market_round = pool_round(offers, bids, IMPORT)

    outcome = MECHANISM.clear(market_round)

    assert filled(market_round, outcome.trades) == fills
    assert {trade.price for trade in outcome.trades} <= {120 * USD}
    MECHANISM.verify(market_round, outcome)


@pytest.mark.parametrize(
    ("export_price", "import_price", "price"),
    [(0, 0, 0), (0, 1, 0), (1, 2, 1), (9, 4, 4), (0, MAX_PRICE, MAX_PRICE // 2)],
)
def test_the_middle_is_rounded_down_and_never_above_the_import_price(
    export_price: int, import_price: int, price: int
) -> None:
    market_round = pool_round([(1, 0)], [(1, MAX_PRICE / USD)], MicroUsdPerMwh(import_price))
    mechanism = MidMarket(MicroUsdPerMwh(export_price))

    outcome = mechanism.clear(market_round)

    assert [trade.price for trade in outcome.trades] == [price]
    mechanism.verify(market_round, outcome)


def test_the_largest_numbers_are_exact() -> None:
    bids = [(MAX_ENERGY, MAX_PRICE / USD)] * 299 + [(1, MAX_PRICE / USD)]
    market_round = pool_round([(MAX_ENERGY, 0)] * 300, bids, MicroUsdPerMwh(MAX_PRICE))

    outcome = MECHANISM.clear(market_round)

    share, left_over = divmod(299 * MAX_ENERGY + 1, 300)
    sold = filled(market_round, outcome.trades)[:300]
    assert sold == [share + (k < left_over) for k in range(300)]
    MECHANISM.verify(market_round, outcome)


def test_who_is_outside_the_pool_neither_trades_nor_blocks() -> None:
    market_round = pool_round([(1, 1), (1, 5)], [(2, 999)])
    outside = Round(
        orders=market_round.orders,
        edges=(),
        real_time_price=market_round.real_time_price,
        spokes=(None, POOL, POOL),
    )

    outcome = MECHANISM.clear(outside)

    assert filled(outside, outcome.trades) == [0, 1, 1]
    MECHANISM.verify(outside, outcome)
    nobody = Round(orders=market_round.orders, edges=(), real_time_price=HIGH)
    assert MECHANISM.clear(nobody) == Outcome(trades=())
    MECHANISM.verify(nobody, Outcome(trades=()))
    assert MECHANISM.blended_prices(nobody) == BlendedPrices(buyer=HIGH, seller=EXPORT)


def test_1200_random_books_against_shares_in_fractions() -> None:
    mechanism = MidMarket(MicroUsdPerMwh(2))
    for market_round in random_rounds(41, 1200):
        outcome = mechanism.clear(market_round)

        price = (min(2, market_round.real_time_price) + market_round.real_time_price) // 2
        assert filled(market_round, outcome.trades) == fills_at(market_round, price)
        assert {trade.price for trade in outcome.trades} <= {price}
        mechanism.verify(market_round, outcome)
        assert mechanism.certificate_of(market_round, outcome.trades) == b""


@given(
    seed=st.integers(0, 2**32),
    energy=st.integers(1, MAX_ENERGY),
    price=st.integers(0, MAX_PRICE),
    export_price=st.integers(0, MAX_PRICE),
)
def test_rational_balanced_and_conserving(
    seed: int, energy: int, price: int, export_price: int
) -> None:
    mechanism = MidMarket(MicroUsdPerMwh(export_price))
    market_round = random_round(
        np.random.default_rng(seed), energy=energy, price=price, real_time_price=price // 2 + 1
    )

    outcome = mechanism.clear(market_round)

    require_feasible(market_round, outcome.trades)  # within every limit, no energy twice
    assert all(trade.surplus == trade.fee == 0 for trade in outcome.trades)
    blended = mechanism.blended_prices(market_round)
    low = min(export_price, market_round.real_time_price)
    assert low <= blended.seller <= blended.buyer <= market_round.real_time_price
    mechanism.verify(market_round, outcome)


@pytest.mark.parametrize(
    ("fills", "price", "name"),
    [
        ([4, 3, 3, 10], 120, None),
        ([4, 3, 3, 10], 119, "WrongPrice"),
        ([4, 3, 2, 9], 120, "WrongVolume"),
        ([5, 3, 2, 10], 120, "WrongFill"),
        ([3, 4, 3, 10], 120, "NotProRata"),
    ],
)
def test_refuses_what_the_contract_refuses(fills: list[int], price: int, name: str | None) -> None:
    market_round = pool_round([(5, 0), (5, 0), (4, 0)], [(10, 200)], IMPORT)
    arrays = np.array(fills[:3]), np.array(fills[3:])
    trades = pooled_trades(pool_of(market_round), *arrays, price=price * USD)

    if name is None:
        MECHANISM.verify(market_round, Outcome(trades=trades))
        return
    with pytest.raises(ContractRevert) as refusal:
        MECHANISM.certificate_of(market_round, trades)

    assert refusal.value.name == name


def test_refuses_a_certificate() -> None:
    with pytest.raises(ContractRevert, match="BadCertificate"):
        MECHANISM.verify(pool_round([], []), Outcome(trades=(), certificate=b"\0"))


def test_is_what_its_scenario_and_its_contract_say() -> None:
    assert MidMarket.of({}, EXPORT) == MECHANISM == MidMarket.of_parameters([EXPORT])
    assert MECHANISM.parameters == (EXPORT,)


def test_the_guide_shows_the_mechanism_as_it_is() -> None:
    guide = (ROOT / "docs" / "new-mechanism.md").read_text(encoding="utf-8")
    sources = "".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in (
            "oracle/market/mid_market.py",
            "oracle/market/registry.py",
            "contracts/mechanisms/MidMarket.sol",
        )
    )

    shown = re.findall(r"```(?:python snippet|solidity|text)\n(.*?)```", guide, re.S)

    assert len(shown) == 3
    assert [block for block in shown if block not in sources] == []
