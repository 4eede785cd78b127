"""Why a signed order is passed over; as contracts/exchange/OpenBook.sol says it in OrderSkipped."""

from dataclasses import dataclass

from eth_utils.crypto import keccak

from oracle.audit.slot import Account, SlotLedger
from oracle.domain.book import MAX_NONCE, MAX_TERMS, Kind, Order
from oracle.domain.record import Constants
from oracle.units import Slot

WRONG_SIGNER = "WrongSigner(uint256,address)"
ERRORS = (
    "BadOrder(uint256)",
    "NoSuchParticipant(uint256)",
    WRONG_SIGNER,
    "NonceSpent(uint256,uint256)",
    "NoOrder(uint32)",
    "ZeroEnergy()",
    "PriceAboveCap(uint48,uint48)",
    "OrderExists(uint32)",
    "InsufficientFree(uint256,uint256)",
)
SELECTORS = {keccak(text=error)[:4]: error for error in ERRORS}

SCORE, NONCE, UNUSED = 0xFFFF << 216, MAX_NONCE << 96, 0xFFFFF << 116
CANCELLATION_BITS = 0xFFFFFF << 232 | NONCE


@dataclass(frozen=True, slots=True)
class Refusal:
    """A custom error and its values."""

    error: str
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        values = ", ".join(str(v) if v <= MAX_TERMS else f"{v:#x}" for v in self.values)
        return f"{self.error.partition('(')[0]}({values})"


def refusal_of(reason: str) -> Refusal | str:
    """Return what the hexadecimal data of an error say; the data where they say none of ours."""
    data = bytes.fromhex(reason[2:])
    error = SELECTORS.get(data[:4])
    words = [data[start : start + 32] for start in range(4, len(data), 32)]
    if error is None or any(len(word) != 32 for word in words):
        return reason
    return Refusal(error, tuple(int.from_bytes(word, "big") for word in words))


def refusal_of_word(word: int, participants: int) -> Refusal | None:
    """Return what refuses a word whoever signed it; None where it is the order of somebody."""
    if not is_clean(word):
        return Refusal("BadOrder(uint256)", (word,))
    number = word >> 232 & 0xFFFF
    if not 0 < number <= participants:
        return Refusal("NoSuchParticipant(uint256)", (number,))
    return None


def refusal_of_order(
    order: Order, slot: Slot, owner: str, account: Account, plain: SlotLedger, constants: Constants
) -> Refusal | None:
    """Return what refuses an order that its owner signed; None where it is to be taken."""
    if order.nonce < account.nonce:
        return Refusal("NonceSpent(uint256,uint256)", (order.nonce, account.nonce))
    if order.kind is Kind.CANCELLATION:
        return None if plain.owners.count(owner) == 1 else Refusal("NoOrder(uint32)", (slot,))
    if order.energy == 0:
        return Refusal("ZeroEnergy()")
    if order.price > constants.price_cap:
        return Refusal("PriceAboveCap(uint48,uint48)", (order.price, constants.price_cap))
    if owner in plain.owners:
        return Refusal("OrderExists(uint32)", (slot,))
    lock = order.lock(constants.bond_price)
    if account.free < lock:
        return Refusal("InsufficientFree(uint256,uint256)", (account.free, lock))
    return None


def is_clean(word: int) -> bool:
    """Return whether a signed order is of a known kind and has no bits but its own."""
    kind = word >> 248
    if kind in (Kind.OFFER, Kind.BID):
        return word & (SCORE | UNUSED) == 0
    return kind == Kind.CANCELLATION and word & ~CANCELLATION_BITS == 0
