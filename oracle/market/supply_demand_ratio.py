"""
The mechanism `supply-demand-ratio`: one price that falls from import to export price as supply
grows, twin of contracts/mechanisms/SupplyDemandRatio.sol.

With S and D the energies offered and bid, x the export and m the import price (Liu et al.,
"Energy-sharing model with price-based demand response for microgrids of peer-to-peer prosumers",
IEEE Transactions on Power Systems 2017):

    R = S / D ≤ 1:   P_sell = x m / ((m − x) R + x),   P_buy = P_sell R + m (1 − R)
    R > 1:           P_sell = P_buy = x

Both are rounded down. What the paper leaves open: where the denominator is nothing (x = 0 with
S = 0 or m = 0, or S = D = 0), P_sell = m; and orders have limits here. Whoever's limit does not
admit P_sell trades nothing, but counts in S and D; offers above the import price take no part, and
do not count in S. The others trade the smaller of their supply and
demand at P_sell, in proportion to their energies. P_buy then comes about by itself, as buyers have
the rest from the grid at m.
"""

from dataclasses import dataclass
from typing import ClassVar

from oracle.market.pool import Pool
from oracle.market.sharing import BlendedPrices, OnePrice
from oracle.units import MicroUsdPerMwh


def prices(supply: int, demand: int, import_price: int, export_price: int) -> BlendedPrices:
    """
    Return P_buy and P_sell.

    Energies are in Wh, prices in micro-USD/MWh, and the export price is at most the import price.
    """
    if supply > demand:
        return BlendedPrices(
            buyer=MicroUsdPerMwh(export_price), seller=MicroUsdPerMwh(export_price)
        )
    divisor = (import_price - export_price) * supply + export_price * demand
    sell = export_price * import_price * demand // divisor if divisor else import_price
    buy = (sell * supply + import_price * (demand - supply)) // demand if demand else import_price
    return BlendedPrices(buyer=MicroUsdPerMwh(buy), seller=MicroUsdPerMwh(sell))


@dataclass(frozen=True, slots=True)
class SupplyDemandRatio(OnePrice):
    """See the module docstring."""

    name: ClassVar[str] = "supply-demand-ratio"
    contract: ClassVar[str] = "SupplyDemandRatio"
    rule: ClassVar[str] = (
        "everybody at one price between import and export price, the lower the more is offered for "
        "what is wanted; the scarce side trades all, the long side shares in proportion"
    )

    def price(self, pool: Pool, import_price: int, export_price: int) -> MicroUsdPerMwh:
        supply, demand = (int(side.energy.sum()) for side in (pool.offers, pool.bids))
        return prices(supply, demand, import_price, export_price).seller
