"""
The manifest of a market: where its contracts are, what code they run, how they are set.

Whoever deploys writes it, and every process of the market starts from it. It holds no secret.
"""

import json
from pathlib import Path
from typing import Any, Literal

from eth_typing import ChecksumAddress
from eth_utils.address import is_checksum_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass
from web3.contract import Contract

from oracle.chain.artifacts import CONTRACTS as KNOWN_CONTRACTS
from oracle.chain.artifacts import load_artifact
from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment
from oracle.chain.reverts import translated
from oracle.errors import InvalidInputError
from oracle.units import MicroUsd, MicroUsdPerMwh, Slot, Wh

VERSION: Literal[1] = 1
CONTRACTS = ("TestDollar", "Registry", "LineLease", "StorageLedger", "Exchange")

_STRICT = ConfigDict(extra="forbid", strict=True)


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class StorageSettings:
    """The constants of the StorageLedger."""

    max_slot_wh: Wh
    min_stored_wh: Wh
    max_stored_wh: Wh
    charge_efficiency_bps: int
    discharge_efficiency_bps: int
    compensation_micro_usd_per_mwh: MicroUsdPerMwh


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class MarketSettings:
    """The constants of the Exchange, and of its storage."""

    price_cap_micro_usd_per_mwh: MicroUsdPerMwh
    bond_micro_usd_per_mwh: MicroUsdPerMwh
    compensation_micro_usd_per_mwh: MicroUsdPerMwh
    memory_bps: int
    full_value_micro_usd: MicroUsd
    challenge_seconds: int
    seal_bond_micro_usd: MicroUsd
    storage: StorageSettings


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class MechanismRecord:
    """The mechanism that a market begins with."""

    name: str
    contract: str
    parameters: list[int]


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class ParticipantRecord:
    """A participant of the first hour; later ones are in the Registry alone."""

    number: int
    name: str
    owner: str
    meter: str


@checked_dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Manifest:
    """A deployed market; field by field what `market.json` says."""

    version: Literal[1]
    chain_id: int
    hardfork: str
    first_block: int
    first_slot: Slot  # the chain's slot of the scenario's slot 0, whether or not it was traded
    start_slot: Slot  # the first that is traded, and that the storage's record begins with
    scenario: str
    devnet: bool  # its keys are development keys, and its money is nobody's
    addresses: dict[str, str]
    code_hashes: dict[str, str]
    mechanism: MechanismRecord
    settings: MarketSettings
    export_price_micro_usd_per_mwh: MicroUsdPerMwh | None  # None where it is not one in all slots
    participants: list[ParticipantRecord]
    utc_offset_minutes: int = 0  # of the clocks where the scenario is, for times that people read

    def __post_init__(self) -> None:
        if self.mechanism.contract not in KNOWN_CONTRACTS:
            raise ValueError(f"mechanism: no contract {self.mechanism.contract} is known here")
        expected = {*CONTRACTS, self.mechanism.contract}
        for name, table in (("addresses", self.addresses), ("code_hashes", self.code_hashes)):
            if table.keys() != expected:
                raise ValueError(
                    f"{name}: expected {', '.join(sorted(expected))}, got {', '.join(table)}"
                )
        for contract, address in self.addresses.items():
            if not is_checksum_address(address):
                raise ValueError(f"addresses: {contract}: {address} is no checksummed address")

    def address(self, contract: str) -> ChecksumAddress:
        return to_checksum_address(self.addresses[contract])


_MANIFEST = TypeAdapter(Manifest)


def write(manifest: Manifest, path: Path) -> None:
    """Write a manifest in one piece: whoever reads it finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(as_json(manifest), indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def as_json(manifest: Manifest) -> dict[str, Any]:
    """Return the JSON object of a manifest."""
    content: dict[str, Any] = _MANIFEST.dump_python(manifest)
    return content


def load(path: Path) -> Manifest:
    """
    Read a manifest; nothing is compared with a chain, see `check_manifest`.

    Raises
    ------
    InvalidInputError
        If there is none, or not of this version, with the first field that is wrong.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInputError(
            f"{path}: no manifest there; `wattline deploy` writes one"
        ) from error
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(
            f"{path}: expected a manifest of version {VERSION}: "
            f"{where + ': ' if where else ''}{first['msg']}"
        ) from error


def deployment_of(chain: Chain, manifest: Manifest) -> Deployment:
    """Return the contracts that a manifest names."""

    def contract(name: str) -> Contract:
        return chain.w3.eth.contract(address=manifest.address(name), abi=load_artifact(name).abi)

    return Deployment(
        token=contract("TestDollar"),
        registry=contract("Registry"),
        line_lease=contract("LineLease"),
        storage_ledger=contract("StorageLedger"),
        mechanism=contract(manifest.mechanism.contract),
        mechanism_name=manifest.mechanism.contract,
        exchange=contract("Exchange"),
        first_block=manifest.first_block,
    )


def check_manifest(chain: Chain, manifest: Manifest) -> None:
    """
    Refuse a chain that is not the manifest's.

    Raises
    ------
    InvalidInputError
        With the first of chain id, code hashes and settings that differs.
    """
    _require("chain id", manifest.chain_id, chain.chain_id)
    deployment = deployment_of(chain, manifest)
    for name, came in code_hashes(chain, deployment).items():
        _require(
            f"code hash of {name} at {manifest.addresses[name]}", manifest.code_hashes[name], came
        )
    _require("settings", manifest.settings, settings_of(deployment))
    _require("mechanism parameters", manifest.mechanism.parameters, parameters_of(deployment))


def code_hashes(chain: Chain, deployment: Deployment) -> dict[str, str]:
    """Return keccak256 of what each contract's address runs."""
    hashes = {}
    for name, address in deployment.addresses().items():
        with translated():
            code = bytes(chain.w3.eth.get_code(to_checksum_address(address)))
        hashes[name] = "0x" + keccak(code).hex()
    return hashes


def settings_of(deployment: Deployment) -> MarketSettings:
    """Read the constants of an open-book market."""
    exchange, ledger = deployment.exchange, deployment.storage_ledger
    return MarketSettings(
        price_cap_micro_usd_per_mwh=_read(exchange, "priceCapMicroUsdPerMwh"),
        bond_micro_usd_per_mwh=_read(exchange, "bondMicroUsdPerMwh"),
        compensation_micro_usd_per_mwh=_read(exchange, "compensationMicroUsdPerMwh"),
        memory_bps=_read(exchange, "memoryBps"),
        full_value_micro_usd=_read(exchange, "fullValueMicroUsd"),
        challenge_seconds=_read(exchange, "challengeSeconds"),
        seal_bond_micro_usd=MicroUsd(0),
        storage=StorageSettings(
            max_slot_wh=_read(ledger, "maxSlotWh"),
            min_stored_wh=_read(ledger, "minStoredWh"),
            max_stored_wh=_read(ledger, "maxStoredWh"),
            charge_efficiency_bps=_read(ledger, "chargeEfficiencyBps"),
            discharge_efficiency_bps=_read(ledger, "dischargeEfficiencyBps"),
            compensation_micro_usd_per_mwh=_read(ledger, "compensationMicroUsdPerMwh"),
        ),
    )


def parameters_of(deployment: Deployment) -> list[int]:
    """Return what the mechanism was deployed with."""
    return list(_read(deployment.mechanism, "parameters"))


def _require(name: str, expected: object, came: object) -> None:
    if came != expected:
        raise InvalidInputError(
            f"the chain is not the manifest's: expected {name} {expected}, came {came}"
        )


def _read(contract: Contract, name: str) -> Any:
    with translated():
        return contract.functions[name]().call()
