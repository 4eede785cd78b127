"""A scenario's market put on a chain, and the manifest of it."""

from collections.abc import Sequence

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from oracle import bidding
from oracle.chain.chains import Chain
from oracle.chain.deployment import Joining, Participant, Roles, deploy_market
from oracle.chain.manifest import (
    VERSION,
    Manifest,
    MechanismRecord,
    ParticipantRecord,
    code_hashes,
    parameters_of,
    settings_of,
)
from oracle.chain.market import Market
from oracle.chain.signatures import development_key
from oracle.domain.clock import slot_at, starts_at
from oracle.domain.community import Community, nobody
from oracle.domain.scenario import Scenario
from oracle.domain.storage_rating import rating_of
from oracle.errors import InvalidInputError
from oracle.market_terms import market_terms
from oracle.parties import Offices, Parties, development_participants, development_roles
from oracle.plan import mechanism_of
from oracle.units import (
    MICRO_USD_PER_USD,
    SLOT_SECONDS,
    SLOTS_PER_DAY,
    MicroUsd,
    MicroUsdPerMwh,
    Slot,
)

NOTICE_SLOTS = 27  # announcements made at the deployment reach no slot that is open
LEAD = 3  # orders for a slot are placed this many slots before it
TRANSACTIONS_TO_JOIN = 4  # of a prosumer: coins for gas, test dollars, their approval and deposit
DEPOSIT = MicroUsd(200 * MICRO_USD_PER_USD)  # on a development chain, of each who pays
PRICES_AHEAD = SLOTS_PER_DAY  # announced at the deployment; whoever simulates goes on


def deploy_scenario(
    chain: Chain, scenario: Scenario, *, parties: Parties | None = None, start_index: int = 0
) -> Manifest:
    """
    Deploy the market of a scenario and announce the prices of its first day.

    The scenario's slot `start_index` is the first that is traded: the next of that time of the
    day that leaves the notice which announcements need. Without `parties` the market has
    development keys, and its people are given coins for gas and test dollars in their accounts.

    Raises
    ------
    InvalidInputError
        If the scenario has sealed rounds, or development keys would be used on another chain.
    ChainError
        If the chain fails us.
    """
    community = scenario.community or nobody(scenario.slot_count)
    if community.rules.seal_bond:
        raise InvalidInputError(
            f"scenario {scenario.name}: expected a market with an open book, got sealed rounds "
            "(seal_bond_usd)"
        )
    roles: Roles | Offices
    members: Sequence[Joining]
    people = development_participants(community)
    if parties is None:
        if not chain.is_development():
            raise InvalidInputError(
                f"{chain.name}: expected --key and --participants: development keys are anybody's, "
                "and this is no development chain"
            )
        deployer, roles, members = development_key("oracle"), development_roles(), people
        chain.fund(_payers_of_gas(people))
    else:
        deployer, roles, members = parties.deployer, parties.roles, parties.members
    start = start_slot(scenario, chain, start_index)
    mechanism = mechanism_of(community)
    terms = market_terms(
        community,
        members,
        mechanism=mechanism,
        storage=rating_of(scenario.storage),
        first_slot=start,
        first_index=start_index % scenario.slot_count,
    )
    deployment = deploy_market(chain, deployer, roles, terms)
    market = Market(chain, deployment)
    first = Slot(start - start_index)
    announce_prices(market, roles.operator, community, first, start, PRICES_AHEAD)
    if parties is None:
        for payer in [*(one.owner for one in people), roles.operator]:
            market.deposit(payer, DEPOSIT)
    return Manifest(
        version=VERSION,
        chain_id=chain.chain_id,
        hardfork=chain.hardfork,
        first_block=deployment.first_block,
        first_slot=first,
        start_slot=start,
        scenario=scenario.name,
        devnet=parties is None,
        addresses=deployment.addresses(),
        code_hashes=code_hashes(chain, deployment),
        mechanism=MechanismRecord(
            name=mechanism.name,
            contract=mechanism.contract,
            parameters=parameters_of(deployment),
        ),
        settings=settings_of(deployment),
        export_price_micro_usd_per_mwh=_export_price(community),
        participants=[
            ParticipantRecord(
                number=number,
                name=one.name,
                owner=one.owner.address,
                meter=one.meter.address,
            )
            for number, one in enumerate(terms.participants, start=1)
        ],
        utc_offset_minutes=_utc_offset_minutes(scenario),
    )


def announce_prices(
    market: Market,
    operator: LocalAccount,
    community: Community,
    first: Slot,
    since: Slot,
    count: int,
) -> None:
    """Announce the real-time prices of `count` slots after `since`, where they change."""
    slots = community.pv.shape[1]

    def price(slot: int) -> MicroUsdPerMwh:
        return bidding.grid_prices(community, (slot - first) % slots)[0]

    changes = {
        Slot(slot): price(slot)
        for slot in range(since + 1, since + count + 1)
        if price(slot) != price(slot - 1)
    }
    if changes:
        market.announce_real_time_prices(operator, changes)


def start_slot(scenario: Scenario, chain: Chain, start_index: int = 0) -> Slot:
    """Return the chain's slot to begin with: the scenario's own, or the same of a later day."""
    wanted = slot_at(int(scenario.first_slot.timestamp())) + start_index
    joining = len(scenario.community.prosumers) if scenario.community else 0
    joined = slot_at(chain.now() + joining * TRANSACTIONS_TO_JOIN)  # a second each, at least
    earliest = joined + NOTICE_SLOTS + LEAD
    days = max(0, -(-(earliest - wanted) // SLOTS_PER_DAY))
    return Slot(wanted + days * SLOTS_PER_DAY)


def genesis_for(scenario: Scenario, start_index: int) -> int:
    """Return the time at which a chain may begin to start with a slot of the scenario's own day."""
    joining = len(scenario.community.prosumers) if scenario.community else 0
    wanted = slot_at(int(scenario.first_slot.timestamp())) + start_index
    work_s = 2 * joining * TRANSACTIONS_TO_JOIN + SLOT_SECONDS
    return starts_at(Slot(wanted - NOTICE_SLOTS - LEAD)) - work_s


def _utc_offset_minutes(scenario: Scenario) -> int:
    offset = scenario.first_slot.utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60


def _export_price(community: Community) -> MicroUsdPerMwh | None:
    prices = {bidding.grid_prices(community, slot)[1] for slot in range(community.pv.shape[1])}
    return prices.pop() if len(prices) == 1 else None


def _payers_of_gas(people: Sequence[Participant]) -> list[ChecksumAddress]:
    others = [development_key(label).address for label in ("oracle", "simulator", "relay")]
    return [*(one.owner.address for one in people), *development_roles().addresses(), *others]
