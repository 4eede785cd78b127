"""What the chain can hold, in the units of scenario files; bounds of what they may say."""

from oracle.units import BPS

MAX_PROSUMERS = 1000
MAX_ENERGY_KWH = (2**32 - 1) / 1e3  # per slot; the chain holds Wh in 32 bits
MAX_POWER_KW = 4 * MAX_ENERGY_KWH
MAX_PRICE_USD_PER_KWH = (2**48 - 1) / 1e9  # the chain holds micro-USD/MWh in 48 bits
MAX_DISTANCE_KM = (2**20 - 1) / 1e3  # the chain holds metres in 20 bits
MAX_INTERVAL_KM = (2**32 - 1) / 1e3
MAX_GROWTH = 6.5535  # the chain holds basis points in 16 bits
MAX_LINES = 16  # per prosumer; the chain stores them in two words
LONGEST_MEMORY = 0.96  # the chain's sums would not fit above it
LOWEST_REPUTATION = 0.05  # the chain starts scores between these two, or at no record at all
HIGHEST_REPUTATION = 0.95
SMALLEST_FRACTION = 1 / BPS
