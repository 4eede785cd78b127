"""
Outcomes that a contract finds again match by match: `pay-as-bid` and `average-rounds`.

The contract replays the matches in their order and looks each up among the trades, which are in
another. The certificate says where: two bytes a match, the position of its trade. As no pair
matches twice, no two matches share a trade, so that as many matches as trades are all of them.
contracts/libraries/ReplayLib.sol is the twin.
"""

from collections.abc import Sequence

from oracle.domain.book import Trade
from oracle.errors import ContractRevert, InvalidInputError
from oracle.market.mechanism import Outcome, Round, require_feasible
from oracle.market.pool import require_length
from oracle.units import MicroUsdPerMwh, Wh

MAX_MATCHES = 1 << 16


def matched(offer: int, bid: int, energy: int, price: int) -> Trade:
    """Return the trade of a match in the pool."""
    return Trade(
        offer=offer,
        bid=bid,
        energy=Wh(energy),
        price=MicroUsdPerMwh(price),
        fee=MicroUsdPerMwh(0),
        pooled=True,
    )


def outcome_of(matches: Sequence[Trade]) -> Outcome:
    """
    Return the outcome of matches in their order.

    Raises
    ------
    InvalidInputError
        Where there are more than the certificate can name.
    """
    if len(matches) > MAX_MATCHES:
        raise InvalidInputError(f"{len(matches):,} trades: expected at most {MAX_MATCHES:,}")
    ranked = sorted(range(len(matches)), key=lambda k: (matches[k].offer, matches[k].bid))
    places = {k: place for place, k in enumerate(ranked)}
    return Outcome(
        trades=tuple(matches[k] for k in ranked),
        certificate=b"".join(places[k].to_bytes(2, "big") for k in range(len(matches))),
    )


def certificate_of(market_round: Round, matches: Sequence[Trade], trades: Sequence[Trade]) -> bytes:
    """
    Return the certificate of trades that are these matches.

    Raises
    ------
    ContractRevert
        Where they are others.
    """
    certificate = outcome_of(matches).certificate
    filled_up = certificate[: 2 * len(trades)].ljust(2 * len(trades), b"\0")
    require_replayed(market_round, matches, Outcome(trades=tuple(trades), certificate=filled_up))
    return certificate


def require_replayed(market_round: Round, matches: Sequence[Trade], outcome: Outcome) -> None:
    """
    Check that an outcome has these matches, in this order.

    Raises
    ------
    ContractRevert
        BadCertificate, WrongMatch, or TooManyTrades.
    """
    require_feasible(market_round, outcome.trades)
    count = len(outcome.trades)
    require_length(outcome, 2 * count)
    places = [
        int.from_bytes(outcome.certificate[at : at + 2], "big") for at in range(0, 2 * count, 2)
    ]
    for number, match in enumerate(matches):
        place = places[number] if number < count else count
        trade = outcome.trades[place].pack() if place < count else 0
        if trade != match.pack():
            raise ContractRevert(
                "WrongMatch", {"number": number, "trade": trade, "expected": match.pack()}
            )
    if len(matches) < count:
        raise ContractRevert("TooManyTrades", {"count": count, "expected": len(matches)})
