"""A market that is on a chain already, found by the address of its Exchange."""

from collections.abc import Iterable, Sequence
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from web3.contract import Contract
from web3.types import LogReceipt

from oracle.chain.artifacts import is_code_of, load_artifact
from oracle.chain.chains import Chain
from oracle.chain.deployment import Deployment, MarketTerms
from oracle.chain.reverts import translated
from oracle.domain.clock import slot_at
from oracle.domain.rows import capacities_of, lines_of
from oracle.errors import ContractRevert, InvalidInputError
from oracle.units import NO_MONEY, MicroUsdPerMwh, Slot

Compared = Iterable[tuple[str, Any, Any]]  # by name what is expected, and what came


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
        mechanism_name=mechanism,
        exchange=found,
        first_block=0,
    )


def first_slot_of(chain: Chain, deployment: Deployment) -> Slot:
    """Return the slot that the storage's record begins with."""
    ledger = deployment.storage_ledger
    return Slot(_read(ledger, "nextSlot") - len(_storage_records(chain, deployment)))


def require_terms(
    chain: Chain,
    deployment: Deployment,
    terms: MarketTerms,
    *,
    prices: Sequence[MicroUsdPerMwh],
    storage_meter: ChecksumAddress,
) -> None:
    """
    Refuse a market of other terms; `prices` are the real-time prices from the first slot on.

    Raises
    ------
    InvalidInputError
        With the first that differs.
    """
    exchange, slot = deployment.exchange, terms.first_slot
    for compared in (
        _participants(deployment, terms),
        [("sealBondMicroUsd", terms.seal_bond, NO_MONEY)],  # nothing in an open book
        _constants(exchange, _rules(terms)),
        _constants(
            deployment.storage_ledger,
            _rating(terms) | {"meter": storage_meter},
            of="the storage's ",
        ),
        _stored(chain, deployment, terms),
        _lines(deployment, terms),
        _mechanism(chain, deployment, terms),
        (
            (f"realTimePriceOf in slot {index + 1}", price, _price(exchange, Slot(slot + index)))
            for index, price in enumerate(prices)
        ),
    ):
        for name, expected, came in compared:
            if came != expected:
                raise InvalidInputError(
                    f"--market {exchange.address}: expected a market of this scenario, "
                    f"with {name} {expected}, came {came}; run without --market to deploy one"
                )


def _participants(deployment: Deployment, terms: MarketTerms) -> Compared:
    """Compare the numbers, owners and meters of the participants of the first slot."""
    registry, slot = deployment.registry, terms.first_slot
    owners, meters = _read(registry, "ownersOf", slot), _read(registry, "metersOf", slot)
    yield "participants", len(terms.participants), len(owners)
    for number, one in enumerate(terms.participants, start=1):
        yield f"owner of participant {number}", one.owner.address, _address(owners[number - 1])
        yield f"meter of participant {number}", one.meter.address, _address(meters[number - 1])


def _rules(terms: MarketTerms) -> dict[str, int]:
    return {
        "priceCapMicroUsdPerMwh": terms.price_cap,
        "bondMicroUsdPerMwh": terms.bond_price,
        "compensationMicroUsdPerMwh": terms.compensation_price,
        "memoryBps": terms.reputation_memory,
        "fullValueMicroUsd": terms.reputation_full_value,
        "challengeSeconds": terms.challenge_seconds,
    }


def _rating(terms: MarketTerms) -> dict[str, Any]:
    storage = terms.storage
    return {
        "maxSlotWh": storage.max_slot,
        "minStoredWh": storage.min_stored,
        "maxStoredWh": storage.max_stored,
        "chargeEfficiencyBps": storage.charge_efficiency,
        "dischargeEfficiencyBps": storage.discharge_efficiency,
        "compensationMicroUsdPerMwh": storage.compensation,
    }


def _constants(contract: Contract, expected: dict[str, Any], *, of: str = "") -> Compared:
    for name, value in expected.items():
        yield of + name, value, _read(contract, name)


def _stored(chain: Chain, deployment: Deployment, terms: MarketTerms) -> Compared:
    """Compare what the storage held before its first record."""
    records = _storage_records(chain, deployment)
    before = records[0]["blockNumber"] - 1 if records else chain.block_number()
    with translated():
        came = deployment.storage_ledger.functions["storedWh"]().call(None, before)
    yield "the storage's initial storedWh", terms.storage.initial, came


def _lines(deployment: Deployment, terms: MarketTerms) -> Compared:
    """Compare the fee ladder and the lines of the first slot."""
    ladder = (terms.ladder.base, terms.ladder.interval, terms.ladder.growth)
    yield (
        "the ladder (base, interval, growth)",
        ladder,
        tuple(_read(deployment.line_lease, "ladderOf", terms.first_slot)),
    )
    expected = lines_of(terms.rows, terms.row_words)
    came = lines_of(*_read(deployment.line_lease, "rowsOf", terms.first_slot))
    for pair in sorted(expected.keys() | came.keys()):
        name = f"meters between participants {pair[0]} and {pair[1]}"
        yield name, expected.get(pair, "no line"), came.get(pair, "no line")
    limits = capacities_of(terms.capacities, terms.rows, terms.row_words)
    words = _read(deployment.line_lease, "capacitiesOf", terms.first_slot)
    came_limits = capacities_of(words, terms.rows, terms.row_words)
    yield "the capacities of lines", limits, came_limits


def _mechanism(chain: Chain, deployment: Deployment, terms: MarketTerms) -> Compared:
    """Compare the contract that clears the first slot."""
    address = _read(deployment.exchange, "mechanismOf", terms.first_slot)
    yield "the mechanism", deployment.mechanism.address, address
    with translated():
        code = bytes(chain.w3.eth.get_code(address))
    is_known = is_code_of(code, terms.mechanism)
    yield "the mechanism", terms.mechanism, terms.mechanism if is_known else f"another at {address}"
    came = tuple(_read(deployment.mechanism, "parameters"))
    yield "the mechanism's parameters", terms.mechanism_parameters, came


def _price(exchange: Contract, slot: Slot) -> MicroUsdPerMwh:
    return MicroUsdPerMwh(_read(exchange, "realTimePriceOf", slot))


def _storage_records(chain: Chain, deployment: Deployment) -> list[LogReceipt]:
    ledger = deployment.storage_ledger
    recorded = ledger.events["StorageRecorded"]()
    topic = bytes.fromhex(recorded.topic.removeprefix("0x"))
    logs = chain.logs(ledger.address, deployment.first_block, chain.block_number())
    return [log for log in logs if bytes(log["topics"][0]) == topic]


def _address(word: int) -> ChecksumAddress:
    """Return the address in the low bytes of a word."""
    return to_checksum_address(f"0x{word % 2**160:040x}")


def _contract(chain: Chain, name: str, address: ChecksumAddress) -> Contract:
    return chain.w3.eth.contract(address=address, abi=load_artifact(name).abi)


def _read(contract: Contract, name: str, *arguments: Any) -> Any:
    with translated():
        return contract.functions[name](*arguments).call()
