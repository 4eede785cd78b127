"""The hashes that the Exchange keeps of a slot; twins of contracts/exchange/."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak as keccak_256
from eth_utils.crypto import keccak

from oracle.domain.book import FIRST_MANAGER, MAX_MANAGERS, Order, Trade
from oracle.domain.record import LineEntry
from oracle.domain.rows import LINES_PER_WORD, MAX_ROW_WORDS, NO_CAPACITY
from oracle.units import Wh

NOTHING = "0x" + 64 * "0"
SETTLED = f"0x{1:064x}"
VOID = f"0x{2:064x}"

MAX_ROWS = 1 << 13  # more than a transaction can write


def rolling_hash(words: Iterable[int]) -> str:
    """Return h ← keccak256(h, word) over all words, from zero: of a book, or of readings."""
    value = bytes(32)
    for word in words:
        value = keccak(value + word.to_bytes(32, "big"))
    return "0x" + value.hex()


def outcome_hash(book: Sequence[Order], trades: Sequence[Trade]) -> str:
    """Return what is stored of a slot that is cleared and not yet settled."""
    words = _joined(order.pack() for order in book), _joined(trade.pack() for trade in trades)
    return "0x" + keccak(encode(["bytes", "bytes"], words)).hex()


def rows_hashes(lines: Sequence[LineEntry], row_words: int) -> Iterator[str]:
    """
    Return the hash of the lines' rows, then those with ever more empty rows after them.

    A row holds its lines as they come; lines that fit no row have no hash.
    """
    return _hashes(lines, row_words, lambda line: line.buyer << 20 | line.distance)


def capacities_hashes(
    lines: Sequence[LineEntry], row_words: int, capacities: Mapping[tuple[int, int], Wh]
) -> Iterator[str]:
    """Return the same of the lines' capacities, which have the same places."""
    if not capacities:
        yield "0x" + keccak(b"").hex()
    yield from _hashes(
        lines, row_words, lambda line: capacities.get((line.seller, line.buyer), NO_CAPACITY)
    )


def _hashes(
    lines: Sequence[LineEntry], row_words: int, word: Callable[[LineEntry], int]
) -> Iterator[str]:
    if not 0 < row_words <= MAX_ROW_WORDS:
        return
    peers = range(1, FIRST_MANAGER + MAX_MANAGERS)
    if not all(0 < one.seller <= MAX_ROWS and one.buyer in peers for one in lines):
        return
    last = max((line.seller for line in lines), default=0)
    rows: list[list[int]] = [[] for _ in range(last)]
    for line in lines:
        rows[line.seller - 1].append(word(line))
    if max(map(len, rows), default=0) > LINES_PER_WORD * row_words:
        return
    size = 4 * LINES_PER_WORD * row_words
    packed = (b"".join(one.to_bytes(4, "big") for one in row).ljust(size, b"\0") for row in rows)
    state = keccak_256.new(b"".join(packed))
    for _ in range(last, MAX_ROWS + 1):
        yield "0x" + state.copy().digest().hex()
        state.update(bytes(size))


def _joined(words: Iterable[int]) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)
