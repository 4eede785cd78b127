"""
What a prosumer has to sell or wants to buy in a slot, what its battery does, and its bill.

    EP battery   S_t = S_{t−1} + η_b (surplus − sold − spilled)                              (32)
    IP battery   Σ_t P_IP ≤ θ (S_max − S_0) for what is stored rather than consumed          (34)
    orders       P_min ≤ P ≤ P_max: below P_min not placed, above P_max cut             (31) (35)

=========  =========================  ====  ====================================================
Symbol     Name in the code           Unit  Meaning
=========  =========================  ====  ====================================================
S          stored                     Wh    energy in the battery
η_b        efficiency                 bps   one way, applied when charging
θ          charge_ratio               bps   share of the free battery that purchases may fill
surplus    surplus                    Wh    pv − load, less what policy stores, not below 0
=========  =========================  ====  ====================================================

(31) and (35) are printed, (32) and (34) inferred. The battery policy is ours: `idle` leaves the
battery alone unless the prosumer sells, and then stores what it could not sell; `self-consumption`
stores surplus and serves deficits first. Storing purchases is ours too: a prosumer that asks for it
bids for its deficit and for what (34) leaves. All energies are integers; a battery never gains from
rounding.
"""

from dataclasses import dataclass

from oracle.domain.community import Battery, BatteryPolicy, Prosumer
from oracle.units import BPS, Wh

NO_LIMIT = 2**63  # Wh in a slot; more than any battery takes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """What a prosumer's battery holds, and how much of that it bought to store."""

    stored: Wh = Wh(0)
    purchased: Wh = Wh(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A prosumer before a slot's trades; at most one of surplus and deficit is positive."""

    surplus: Wh
    deficit: Wh
    storable: Wh  # may be bought beyond the deficit and stored, (34)
    battery: BatteryState  # after what the policy does before trading


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A prosumer after a slot's trades."""

    battery: BatteryState
    exported: Wh  # to the grid
    imported: Wh  # from the grid


def initial_state(prosumer: Prosumer) -> BatteryState:
    return BatteryState(stored=prosumer.battery.initial_energy if prosumer.battery else Wh(0))


def position(
    prosumer: Prosumer, policy: BatteryPolicy, pv: Wh, load: Wh, state: BatteryState
) -> Position:
    """Return what is left to trade in a slot after the battery policy."""
    net = pv - load
    battery = prosumer.battery
    if battery is None or policy == "idle":
        moved, stored = 0, state.stored
    elif net >= 0:
        moved = min(net, _room(battery, state.stored))
        stored = _charged(battery, state.stored, Wh(moved))
    else:
        available = state.stored - battery.min_energy
        moved = -min(-net, available, _inverter_limit(battery))
        stored = Wh(state.stored + moved)
    after = BatteryState(stored=stored, purchased=state.purchased)
    rest = net - moved
    return Position(
        surplus=Wh(max(rest, 0)),
        deficit=Wh(max(-rest, 0)),
        storable=_storable(prosumer, after, Wh(abs(moved))) if rest < 0 else Wh(0),
        battery=after,
    )


def after_trades(
    prosumer: Prosumer,
    policy: BatteryPolicy,
    before: Position,
    *,
    sold: Wh,
    bought: Wh,
    received: Wh | None = None,
) -> Rest:
    """
    Return the battery after the slot and what is left for the grid.

    `received` is what came of `bought`; the grid gives the rest. None = all of it.
    """
    state, battery = before.battery, prosumer.battery
    surplus = before.surplus - sold
    extra = max(0, bought - before.deficit)
    if battery is not None and sold > 0 and policy == "idle":
        charge = min(surplus, _room(battery, state.stored))
        surplus -= charge
        stored = _charged(battery, state.stored, Wh(charge))
        state = BatteryState(stored=stored, purchased=state.purchased)
    elif battery is not None and extra > 0:
        stored = _charged(battery, state.stored, Wh(extra))
        state = BatteryState(stored=stored, purchased=Wh(state.purchased + extra))
    came = bought if received is None else received
    return Rest(
        battery=state,
        exported=Wh(surplus),
        imported=Wh(max(before.deficit, bought) - came),
    )


def energy_to_order(wanted: Wh, minimum: Wh, maximum: Wh) -> Wh:
    """Return the energy of an order, zero where none is placed, (31) and (35)."""
    return Wh(min(wanted, maximum)) if wanted >= minimum and wanted > 0 else Wh(0)


def _storable(prosumer: Prosumer, state: BatteryState, moved: Wh) -> Wh:
    """Return what (34) and the battery leave; its inverter has moved something already."""
    battery = prosumer.battery
    if battery is None or not prosumer.stores_purchases:
        return Wh(0)
    bound = battery.charge_ratio * (battery.max_energy - battery.initial_energy) // BPS
    left = _inverter_limit(battery) - moved
    return Wh(max(0, min(bound - state.purchased, _room(battery, state.stored), left)))


def _room(battery: Battery, stored: Wh) -> int:
    """Return the most energy that the battery takes from outside in a slot, and gains by."""
    room = (battery.max_energy - stored) * BPS // battery.efficiency
    room = max(0, min(room, _inverter_limit(battery)))
    return room if _charged(battery, stored, Wh(room)) > stored else 0


def _charged(battery: Battery, stored: Wh, charge: Wh) -> Wh:
    return Wh(stored + charge * battery.efficiency // BPS)


def _inverter_limit(battery: Battery) -> int:
    limit = battery.max_energy_per_slot
    return NO_LIMIT if limit is None else limit
