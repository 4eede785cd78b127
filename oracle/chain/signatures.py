"""Keys of development chains, and the typed data (EIP-712) that owners and meters sign."""

from dataclasses import dataclass

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from oracle.domain.book import Order
from oracle.units import Slot, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Which contract on which chain a signature is for."""

    name: str
    chain_id: int
    contract: str


def development_key(label: str) -> LocalAccount:
    """
    Return the key that belongs to a label on every development chain.

    Anybody can compute it: never give it anything of worth.
    """
    account: LocalAccount = Account.from_key(keccak(text=f"wattline development key: {label}"))
    return account


def seal_salt(owner: LocalAccount, domain: Domain, slot: Slot) -> bytes:
    """Return the salt of an owner's sealed order: only its key gives it, so it cannot be lost."""
    label = f"wattline seal: {domain.chain_id} {domain.contract} {slot}"
    return bytes(keccak(owner.key + label.encode()))


def sign_reading(
    meter: LocalAccount, domain: Domain, *, slot: Slot, participant: int, energy: Wh
) -> bytes:
    """Return a meter's signature of the energy delivered in a slot."""
    fields = {"slot": "uint32", "participant": "uint16", "energyWh": "uint32"}
    message = {"slot": slot, "participant": participant, "energyWh": energy}
    return _sign(meter, domain, "Reading", fields, message)


def sign_order(owner: LocalAccount, domain: Domain, *, slot: Slot, order: Order) -> bytes:
    """Return an owner's signature of an order, whose score is not part of it."""
    fields = {
        "kind": "uint8",
        "slot": "uint32",
        "participant": "uint16",
        "energyWh": "uint32",
        "price": "uint48",
        "nonce": "uint32",
        "terms": "uint96",
    }
    message = {
        "kind": int(order.kind),
        "slot": slot,
        "participant": order.participant,
        "energyWh": order.energy,
        "price": order.price,
        "nonce": order.nonce,
        "terms": order.terms,
    }
    return _sign(owner, domain, "Order", fields, message)


def sign_storage_reading(
    meter: LocalAccount, domain: Domain, *, slot: Slot, charge: Wh, discharge: Wh
) -> bytes:
    """Return the storage meter's signature of what the storage did in a slot."""
    fields = {"slot": "uint32", "chargeWh": "uint64", "dischargeWh": "uint64"}
    message = {"slot": slot, "chargeWh": charge, "dischargeWh": discharge}
    return _sign(meter, domain, "StorageReading", fields, message)


def _sign(
    key: LocalAccount,
    domain: Domain,
    primary_type: str,
    fields: dict[str, str],
    message: dict[str, int],
) -> bytes:
    signable = encode_typed_data(
        domain_data={
            "name": domain.name,
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
        },
        message_types={primary_type: [{"name": n, "type": t} for n, t in fields.items()]},
        message_data=message,
    )
    return bytes(key.sign_message(signable).signature)
