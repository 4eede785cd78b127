"""A market that is on a chain already, found by the address of its Exchange."""

from collections.abc import Sequence
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.contract import Contract

from oracle.chain.artifacts import load_artifact
from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment
from oracle.chain.reverts import translated
from oracle.domain.clock import slot_at
from oracle.errors import ContractRevert, InvalidInputError
from oracle.units import Slot


def deployment_at(chain: Chain, exchange: str, mechanism: str) -> Deployment:
    """
    Return the contracts of an open-book market; `mechanism` is the name of its verifier.

    Raises
    ------
    InvalidInputError
        If there is no Exchange with an open book at the address.
    """
    try:
        found = _contract(chain, "Exchange", to_checksum_address(exchange))
        with translated():
            is_there = len(chain.w3.eth.get_code(found.address)) > 0
        if not is_there:
            raise ValueError("no code")
        _read(found, "hashOf", 0, 0)  # what owners sign, in open books alone
        names = ("token", "registry", "lineLease", "storageLedger")
        token, registry, line_lease, storage_ledger = (_read(found, name) for name in names)
        verifier = _read(found, "mechanismOf", slot_at(chain.now()))
    except (ValueError, ContractRevert) as error:
        raise InvalidInputError(
            f"--market {exchange}: expected the address of an Exchange with an open book "
            f"on {chain.name}"
        ) from error
    return Deployment(
        token=_contract(chain, "TestDollar", token),
        registry=_contract(chain, "Registry", registry),
        line_lease=_contract(chain, "LineLease", line_lease),
        storage_ledger=_contract(chain, "StorageLedger", storage_ledger),
        mechanism=_contract(chain, mechanism, verifier),
        exchange=found,
        first_block=0,
    )


def first_slot_of(chain: Chain, deployment: Deployment) -> Slot:
    """Return the slot that the storage's record begins with."""
    ledger = deployment.storage_ledger
    recorded = ledger.events["StorageRecorded"]()
    topic = bytes.fromhex(recorded.topic.removeprefix("0x"))
    logs = chain.logs(ledger.address, deployment.first_block, chain.block_number())
    count = sum(bytes(log["topics"][0]) == topic for log in logs)
    return Slot(_read(ledger, "nextSlot") - count)


def has_owners(deployment: Deployment, slot: Slot, owners: Sequence[ChecksumAddress]) -> bool:
    """Tell whether a slot's participants are the owners' accounts, in this order."""
    words = _read(deployment.registry, "ownersOf", slot)
    return [word % 2**160 for word in words] == [int(owner, 16) for owner in owners]


def _contract(chain: Chain, name: str, address: ChecksumAddress) -> Contract:
    return chain.w3.eth.contract(address=address, abi=load_artifact(name).abi)


def _read(contract: Contract, name: str, *arguments: Any) -> Any:
    with translated():
        return contract.functions[name](*arguments).call()
