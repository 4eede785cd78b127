"""The hashes that the Exchange keeps of a slot; twins of contracts/exchange/."""

from collections.abc import Iterable, Sequence

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from oracle.domain.book import Order, Trade

NOTHING = "0x" + 64 * "0"
SETTLED = f"0x{1:064x}"
VOID = f"0x{2:064x}"


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


def _joined(words: Iterable[int]) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)
