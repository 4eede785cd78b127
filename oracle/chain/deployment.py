"""A market on a chain: what it is made of, and its deployment in the order that works."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract

from oracle.chain.chains import Chain
from oracle.domain.community import FeeLadder
from oracle.domain.storage_rating import StorageRating
from oracle.units import NO_MONEY, Bps, MicroUsd, MicroUsdPerMwh, Slot

PARTICIPANTS_PER_CALL = 256  # about 40,000 gas each


class Holder(Protocol):
    """Somebody whose address is enough to know."""

    @property
    def address(self) -> ChecksumAddress: ...


class Joining(Protocol):
    """Who joins: its owner and meter, and the reputation it brings."""

    @property
    def name(self) -> str: ...

    @property
    def owner(self) -> Holder: ...

    @property
    def meter(self) -> Holder: ...

    @property
    def initial_score(self) -> Bps: ...

    @property
    def group(self) -> int: ...


class RoleHolders(Protocol):
    """Those who run a market; the first two may have to send something when it is deployed."""

    @property
    def registrar(self) -> LocalAccount: ...

    @property
    def provider(self) -> LocalAccount: ...

    @property
    def operator(self) -> Holder: ...

    @property
    def storage_meter(self) -> Holder: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A participant whose keys we have."""

    name: str
    owner: LocalAccount
    meter: LocalAccount
    initial_score: Bps
    group: int = 0  # participants of one group earn no reputation from each other; 0 for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The keys of those who run a market; each role apart."""

    registrar: LocalAccount
    operator: LocalAccount  # system operator
    provider: LocalAccount  # storage provider, owner of storage and lines
    storage_meter: LocalAccount

    def addresses(self) -> list[ChecksumAddress]:
        return [self.registrar.address, self.operator.address, self.provider.address]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """The constants and first settings of a market."""

    participants: tuple[Joining, ...]
    rows: list[int]
    row_words: int
    ladder: FeeLadder
    mechanism: str  # contract name
    mechanism_parameters: tuple[int, ...] = ()  # what its constructor takes
    capacities: Sequence[int] = ()  # words as the rows'; empty where no line has one
    real_time_price: MicroUsdPerMwh
    price_cap: MicroUsdPerMwh
    bond_price: MicroUsdPerMwh
    compensation_price: MicroUsdPerMwh
    reputation_memory: Bps
    reputation_full_value: MicroUsd
    challenge_seconds: int = 0  # after the readings' deadline; zero to settle at once
    seal_bond: MicroUsd = NO_MONEY  # what an order stakes in a sealed round; zero for an open book
    storage: StorageRating
    first_slot: Slot  # of the storage's record, and of participants beyond the first transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The contracts of one market and the block they were there from."""

    token: Contract
    registry: Contract
    line_lease: Contract
    storage_ledger: Contract
    mechanism: Contract
    mechanism_name: str
    exchange: Contract
    first_block: int

    def addresses(self) -> dict[str, str]:
        return {
            "TestDollar": self.token.address,
            "Registry": self.registry.address,
            "LineLease": self.line_lease.address,
            "StorageLedger": self.storage_ledger.address,
            self.mechanism_name: self.mechanism.address,
            "Exchange": self.exchange.address,
        }


def deploy_market(
    chain: Chain, deployer: LocalAccount, roles: RoleHolders, terms: MarketTerms
) -> Deployment:
    """Deploy every contract of a market; the deployer keeps no right in any of them."""
    first_block = chain.block_number()
    token = chain.deploy(deployer, "TestDollar")
    founders = [
        (p.owner.address, p.meter.address, p.group, p.initial_score) for p in terms.participants
    ]
    registry = chain.deploy(
        deployer, "Registry", roles.registrar.address, founders[:PARTICIPANTS_PER_CALL]
    )
    for first in range(PARTICIPANTS_PER_CALL, len(founders), PARTICIPANTS_PER_CALL):
        some = founders[first : first + PARTICIPANTS_PER_CALL]
        chain.send(roles.registrar, registry, "register", some, terms.first_slot)
    ladder = (terms.ladder.base, terms.ladder.interval, terms.ladder.growth)
    line_lease = chain.deploy(
        deployer, "LineLease", roles.provider.address, ladder, terms.rows, terms.row_words
    )
    storage = terms.storage
    storage_ledger = chain.deploy(
        deployer,
        "StorageLedger",
        roles.provider.address,
        roles.storage_meter.address,
        (
            storage.max_slot,
            storage.min_stored,
            storage.max_stored,
            storage.charge_efficiency,
            storage.discharge_efficiency,
            storage.compensation,
        ),
        storage.initial,
        terms.first_slot,
    )
    if terms.capacities:
        chain.send(
            roles.provider, line_lease, "announceCapacities", terms.capacities, terms.first_slot
        )
    mechanism = chain.deploy(deployer, terms.mechanism, *terms.mechanism_parameters)
    sealed = [terms.seal_bond] if terms.seal_bond else []
    exchange = chain.deploy(
        deployer,
        "SealedExchange" if sealed else "Exchange",
        roles.operator.address,
        token.address,
        registry.address,
        line_lease.address,
        storage_ledger.address,
        mechanism.address,
        terms.real_time_price,
        (
            terms.price_cap,
            terms.bond_price,
            terms.compensation_price,
            terms.reputation_memory,
            terms.reputation_full_value,
            terms.challenge_seconds,
        ),
        *sealed,
    )
    return Deployment(
        token=token,
        registry=registry,
        line_lease=line_lease,
        storage_ledger=storage_ledger,
        mechanism=mechanism,
        mechanism_name=terms.mechanism,
        exchange=exchange,
        first_block=first_block,
    )
