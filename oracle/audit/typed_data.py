"""
Who signed a meter's reading: typed data (EIP-712), hashed here a second time.

    digest = keccak256(0x1901 ‖ domain ‖ keccak256(type ‖ fields)),   every field one word
"""

from collections.abc import Sequence
from functools import cache

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from oracle.domain.book import Order
from oracle.units import Slot, Wh

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
READING_TYPE = "Reading(uint32 slot,uint16 participant,uint32 energyWh)"
STORAGE_READING_TYPE = "StorageReading(uint32 slot,uint64 chargeWh,uint64 dischargeWh)"
ORDER_TYPE = (
    "Order(uint8 kind,uint32 slot,uint16 participant,uint32 energyWh,uint48 price,"
    "uint32 nonce,uint96 terms)"
)
SEAL_TYPE = (
    "Seal(address owner,uint32 slot,uint8 kind,uint32 energyWh,uint48 price,uint96 terms,"
    "bytes32 salt)"
)
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@cache
def domain_hash(name: str, chain_id: int, contract: str) -> bytes:
    """Return the hash of a signing domain; `contract` is an address in hexadecimal."""
    return _hashed(DOMAIN_TYPE, keccak(text=name), keccak(text="1"), chain_id, int(contract, 16))


def reading_digest(domain: bytes, *, slot: Slot, participant: int, energy: Wh) -> bytes:
    return _digest(domain, _hashed(READING_TYPE, slot, participant, energy))


def storage_digest(domain: bytes, *, slot: Slot, charge: Wh, discharge: Wh) -> bytes:
    return _digest(domain, _hashed(STORAGE_READING_TYPE, slot, charge, discharge))


def order_digest(domain: bytes, slot: Slot, order: Order) -> bytes:
    """Return what the owner of an order signs; its score is not part of it."""
    fields = order.kind, slot, order.participant, order.energy, order.price
    return _digest(domain, _hashed(ORDER_TYPE, *fields, order.nonce, order.terms))


def seal_digest(domain: bytes, slot: Slot, owner: str, order: Order, salt: str) -> bytes:
    """Return the seal of an order."""
    fields = int(owner, 16), slot, order.kind, order.energy, order.price, order.terms
    return _digest(domain, _hashed(SEAL_TYPE, *fields, int(salt, 16)))


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """
    Return the address that signed, in lower-case hexadecimal; None where nobody can have.

    Signatures are r ‖ s ‖ v of 65 bytes or r ‖ vs of 64 (EIP-2098); of the two s only the lower.
    """
    if len(signature) == 64:
        vs = int.from_bytes(signature[32:], "big")
        s, v = vs & (1 << 255) - 1, vs >> 255
    elif len(signature) == 65:
        s, v = int.from_bytes(signature[32:64], "big"), signature[64] - 27
    else:
        return None
    if v not in (0, 1) or s > HALF_ORDER:
        return None
    r = int.from_bytes(signature[:32], "big")
    try:
        key = Signature(vrs=(v, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return key.to_address()


def _digest(domain: bytes, message: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + message)


def _hashed(kind: str, *fields: bytes | int) -> bytes:
    words: Sequence[bytes] = [
        field if isinstance(field, bytes) else field.to_bytes(32, "big") for field in fields
    ]
    return keccak(keccak(text=kind) + b"".join(words))
