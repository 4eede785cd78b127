"""Books and fees as files: what is read exactly, and what is refused in one line."""

from pathlib import Path

import pytest

from oracle.domain.book import MAX_ENERGY, MAX_PRICE, Kind
from oracle.errors import InvalidInputError
from oracle.scenario_files.book import BookFile, read_book

HEADINGS = "side,participant,energy_kwh,price_usd_per_kwh"
FEES = "seller,buyer,fee_usd_per_kwh"


def a_book(folder: Path, *rows: str, fees: list[str] | None = None) -> BookFile:
    (folder / "book.csv").write_text("\n".join([HEADINGS, *rows]) + "\n", encoding="utf-8")
    if fees is None:
        return read_book(folder / "book.csv")
    (folder / "fees.csv").write_text("\n".join([FEES, *fees]) + "\n", encoding="utf-8")
    return read_book(folder / "book.csv", folder / "fees.csv")


def test_reads_orders_in_their_order_and_exactly(tmp_path: Path) -> None:
    book = a_book(
        tmp_path,
        "bid,Anna Müller,0.001,281474.976710655",
        "offer, 7 ,4294967.295,1e-9",
        "offer,c,5,.1",
    )

    assert book.names == ("Anna Müller", "7", "c")
    assert [order.kind for order in book.orders] == [Kind.BID, Kind.OFFER, Kind.OFFER]
    assert [order.energy for order in book.orders] == [1, MAX_ENERGY, 5000]
    assert [order.price for order in book.orders] == [MAX_PRICE, 1, 10**8]
    assert [order.participant for order in book.orders] == [1, 2, 3]
    assert book.fees is None


def test_columns_may_come_in_any_order_and_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text(
        "\ufeffparticipant,price_usd_per_kwh,side,energy_kwh\n\na,0.25,bid,1.5\n", encoding="utf-8"
    )

    (order,) = read_book(path).orders

    assert (order.kind, order.energy, order.price) == (Kind.BID, 1500, 250_000_000)


def test_reads_fees_by_the_positions_of_seller_and_buyer(tmp_path: Path) -> None:
    book = a_book(tmp_path, "bid,b,1,1", "offer,s,1,0.5", fees=["s,b,0.0125"])

    assert book.fees == {(1, 0): 12_500_000}


def test_a_book_may_be_empty(tmp_path: Path) -> None:
    assert a_book(tmp_path, fees=[]).orders == ()


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("ask,b,1,1", "line 3, side: expected offer or bid, got ask"),
        ("bid,,1,1", "line 3, participant: expected a name, got an empty cell"),
        ("bid,b,0,1", "line 3, energy_kwh: expected at least half a Wh, got 0"),
        ("bid,b,0.0005,1", "line 3, energy_kwh: expected at least half a Wh, got 0.0005"),
        ("bid,b,-1,1", r"line 3, energy_kwh: expected a number in \[0, 4294967.295\], got -1"),
        ("bid,b,4294967.296,1", "line 3, energy_kwh: expected a number"),
        ("bid,b,4294967.2956,1", "line 3, energy_kwh: expected a number"),
        ("bid,b,1,-0.01", "line 3, price_usd_per_kwh: expected a number"),
        ("bid,b,1,-1e-12", "line 3, price_usd_per_kwh: expected a number"),
        ("bid,b,inf,1", "line 3, energy_kwh: expected a number"),
        ("bid,b,1,281474.976710656", r"price_usd_per_kwh: expected a number in \[0, 281474.97671"),
        ("bid,b,1,nan", "line 3, price_usd_per_kwh: expected a number"),
        ("bid,b,1,1e999", "line 3, price_usd_per_kwh: expected a number"),
        ("bid,b,1," + 41 * "1", "line 3, price_usd_per_kwh: expected a number"),
        ("bid,b,1", "line 3: expected 4 values, got 3"),
        ('bid,"b,1,1', "line 3: expected comma-separated values"),
    ],
)
def test_refuses_a_row_with_file_line_and_column(tmp_path: Path, row: str, error: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^book.csv, .*{error}"):
        a_book(tmp_path, "offer,a,1,1", row)


def test_a_participant_may_have_several_orders_and_a_fee_is_that_of_each_pair(
    tmp_path: Path,
) -> None:
    rows = ["offer,s,1,1", "offer,s,2,2", "bid,b,1,3", "bid,s,1,4", "bid,b,1,5"]

    book = a_book(tmp_path, *rows, fees=["s,b,0.5", "s,s,0"])

    assert book.names == ("s", "s", "b", "s", "b")
    assert [order.participant for order in book.orders] == [1, 2, 3, 4, 5]
    half = 500_000_000
    assert book.fees == {
        **{(0, 2): half, (0, 4): half, (1, 2): half, (1, 4): half},
        **{(0, 3): 0, (1, 3): 0},
    }


def test_a_fee_of_names_with_too_many_orders_is_refused(tmp_path: Path) -> None:
    rows = ["offer,s,1,1"] * 1000 + ["bid,b,1,2"] * 1001

    with pytest.raises(InvalidInputError, match=r"^fees.csv, line 2: expected at most 1,000,000"):
        a_book(tmp_path, *rows, fees=["s,b,0"])


def test_numbers_are_rounded_to_the_nearest_and_counted(tmp_path: Path) -> None:
    rows = ["bid,b,4.222109257625241,0.30000000000000004", "offer,s,0.00051,1.23456789e-1"]

    book = a_book(tmp_path, *rows, fees=["s,b,1e-10"])

    assert [order.energy for order in book.orders] == [4222, 1]
    assert [order.price for order in book.orders] == [300_000_000, 123_456_789]
    assert book.fees == {(1, 0): 0}
    assert book.rounded == 4


def test_sides_are_read_in_any_case_and_rows_of_empty_cells_passed_over(tmp_path: Path) -> None:
    book = a_book(tmp_path, ",,,", "Bid,a,1,1", " , ,,", "OFFER,b,1,-0", "  ", fees=[",,"])

    assert [order.kind for order in book.orders] == [Kind.BID, Kind.OFFER]
    assert [order.price for order in book.orders] == [10**9, 0]
    assert (book.fees, book.rounded) == ({}, 0)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("x,b,0", "line 2, seller: expected a participant with an offer, got x"),
        ("s,s,0", "line 2, buyer: expected a participant with a bid, got s"),
        ("s,b,-1", "line 2, fee_usd_per_kwh: expected a number"),
        ("s,b,0\ns,b,1", "line 3: expected one fee of this pair, got a second"),
    ],
)
def test_refuses_a_fee_with_file_line_and_column(tmp_path: Path, row: str, error: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^fees.csv, {error}"):
        a_book(tmp_path, "offer,s,1,1", "bid,b,1,2", fees=[row])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1, side: expected this column, but it is missing"),
        ("side,participant,energy_kwh\n", "line 1, price_usd_per_kwh: expected this column"),
        (
            "side,participant,energy_kwh,price_usd_kwh\n",
            'line 1, column "price_usd_kwh": expected a known column, did you mean price_usd_per_',
        ),
        (HEADINGS + ",side\n", "line 1, side: expected this column only once"),
    ],
)
def test_refuses_other_headings(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "book.csv").write_text(text, encoding="utf-8")

    with pytest.raises(InvalidInputError, match=error):
        read_book(tmp_path / "book.csv")


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nix.csv: expected this file in"):
        read_book(tmp_path / "nix.csv")
