"""Orders and trades as words, and which entries of a book are live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.domain.book import (
    MAX_ENERGY,
    MAX_NONCE,
    MAX_PARTICIPANTS,
    MAX_PRICE,
    MAX_TERMS,
    Kind,
    Order,
    Trade,
    live_orders,
)
from oracle.errors import InvalidInputError
from oracle.units import Bps, MicroUsdPerMwh, Wh

ENERGIES = st.integers(0, MAX_ENERGY).map(Wh)
PRICES = st.integers(0, MAX_PRICE).map(MicroUsdPerMwh)

ORDERS = st.builds(
    Order,
    kind=st.sampled_from(Kind),
    participant=st.integers(1, MAX_PARTICIPANTS),
    energy=ENERGIES,
    price=PRICES,
    score=st.integers(0, 0xFFFF).map(Bps),
    terms=st.integers(0, MAX_TERMS),
    nonce=st.integers(0, MAX_NONCE),
)
POSITIONS = st.integers(0, 0xFFFF)
TRADES = st.builds(
    Trade,
    offer=POSITIONS,
    bid=POSITIONS,
    energy=ENERGIES,
    price=PRICES,
    fee=PRICES,
)


def an_order(kind: Kind, participant: int, energy: int = 1_000) -> Order:
    return Order(kind=kind, participant=participant, energy=Wh(energy))


def test_an_orders_word_has_its_fields_where_the_contract_expects_them() -> None:
    order = Order(
        kind=Kind.BID,
        participant=0x0203,
        score=Bps(0x0405),
        energy=Wh(0x06070809),
        price=MicroUsdPerMwh(0x0A0B0C0D0E0F),
        terms=0x101112131415161718191A1B,
        nonce=0xC1D1E,
    )

    assert order.pack() == 0x02_0203_0405_06070809_0A0B0C0D0E0F_00000_C1D1E_101112131415161718191A1B


def test_a_trades_word_has_its_fields_where_the_contract_expects_them() -> None:
    trade = Trade(
        offer=0x0102,
        bid=0x0304,
        energy=Wh(0x05060708),
        price=MicroUsdPerMwh(0x090A0B0C0D0E),
        fee=MicroUsdPerMwh(0x0F1011121314),
        delivered=Wh(0x15161718),  # is not in the word
    )

    assert trade.pack() == 0x0102_0304_05060708_090A0B0C0D0E_0F1011121314_000000000000000000000000


@pytest.mark.parametrize(
    "field",
    [
        {"participant": 0},
        {"energy": -1},
        {"energy": MAX_ENERGY + 1},
        {"price": -1},
        {"price": MAX_PRICE + 1},
        {"score": -1},
        {"score": 0x10000},
        {"terms": -1},
        {"terms": MAX_TERMS + 1},
        {"nonce": -1},
        {"nonce": MAX_NONCE + 1},
    ],
    ids=str,
)
def test_refuses_a_field_that_does_not_fit_its_bits(field: dict[str, int]) -> None:
    fields = {"kind": Kind.OFFER, "participant": 1, **field}

    with pytest.raises(InvalidInputError, match="does not fit its bits"):
        Order(**fields)  # type: ignore[arg-type]


def test_a_participant_that_no_chain_has_does_not_fit_an_orders_word() -> None:
    order = an_order(Kind.OFFER, MAX_PARTICIPANTS + 1)

    with pytest.raises(InvalidInputError, match="participant 1025 does not fit"):
        order.pack()


def test_a_cancellation_takes_its_participants_order_out_and_no_other() -> None:
    first, second = an_order(Kind.OFFER, 1), an_order(Kind.BID, 2)
    cancellation = an_order(Kind.CANCELLATION, 1, energy=0)
    late = an_order(Kind.OFFER, 3)

    live = live_orders((first, second, cancellation, late))

    assert live == (None, second, None, late)


@given(order=ORDERS)
def test_an_order_comes_back_from_its_word(order: Order) -> None:
    assert Order.unpack(order.pack()) == order


@given(trade=TRADES)
def test_a_trade_comes_back_from_its_word(trade: Trade) -> None:
    assert Trade.unpack(trade.pack()) == trade


@given(trade=TRADES, energy=ENERGIES)
def test_delivery_changes_nothing_else_of_a_trade(trade: Trade, energy: Wh) -> None:
    delivered = trade.with_delivered(energy)

    assert delivered.delivered == energy
    assert delivered.pack() == trade.pack()
