"""
Fee of a line lease, stepped by distance; reference of contracts/libraries/FeeLadderLib.sol.

    F = λ Σ_k (1 + k α) ℓ_k,   ℓ_k = length of D inside the interval [k d, (k + 1) d)        (11)

=========  =====================  ================  ==========================================
Symbol     Name in the code       Unit              Meaning
=========  =====================  ================  ==========================================
λ          base                   micro-USD/MWh/km  price within the first interval
d          interval               m                 length of an interval
α          growth                 basis points      growth of the price per interval
D          distance               m                 length of the line
F          lease_fee              micro-USD/MWh     fee per energy sent over the line
=========  =====================  ================  ==========================================

(11) is inferred: the reference paper (oracle/EQUATIONS.md) states a ladder in words.
"""

from collections.abc import Iterable

from oracle.domain.book import MAX_PARTICIPANTS
from oracle.domain.community import FeeLadder, Line
from oracle.units import BPS, METERS_PER_KM, Meters, MicroUsdPerMwh


def lease_fee(ladder: FeeLadder, distance: Meters) -> MicroUsdPerMwh:
    """Return the fee (11) per MWh, rounded up; for n full intervals α n (2 D − d (n + 1)) / 2."""
    full = distance // ladder.interval
    surcharged = full * (2 * distance - ladder.interval * (full + 1)) // 2
    weighted = BPS * distance + ladder.growth * surcharged
    return MicroUsdPerMwh(-(-ladder.base * weighted // (METERS_PER_KM * BPS)))


def fees_of_lines(
    ladder: FeeLadder, lines: Iterable[Line]
) -> dict[tuple[int, int], MicroUsdPerMwh]:
    """Return the fee per (seller, buyer), both ways, by their index in the community."""
    fees = {}
    for line in lines:
        fee = lease_fee(ladder, line.distance)
        fees[line.first, line.second] = fee
        if line.second < MAX_PARTICIPANTS:  # a manager sells nothing
            fees[line.second, line.first] = fee
    return fees
