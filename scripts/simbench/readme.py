"""README.md of an imported scenario: what is real, what is made up, and whose data it is."""

from datetime import datetime

_TEMPLATE = """\
# {name}

Low-voltage grid {grid} of SimBench, scenario {simbench_scenario} ({scenario_words}): its
{loads} loads, {plants} PV plants and {batteries} batteries as {prosumers} prosumers, one per bus
with something to trade; {days} days from {first_slot:%Y-%m-%d}, local midnight, at 15 minutes.
Made by

    {command}

## Real, from SimBench
- **Profiles** of loads and plants: per-unit profiles times rated power, active power only, in
  `prosumers.csv`, rounded to 1 W. SimBench labels its rows with German local time; `first_slot`
  carries the offset from UTC.
- **Batteries**: energy, power, efficiency and state at the start (empty). Efficiency counts when
  charging; self-discharge is left out. SimBench's own storage profiles are not used: what a battery
  does follows from `battery_policy`, and one at a bus without a plant buys what it stores.
- **Distances**: between each two prosumers along the real lines, closed switches counting nothing.
  {line_words}
- **Limits**: `max_sale_kwh` is the plants' rating, `max_purchase_kwh` the loads' (and, where
  purchases are stored, the battery's), times a quarter of an hour; or less where the weakest cable
  on the way to the transformer (√3 · U · I_max) or the transformer carries less. `max_trade_kwh`
  is the transformer's.

## Synthetic, made up here
- **Tariff** (`tariff.csv`): 0.24 USD/kWh at night (22 to 6 o'clock), 0.32 by day, 0.40 in the
  evening (17 to 21 o'clock); 0.08 for what is fed in.
- **Lease of lines**: 0.15 USD per kWh and km, a quarter of that more per further 100 m.
- **Tastes** (cost of sale, utility, saturation, weights): drawn with a fixed seed, so that Nash
  prices lie between the grid's two prices.
- **`charge_ratio`**: such that a battery buys to store at most 70 % of a day's load, which is used
  up the same day.
- **`min_trade_kwh`**: 0.05; **`reputation_full_value_usd`**: 0.2, as trades are small here.
- **Shared storage** of the provider: 3/16 of the transformer's rating for 3 hours, dispatched
  against the tariff.
- **Reputations**: all start as newcomers.{shortfall_words}

## Licence and attribution
This folder contains information from **SimBench** and is made available, as SimBench is, under the
**Open Database License (ODbL) 1.0**, whose text is in `LICENSE`. Any rights in individual contents
are licensed under the Database Contents License (DbCL) 1.0,
http://opendatacommons.org/licenses/dbcl/1.0/. The licence of the program does not apply to it.

SimBench: Copyright (c) 2019-2026 by University of Kassel, TU Dortmund, RWTH Aachen University and
Fraunhofer Institute for Energy Economics and Energy System Technology (IEE) Kassel and individual
contributors; https://www.simbench.net, Python package `simbench`.

S. Meinecke, D. Sarajlić, S. R. Drauz, A. Klettke, L.-P. Lauven, C. Rehtanz, A. Moser, M. Braun:
"SimBench—A Benchmark Dataset of Electric Power Systems to Compare Innovative Solutions Based on
Power Flow Analysis", Energies 13(12), 3290, 2020, doi:10.3390/en13123290.
"""

_SCENARIOS = ("today", "a future with more plants and storage", "a further future")


def readme(
    *,
    name: str,
    grid: str,
    simbench_scenario: int,
    loads: int,
    plants: int,
    batteries: int,
    prosumers: int,
    lines: int,
    first_slot: datetime,
    days: int,
    has_shortfalls: bool,
    command: str,
) -> str:
    """Return the text of README.md."""
    complete = lines == prosumers * (prosumers - 1) // 2
    return _TEMPLATE.format(
        name=name,
        grid=grid,
        simbench_scenario=simbench_scenario,
        scenario_words=_SCENARIOS[simbench_scenario],
        loads=loads,
        plants=plants,
        batteries=batteries,
        prosumers=prosumers,
        line_words=(
            f"Every two prosumers can lease a line, {lines} in all."
            if complete
            else f"Each prosumer can lease lines to its nearest ones, {lines} in all."
        ),
        first_slot=first_slot,
        days=days,
        shortfall_words=(
            "\n- **Shortfall**: a prosumer delivers only part of what it sold in one slot, to show"
            "\n  what follows from that."
            if has_shortfalls
            else ""
        ),
        command=command,
    )
