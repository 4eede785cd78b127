"""
Bounds of what scenario files may say, in their units.

Those of the community are what the chain's integers hold. Those of the power system are far above
any real one, fit the chain's integers, and keep the numbers of a solver within its accuracy.
"""

from oracle.units import BPS

MAX_PROSUMERS = 1024  # as many as the chain's books and tables hold
LAST_YEAR = 2399  # the chain's accounts count slots in 24 bits, which last until 2448
MAX_MONEY_USD = (2**50 - 1) / 1e6  # the chain's accounts hold micro-USD in 50 bits

MAX_ENERGY_KWH = (2**32 - 1) / 1e3  # per slot; the chain holds Wh in 32 bits
MAX_POWER_KW = 4 * MAX_ENERGY_KWH
MAX_PRICE_USD_PER_KWH = (2**48 - 1) / 1e9  # the chain holds micro-USD/MWh in 48 bits
PRICE_CAP_USD_PER_KWH = 10.0  # no order bids more
MAX_DISTANCE_KM = (2**20 - 1) / 1e3  # the chain holds metres in 20 bits
MAX_INTERVAL_KM = (2**32 - 1) / 1e3
MAX_GROWTH = 6.5535  # the chain holds basis points in 16 bits
LONGEST_MEMORY = 0.96  # the chain's sums would not fit above it
LOWEST_REPUTATION = 0.05  # the chain starts scores between these two, or at no record at all
HIGHEST_REPUTATION = 0.95
SMALLEST_FRACTION = 1 / BPS
MAX_SEED = 2**63 - 1  # TOML's largest integer

MAX_POWER_MW = 1e6
MAX_CAPACITY_MWH = 1e8
MAX_PRICE_USD_PER_MWH = 1e6
MAX_PRICE_USD_PER_MW2H = 1e3
MAX_PRICE_USD_PER_T = 1e4
MAX_COST_USD = 1e9  # of an hour, a start or a stop
MAX_T_PER_MWH = 100.0
MAX_MWH_PER_T = 100.0
