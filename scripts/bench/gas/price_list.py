"""
What the chain charges at least for a transaction: its price list, in gas.

A floor is the price of what no implementation of the same calls can leave out. It takes calldata
and logs as they were sent and emitted and adds each storage word that must change; computing,
memory and reading further words are free in it.
"""

from dataclasses import dataclass

TRANSACTION = 21_000
CALLDATA_ZERO_BYTE = 4
CALLDATA_BYTE = 16
LEAST_PER_ZERO_BYTE = 10  # EIP-7623: calldata costs this in all, where the rest costs less
LEAST_PER_BYTE = 40
CHANGED_WORD = 5_000  # first access 2,100, change 2,900
NEW_WORD = 22_100  # first access 2,100, from zero 20,000
LOG = 375
LOG_TOPIC = 375
LOG_BYTE = 8
SIGNATURE_CHECK = 3_100  # the precompile's 3,000 and a call
TRANSACTION_CAP = 16_777_216  # EIP-7825


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a transaction logged, in numbers."""

    topics: int
    data_bytes: int

    @property
    def gas(self) -> int:
        return LOG + LOG_TOPIC * self.topics + LOG_BYTE * self.data_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction as the chain has it."""

    label: str
    gas: int  # gasUsed of its receipt
    calldata: bytes
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a transaction cannot do without, besides its calldata and logs."""

    new_words: int = 0
    changed_words: int = 0
    signature_checks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a transaction pays at least, by what it pays for."""

    transaction: int
    calldata: int
    logs: int
    words: int
    signatures: int

    @property
    def sum(self) -> int:
        return self.transaction + self.calldata + self.logs + self.words + self.signatures


def terms_of(sent: Sent, needed: Needed) -> Terms:
    """Return the terms of the price for what was sent and what it needed."""
    zeros = sent.calldata.count(0)
    return Terms(
        transaction=TRANSACTION,
        calldata=CALLDATA_ZERO_BYTE * zeros + CALLDATA_BYTE * (len(sent.calldata) - zeros),
        logs=sum(log.gas for log in sent.logs),
        words=NEW_WORD * needed.new_words + CHANGED_WORD * needed.changed_words,
        signatures=SIGNATURE_CHECK * needed.signature_checks,
    )


def floor_of(sent: Sent, needed: Needed) -> int:
    """Return the least gas: the terms, or what EIP-7623 asks for the calldata if that is more."""
    zeros = sent.calldata.count(0)
    least = LEAST_PER_ZERO_BYTE * zeros + LEAST_PER_BYTE * (len(sent.calldata) - zeros)
    return max(terms_of(sent, needed).sum, TRANSACTION + least)


def account_words(orders: int) -> int:
    """Return the words of the accounts: two neighbours in number share one, and both order."""
    return -(-orders // 2)


def own_order() -> Needed:
    """The owner's account, and the hash of the slot's book, which is not the first order's."""
    return Needed(changed_words=2)


def batch(orders: int, first_of_slot: bool) -> Needed:
    """Each owner's signature, their accounts, and the hash of the slot's book once."""
    return Needed(
        new_words=int(first_of_slot),
        changed_words=account_words(orders) + int(not first_of_slot),
        signature_checks=orders,
    )


def readings(sellers: int) -> Needed:
    """Each meter's signature, and one word that keeps the readings' hash."""
    return Needed(new_words=1, signature_checks=sellers)


def clear() -> Needed:
    """The slot's outcome."""
    return Needed(new_words=1)


def settle(orders: int, signed_readings: int = 0) -> Needed:
    """The orders' accounts, the line owner's, the slot's outcome; readings that come along."""
    return Needed(changed_words=account_words(orders) + 2, signature_checks=signed_readings)


def void(orders: int) -> Needed:
    """The slot's outcome, and the orders' accounts."""
    return Needed(new_words=1, changed_words=account_words(orders))
