"""Who deploys a market, who holds its roles, and who takes part in it."""

import csv
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import is_address, to_checksum_address

from oracle.chain.deployment import Participant, Roles
from oracle.chain.signatures import development_key
from oracle.domain.community import Community
from oracle.errors import InvalidInputError
from oracle.units import Bps

STORAGE_ROW = "storage"
ADDRESS_COLUMNS = ("owner", "meter")


@dataclass(frozen=True, slots=True)
class Address:
    """Somebody of whom we know nothing but the address."""

    address: ChecksumAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A participant whose keys are its own."""

    name: str
    owner: Address
    meter: Address
    initial_score: Bps
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """Roles of which the deployer takes those that have a key, to hand them over later."""

    registrar: LocalAccount
    provider: LocalAccount
    operator: LocalAccount
    storage_meter: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who deploys, who holds the roles, and who takes part, by their numbers."""

    deployer: LocalAccount
    roles: Offices
    members: tuple[Member, ...]


def parties_of(deployer: LocalAccount, accounts: Path, community: Community) -> Parties:
    """
    Return a deployer who takes all roles, and the members that a CSV file names.

    Its columns are name, owner and meter, its rows the prosumers and "storage", whose meter is the
    storage's.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or lacks a row or an address.
    """
    found = _addresses(accounts)

    def pair(name: str) -> dict[str, Address]:
        if name not in found:
            raise InvalidInputError(f"{accounts}: expected a row named {name}")
        return found[name]

    members = tuple(
        Member(
            name=prosumer.name,
            owner=pair(prosumer.name)["owner"],
            meter=pair(prosumer.name)["meter"],
            initial_score=prosumer.initial_reputation,
        )
        for prosumer in community.prosumers
    )
    roles = Offices(
        registrar=deployer,
        provider=deployer,
        operator=deployer,
        storage_meter=pair(STORAGE_ROW)["meter"],
    )
    return Parties(deployer=deployer, roles=roles, members=members)


def _addresses(accounts: Path) -> dict[str, dict[str, Address]]:
    found: dict[str, dict[str, Address]] = {}
    try:
        with accounts.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames is None or set(rows.fieldnames) != {"name", *ADDRESS_COLUMNS}:
                raise InvalidInputError(f"{accounts}: expected the columns name, owner, meter")
            for row in rows:
                name = str(row["name"])
                wanted = ADDRESS_COLUMNS if name != STORAGE_ROW else ("meter",)
                for column in wanted:
                    if not is_address(row[column]):
                        raise InvalidInputError(
                            f"{accounts}, line {rows.line_num}: {column} of {name}: "
                            f"expected an address, got {row[column]!r}"
                        )
                found[name] = {
                    column: Address(to_checksum_address(str(row[column]))) for column in wanted
                }
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{accounts}: expected a CSV file of addresses") from error
    return found


def development_roles() -> Roles:
    """Return keys that anybody can compute."""
    return Roles(
        registrar=development_key("registrar"),
        operator=development_key("system operator"),
        provider=development_key("storage provider"),
        storage_meter=development_key("storage meter"),
    )


def development_participants(community: Community) -> list[Participant]:
    """Return the participants with keys that anybody can compute."""
    return [
        Participant(
            name=prosumer.name,
            owner=development_key(f"{prosumer.name} owner"),
            meter=development_key(f"{prosumer.name} meter"),
            initial_score=prosumer.initial_reputation,
        )
        for prosumer in community.prosumers
    ]
