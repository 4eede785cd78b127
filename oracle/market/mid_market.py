"""
The mechanism `mid-market`: everybody trades at the middle of import and export price, twin of
contracts/mechanisms/MidMarket.sol.

    p = ⌊(m + x) / 2⌋

with m the import price, the round's real-time price, and x the export price. The scarce side trades
all its energy, the long side shares what there is in proportion to its orders' energies and has the
rest from the grid, or leaves it there: on average it pays or gets `blended_prices` (Long et al.,
"Peer-to-peer energy trading in a community microgrid", IEEE PES General Meeting 2017). The limits
of orders are ours, the paper has none: whose limit does not admit p trades nothing.
"""

from dataclasses import dataclass
from typing import ClassVar

from oracle.market.pool import Pool
from oracle.market.sharing import OnePrice
from oracle.units import MicroUsdPerMwh


@dataclass(frozen=True, slots=True)
class MidMarket(OnePrice):
    """See the module docstring."""

    name: ClassVar[str] = "mid-market"
    contract: ClassVar[str] = "MidMarket"
    rule: ClassVar[str] = (
        "everybody at the middle of import and export price; the scarce side trades all, the long "
        "side shares in proportion"
    )

    def price(self, pool: Pool, import_price: int, export_price: int) -> MicroUsdPerMwh:
        return MicroUsdPerMwh((import_price + export_price) // 2)
