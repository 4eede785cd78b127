"""Every market mechanism there is, by its id; to add one is one line here."""

from oracle.market.mechanism import Mechanism
from oracle.market.pairwise_nash import PairwiseNash
from oracle.market.uniform import Uniform

MECHANISMS: dict[str, type[Mechanism]] = {
    mechanism.name: mechanism
    for mechanism in (
        PairwiseNash,  # the first is the default
        Uniform,
    )
}
BY_CONTRACT = {mechanism.contract: mechanism for mechanism in MECHANISMS.values()}
DEFAULT = next(iter(MECHANISMS))
