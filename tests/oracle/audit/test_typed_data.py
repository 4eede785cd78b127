"""Digests and signers, against the library that signs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.audit.typed_data import (
    domain_hash,
    order_digest,
    reading_digest,
    signer_of,
    storage_digest,
)
from oracle.chain.signatures import (
    Domain,
    development_key,
    sign_order,
    sign_reading,
    sign_storage_reading,
)
from oracle.domain.book import Kind, Order
from oracle.units import Bps, MicroUsdPerMwh, Slot, Wh

EXCHANGE = "0x" + 20 * "5a"
DOMAIN = Domain(name="Wattline Exchange", chain_id=31337, contract=EXCHANGE)
HASH = domain_hash("Wattline Exchange", 31337, EXCHANGE)
KEY = development_key("meter")
SLOT = Slot(1_994_871)


def packed(signature: bytes) -> bytes:
    """Return a signature as ERC-2098 packs it."""
    vs = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32] + vs.to_bytes(32, "big")


@given(participant=st.integers(1, 1024), energy=st.integers(0, 2**32 - 1))
def test_a_readings_signer_is_found(participant: int, energy: int) -> None:
    fields = {"slot": SLOT, "participant": participant, "energy": Wh(energy)}
    signature = sign_reading(KEY, DOMAIN, **fields)  # type: ignore[arg-type]

    digest = reading_digest(HASH, **fields)  # type: ignore[arg-type]

    assert signer_of(digest, signature) == KEY.address.lower()
    assert signer_of(digest, packed(signature)) == KEY.address.lower()


def test_a_storage_readings_signer_is_found() -> None:
    fields = {"slot": SLOT, "charge": Wh(7), "discharge": Wh(0)}
    signature = sign_storage_reading(KEY, DOMAIN, **fields)  # type: ignore[arg-type]

    assert signer_of(storage_digest(HASH, **fields), signature) == KEY.address.lower()  # type: ignore[arg-type]


def test_an_orders_signer_is_found_whatever_its_score() -> None:
    order = Order(
        kind=Kind.BID,
        participant=3,
        energy=Wh(1_000),
        price=MicroUsdPerMwh(250_000_000),
        score=Bps(8_000),
        terms=77,
        nonce=5,
    )

    signature = sign_order(KEY, DOMAIN, slot=SLOT, order=order)

    assert signer_of(order_digest(HASH, SLOT, order), signature) == KEY.address.lower()


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), bytes(66), b"\xff" * 65])
def test_nobody_signed_what_is_no_signature(signature: bytes) -> None:
    assert signer_of(bytes(32), signature) is None


def test_the_other_signature_of_the_same_message_is_none() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    fields = {"slot": SLOT, "participant": 1, "energy": Wh(9)}
    signature = sign_reading(KEY, DOMAIN, **fields)  # type: ignore[arg-type]
    other = (
        signature[:32]
        + (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
        + bytes([55 - signature[64]])
    )

    assert signer_of(reading_digest(HASH, **fields), other) is None  # type: ignore[arg-type]
