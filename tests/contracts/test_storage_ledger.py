"""The record of the shared storage: a recursion that no slot escapes."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3.contract import Contract

from oracle.chain.signatures import sign_storage_reading
from oracle.domain.clock import starts_at
from oracle.units import (
    SLOT_SECONDS,
    MicroUsd,
    Slot,
    Wh,
    mw_from_wh_per_slot,
    storage_schedule,
)
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    RATING,
    ROLES,
    STRANGER,
    World,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def signed(world: World, slot: Slot, charge: int, discharge: int) -> bytes:
    return sign_storage_reading(
        ROLES.storage_meter,
        world.market.storage_domain,
        slot=slot,
        charge=Wh(charge),
        discharge=Wh(discharge),
    )


def record(world: World, slot: Slot, charge: int = 0, discharge: int = 0) -> None:
    """Let a stranger record what the storage's meter signed, when the slot is over."""
    world.now_runs_at(starts_at(slot) + SLOT_SECONDS)
    signature = signed(world, slot, charge, discharge)
    world.market.record_storage(STRANGER, slot, Wh(charge), Wh(discharge), signature)


def try_to_record(world: World, slot: Slot, charge: int = 0, discharge: int = 0) -> None:
    signature = signed(world, slot, charge, discharge)
    ledger = world.deployment.storage_ledger
    world.attempt(STRANGER, "record", slot, charge, discharge, signature, on=ledger)


@pytest.fixture
def over(world: World) -> Slot:
    """The first slot to be recorded, which is over."""
    world.now_runs_at(starts_at(Slot(FIRST_SLOT + 1)))
    return FIRST_SLOT


def test_charging_gains_and_discharging_drains_with_losses(
    world: World, storage_ledger: Contract
) -> None:
    record(world, FIRST_SLOT, charge=1001)
    record(world, Slot(FIRST_SLOT + 1))
    record(world, Slot(FIRST_SLOT + 2), discharge=1001)

    entries = [storage_ledger.functions.recordOf(FIRST_SLOT + k).call() for k in range(4)]
    assert entries == [
        [1001, 0, 20_950],  # ⌊1001 · 0.95⌋ = 950
        [0, 0, 20_950],
        [0, 1001, 19_873],  # ⌈1001 / 0.93⌉ = 1077
        [0, 0, 0],
    ]
    assert storage_ledger.functions.storedWh().call() == 19_873
    assert storage_ledger.functions.nextSlot().call() == FIRST_SLOT + 3


def test_no_slot_is_skipped_or_repeated(world: World, storage_ledger: Contract, over: Slot) -> None:
    for slot in (over - 1, over + 1):
        with reverts(storage_ledger, "NotNextSlot", slot=slot, next=over):
            try_to_record(world, Slot(slot))
    record(world, over)
    with reverts(storage_ledger, "NotNextSlot", slot=over, next=over + 1):
        try_to_record(world, over)


def test_a_slot_is_recorded_from_its_end_on(
    world: World, storage_ledger: Contract, travel_to: Callable[[int], None]
) -> None:
    record(world, FIRST_SLOT)
    slot = Slot(FIRST_SLOT + 1)
    ends_at = starts_at(slot) + SLOT_SECONDS

    travel_to(ends_at - 1)
    with reverts(storage_ledger, "SlotNotOver", slot=slot, endsAt=ends_at):
        try_to_record(world, slot)
    travel_to(ends_at)
    try_to_record(world, slot)


def test_the_storage_does_not_charge_and_discharge_at_once(
    world: World, storage_ledger: Contract, over: Slot
) -> None:
    with reverts(storage_ledger, "ChargeAndDischarge", chargeWh=1, dischargeWh=1):
        try_to_record(world, over, charge=1, discharge=1)


@pytest.mark.parametrize("kind", ["charge", "discharge"])
def test_no_slot_is_above_the_rated_power(
    world: World, storage_ledger: Contract, over: Slot, kind: str
) -> None:
    most = RATING.max_slot

    try_to_record(world, over, **{kind: most})
    with reverts(storage_ledger, "AbovePower", energyWh=most + 1, maxSlotWh=most):
        try_to_record(world, over, **{kind: most + 1})
    with reverts(storage_ledger, "AbovePower", energyWh=2**64 - 1, maxSlotWh=most):
        try_to_record(world, over, **{kind: 2**64 - 1})


def a_ledger(world: World, **changes: int) -> Contract:
    """Deploy a ledger whose rating differs from RATING."""
    rating = replace(RATING, **changes)  # type: ignore[arg-type]
    return world.chain.deploy(
        STRANGER,
        "StorageLedger",
        ROLES.provider.address,
        ROLES.storage_meter.address,
        (
            rating.max_slot,
            rating.min_stored,
            rating.max_stored,
            rating.charge_efficiency,
            rating.discharge_efficiency,
            rating.compensation,
        ),
        rating.initial,
        FIRST_SLOT,
    )


def try_on(world: World, ledger: Contract, charge: int, discharge: int) -> None:
    domain = replace(world.market.storage_domain, contract=ledger.address)
    signature = sign_storage_reading(
        ROLES.storage_meter,
        domain,
        slot=FIRST_SLOT,
        charge=Wh(charge),
        discharge=Wh(discharge),
    )
    world.attempt(STRANGER, "record", FIRST_SLOT, charge, discharge, signature, on=ledger)


def test_the_storage_is_filled_to_its_most_and_not_a_wh_above(world: World, over: Slot) -> None:
    """Of 1,000 Wh, 950 are stored; 1,001 Wh make 950.95, of which the fraction is lost."""
    ledger = a_ledger(world, initial=RATING.max_stored - 950)

    try_on(world, ledger, 1001, 0)
    with reverts(
        ledger, "AboveMaximum", storedWh=RATING.max_stored + 1, maxStoredWh=RATING.max_stored
    ):
        try_on(world, ledger, 1002, 0)


def test_the_storage_is_drained_to_its_least_and_not_a_wh_below(world: World, over: Slot) -> None:
    """930 Wh take 1,000 Wh out; 931 Wh take 1,001.08, so 1,002."""
    ledger = a_ledger(world, initial=RATING.min_stored + 1000)

    try_on(world, ledger, 0, 930)
    with reverts(
        ledger,
        "BelowMinimum",
        availableWh=RATING.min_stored + 1000,
        drainWh=1002,
        minStoredWh=RATING.min_stored,
    ):
        try_on(world, ledger, 0, 931)


@pytest.mark.parametrize(
    "changes",
    [
        {"initial": 999},
        {"initial": 50_001},
        {"charge_efficiency": 10_001},
        {"discharge_efficiency": 10_001},
        {"discharge_efficiency": 0},
    ],
    ids=["too little", "too much", "gains in charging", "gains in discharging", "no discharging"],
)
def test_an_impossible_rating_is_refused(
    world: World, storage_ledger: Contract, changes: dict[str, int]
) -> None:
    with reverts(storage_ledger, "BadRating"):
        a_ledger(world, **changes)


@pytest.mark.parametrize("initial", [1_000, 50_000])
def test_a_rating_at_its_limits_is_accepted(world: World, initial: int) -> None:
    ledger = a_ledger(world, initial=initial, charge_efficiency=10_000, discharge_efficiency=10_000)

    assert ledger.functions.storedWh().call() == initial


@pytest.mark.parametrize("key", [STRANGER, ROLES.provider, ROLES.operator])
def test_nobody_but_the_storage_meter_signs(
    world: World, storage_ledger: Contract, over: Slot, key: object
) -> None:
    signature = sign_storage_reading(
        key,  # type: ignore[arg-type]
        world.market.storage_domain,
        slot=over,
        charge=Wh(5),
        discharge=Wh(0),
    )

    with reverts(storage_ledger, "NotTheStorageMeter", signer=key.address):  # type: ignore[attr-defined]
        world.attempt(STRANGER, "record", over, 5, 0, signature, on=storage_ledger)


@pytest.mark.parametrize("change", ["charge", "discharge", "slot", "chain", "contract"])
def test_a_signature_is_for_one_record_of_one_ledger(
    world: World, storage_ledger: Contract, over: Slot, change: str
) -> None:
    domain = world.market.storage_domain
    if change == "chain":
        domain = replace(domain, chain_id=domain.chain_id + 1)
    if change == "contract":
        domain = replace(domain, contract=world.exchange.address)
    signature = sign_storage_reading(
        ROLES.storage_meter,
        domain,
        slot=Slot(over + int(change == "slot")),
        charge=Wh(5 + int(change == "charge")),
        discharge=Wh(int(change == "discharge")),
    )

    with reverts(storage_ledger, "NotTheStorageMeter"):
        world.attempt(STRANGER, "record", over, 5, 0, signature, on=storage_ledger)


def test_the_operator_pays_the_provider_for_the_throughput(world: World) -> None:
    """3,003 Wh at 7.000001 USD/MWh make 21,021.003003, rounded down once."""
    record(world, FIRST_SLOT, charge=1001)
    record(world, Slot(FIRST_SLOT + 1), discharge=2002)

    world.market.pay_compensation(STRANGER)

    assert world.market.compensation_paid() == 21_021
    assert world.market.account(ROLES.operator.address).free == DEPOSIT - 21_021
    assert world.market.account(ROLES.provider.address).free == 21_021


def test_compensation_is_paid_once(world: World) -> None:
    record(world, FIRST_SLOT, charge=1001)
    world.market.pay_compensation(STRANGER)
    world.market.pay_compensation(STRANGER)
    record(world, Slot(FIRST_SLOT + 1), charge=1)

    world.market.pay_compensation(STRANGER)

    assert world.market.compensation_paid() == 1002 * 7_000_001 // 1_000_000
    assert world.market.account(ROLES.provider.address).free == 1002 * 7_000_001 // 1_000_000


def test_an_operator_without_the_money_pays_what_it_has_and_owes_the_rest(world: World) -> None:
    record(world, FIRST_SLOT, charge=1001)
    world.market.withdraw(ROLES.operator, MicroUsd(DEPOSIT - 7006))

    world.market.pay_compensation(STRANGER)

    assert world.market.account(ROLES.operator.address).free == 0
    assert world.market.account(ROLES.provider.address).free == 7006
    world.market.deposit(ROLES.operator, MicroUsd(5))
    world.market.pay_compensation(STRANGER)
    assert world.market.account(ROLES.provider.address).free == 7007
    assert world.market.account(ROLES.operator.address).free == 4


def test_the_ledger_says_what_it_was_told(storage_ledger: Contract) -> None:
    calls = storage_ledger.functions

    assert calls.meter().call() == ROLES.storage_meter.address
    assert calls.maxSlotWh().call() == RATING.max_slot
    assert calls.minStoredWh().call() == RATING.min_stored
    assert calls.maxStoredWh().call() == RATING.max_stored
    assert calls.chargeEfficiencyBps().call() == RATING.charge_efficiency
    assert calls.dischargeEfficiencyBps().call() == RATING.discharge_efficiency
    assert calls.compensationMicroUsdPerMwh().call() == RATING.compensation
    assert calls.storedWh().call() == RATING.initial


plans = st.lists(st.integers(-RATING.max_slot - 50, RATING.max_slot + 50), min_size=1, max_size=8)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=plans)
def test_every_schedule_of_python_is_accepted(world: World, plan: list[int]) -> None:
    schedule = storage_schedule(
        [mw_from_wh_per_slot(Wh(max(0, energy))) for energy in plan],
        [mw_from_wh_per_slot(Wh(max(0, -energy))) for energy in plan],
        initial=RATING.initial,
        minimum=RATING.min_stored,
        maximum=RATING.max_stored,
        max_per_slot=RATING.max_slot,
        charge_efficiency=RATING.charge_efficiency,
        discharge_efficiency=RATING.discharge_efficiency,
    )
    mark = world.mark()

    for index, (charge, discharge, stored) in enumerate(schedule):
        record(world, Slot(FIRST_SLOT + index), charge, discharge)
        assert world.market.stored_after(Slot(FIRST_SLOT + index)) == stored
        assert RATING.min_stored <= stored <= RATING.max_stored

    world.put_back(mark)
