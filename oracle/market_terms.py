"""The terms that a scenario's market is deployed with, in the chain's integers."""

from collections.abc import Sequence

from oracle import bidding
from oracle.chain.deployment import Joining, MarketTerms
from oracle.domain.community import Community
from oracle.domain.rows import capacity_words, rows_of
from oracle.domain.storage_rating import StorageRating
from oracle.market.mechanism import Mechanism
from oracle.units import Slot


def market_terms(
    community: Community,
    participants: Sequence[Joining],
    *,
    mechanism: Mechanism,
    storage: StorageRating,
    first_slot: Slot,
    first_index: int = 0,
) -> MarketTerms:
    """Return the terms of a community's market that begins in a slot of its profiles."""
    rules = community.rules
    rows, row_words = rows_of(community.routes, len(community.prosumers))
    return MarketTerms(
        participants=tuple(participants),
        rows=rows,
        row_words=row_words,
        ladder=community.ladder,
        mechanism=mechanism.contract,
        mechanism_parameters=mechanism.parameters,
        capacities=capacity_words(community.routes, rows, row_words),
        real_time_price=bidding.grid_prices(community, first_index)[0],
        price_cap=bidding.PRICE_CAP,
        bond_price=rules.bond_price,
        compensation_price=rules.compensation_price,
        reputation_memory=rules.reputation_memory,
        reputation_full_value=rules.reputation_full_value,
        challenge_seconds=60 * rules.challenge_minutes,
        seal_bond=rules.seal_bond,
        storage=storage,
        first_slot=first_slot,
    )
