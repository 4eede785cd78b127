"""Faults found in comparable systems, put to ours; each is named after where it was found."""

from collections.abc import Callable

import pytest
from web3.contract import Contract

from oracle.chain.market import Phase
from oracle.chain.signatures import sign_storage_reading
from oracle.domain.clock import starts_at
from oracle.model.settlement import shares
from oracle.units import SLOT_SECONDS, Slot, Wh
from tests.contracts.markets import (
    DEPOSIT,
    FIRST_SLOT,
    PRICE_CAP,
    RATING,
    ROLES,
    STRANGER,
    Stage,
    World,
    a_bid,
    an_offer,
    owner_of,
)
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract


def try_to_clear(world: World, stage: Stage, trades: list[int]) -> None:
    certificate = stage.outcome.certificate
    world.attempt(STRANGER, "clear", stage.slot, stage.book_words, trades, certificate)


def test_lemlab_anyone_bids_in_anothers_name(world: World, exchange: Contract) -> None:
    """There is no argument for whose order it is: it is the sender's."""
    for name in ("placeOffer", "placeBid", "cancelOrder"):
        inputs = exchange.functions[name].abi["inputs"]
        assert "address" not in {argument["type"] for argument in inputs}
    with reverts(exchange, "NotAParticipant", owner=STRANGER.address):
        world.attempt(STRANGER, "placeBid", world.open_slot, 1000, 80, 0)


def test_lemlab_anyone_sets_any_balance(world: World, exchange: Contract) -> None:
    """Nobody's free money shrinks by a call of somebody else's; money enters with tokens only."""
    with reverts(exchange, "InsufficientFree", freeMicroUsd=0, neededMicroUsd=1):
        world.attempt(STRANGER, "withdraw", 1)
    with reverts(world.deployment.token, "ERC20InsufficientAllowance"):
        world.attempt(STRANGER, "deposit", 1)

    assert world.money() == 7 * DEPOSIT == world.market.token_balance(exchange.address)


def test_lemlab_anyone_wipes_the_contract(world: World) -> None:
    """All that anybody but an owner may call is listed here."""
    everybodys = {
        "exchange": {
            "acceptOwnership",
            "cancelOrder",
            "clear",
            "deposit",
            "payCompensation",
            "placeBid",
            "placeOffer",
            "post",
            "postForWallets",
            "recordReadings",
            "reportContradiction",
            "settle",
            "spendNonces",
            "void",
            "withdraw",
        },
        "registry": {"acceptOwnership"},
        "line_lease": {"acceptOwnership"},
        "storage_ledger": {"acceptOwnership", "record"},
    }
    owners = {"announceLadder", "announceLines", "announceMechanism", "announceMeters"}
    owners |= {"announceGroups", "announceRealTimePrices", "correctReading", "pause", "register"}
    owners |= {"announceCapacities", "renounceOwnership", "transferOwnership", "unpause"}

    for name, allowed in everybodys.items():
        abi = getattr(world.deployment, name).abi
        changing = {
            entry["name"]
            for entry in abi
            if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
        }
        assert changing - owners == allowed


def test_lemlab_clearing_twice_pays_twice(world: World, stage: Stage, exchange: Contract) -> None:
    world.clear(stage)
    with reverts(exchange, "WrongPhase", phase=Phase.CLEARED):
        try_to_clear(world, stage, stage.trade_words)
    world.read(stage.slot, stage.sold())
    world.settle(stage)
    money = [world.market.account(owner_of(number).address) for number in range(1, 7)]

    with reverts(exchange, "WrongPhase", phase=Phase.SETTLED):
        world.settle(stage)

    assert money == [world.market.account(owner_of(number).address) for number in range(1, 7)]


def test_transax_the_line_check_subtracts_a_value_from_itself(
    world: World, stage: Stage, exchange: Contract
) -> None:
    """Every pair without a line is refused, whatever its trade says."""
    lines = {(edge.offer, edge.bid) for edge in stage.round.edges}
    size = len(stage.book)
    strangers = [(i, j) for i in range(size) for j in range(size) if (i, j) not in lines]

    for offer, bid in strangers:
        trade = stage.trades_with(0, offer=offer, bid=bid, energy=Wh(1))[:1]
        with reverts(exchange, "NoLine", position=0, offerIndex=offer, bidIndex=bid):
            try_to_clear(world, stage, trade)

    assert len(strangers) == size**2 - len(lines) > 25


def test_transax_a_trade_close_to_the_largest_number_passes_by_wrap_around(
    world: World, stage: Stage, exchange: Contract
) -> None:
    huge = 2**32 - 20
    trades = stage.trades_with(1, energy=Wh(huge))

    with reverts(exchange, "Overfilled", orderIndex=0, filledWh=8000 + huge, orderedWh=10_000):
        try_to_clear(world, stage, trades)


def test_transax_strangers_append_trades_to_a_solution(
    world: World, stage: Stage, exchange: Contract, mechanism: Contract
) -> None:
    world.clear(stage)
    world.read(stage.slot, stage.sold())
    readings = world.market.readings(stage.slot)
    extra = stage.trades_with(-1, bid=4, offer=5)[-1]

    with reverts(exchange, "OutcomeMismatch"):
        world.attempt(
            STRANGER,
            "settle",
            stage.slot,
            stage.book_words,
            [*stage.trade_words, extra],
            readings,
            [],
        )
    with reverts(exchange, "WrongPhase", phase=Phase.CLEARED):
        try_to_clear(world, stage, [*stage.trade_words, extra])


def test_gsy_dex_the_operator_chooses_the_price(
    world: World, stage: Stage, mechanism: Contract
) -> None:
    """Every price that is not the rule's is refused, within the limits too."""
    trade = stage.trades[0]
    limits = stage.book[0].price, stage.book[1].price - trade.fee

    for price in (limits[0], trade.price - 1, trade.price + 1, limits[1]):
        with reverts(mechanism, "WrongPrice", position=0, price=price, expected=trade.price):
            try_to_clear(world, stage, stage.trades_with(0, price=price))


def test_gsy_penalties_are_charged_from_the_wrong_meter_in_floats(world: World) -> None:
    """A seller pays for its own meter alone; what it pays, the buyers get."""
    stage = world.cleared(
        [an_offer(1, 999, 80), an_offer(3, 777, 80), a_bid(4, 999, 250), a_bid(6, 777, 250)]
    )
    world.read(stage.slot, {1: 999, 3: 0})

    world.settle(stage)

    free = {n: world.market.account(owner_of(n).address).free for n in (1, 3, 4, 6)}
    compensation = 777 * 120_000_007 // 1_000_000
    assert free[3] == DEPOSIT - compensation
    assert free[6] == DEPOSIT + compensation
    assert free[1] > DEPOSIT
    assert free[4] < DEPOSIT
    assert isinstance(free[3], int)


def test_fau_lem_a_price_of_300_or_more_burns_all_gas(world: World) -> None:
    """The gas of a round does not depend on its prices."""
    gas = []
    for usd in (1, 299, 300, 301, PRICE_CAP / 1_000_000):
        mark = world.mark()
        stage = world.cleared([an_offer(1, 1000, 0.5), a_bid(4, 1000, usd)])
        world.read(stage.slot, {1: 1000} if stage.trades else {})
        world.settle(stage)
        gas.append(world.chain.gas["clear"][-1])
        world.put_back(mark)

    assert max(gas[1:]) - min(gas[1:]) < 500
    assert gas[0] < max(gas[1:])


def test_a_roll_up_index_is_skipped_over_an_invalid_order(world: World, exchange: Contract) -> None:
    """A refused order leaves no gap, and none of the recorded can be left out."""
    slot = world.open_slot
    world.place(slot, [an_offer(1, 1000, 80)])
    with reverts(exchange, "ZeroEnergy"):
        world.send(owner_of(2), "placeOffer", slot, 0, 80, 0)
    world.place(slot, [a_bid(4, 1000, 250)])
    stage = world.close(slot)

    assert [order.participant for order in stage.book] == [1, 4]
    for position in range(2):
        book = [word for k, word in enumerate(stage.book_words) if k != position]
        with reverts(exchange, "BookMismatch"):
            world.attempt(STRANGER, "clear", slot, book, [], stage.outcome.certificate)
    world.clear(stage)


def test_ens_a_bid_is_replayed_in_the_next_auction(
    world: World, stage: Stage, exchange: Contract
) -> None:
    """An order is an entry of one slot's hash; a reading is signed for one slot."""
    world.clear(stage)
    later = world.closed([a_bid(4, 1000, 250)])
    reading = world.reading(stage.slot, 1, 10_000)

    with reverts(exchange, "BookMismatch"):
        world.attempt(
            STRANGER,
            "clear",
            later.slot,
            stage.book_words,
            stage.trade_words,
            stage.outcome.certificate,
        )
    world.now_runs_at(starts_at(later.slot) + SLOT_SECONDS)
    with reverts(exchange, "WrongMeter", participant=1):
        world.attempt(STRANGER, "recordReadings", later.slot, [reading.fields()])


def test_integer_division_turns_shares_into_dust(world: World) -> None:
    """Shares of a part delivery are whole, add up, and differ from their due by less than a Wh."""
    stage = world.cleared(
        [a_bid(2, 333, 250), a_bid(4, 334, 250), a_bid(5, 335, 250), an_offer(1, 1002, 80)]
    )
    world.read(stage.slot, {1: 1000})

    settled = world.settle(stage)

    assert [trade.energy for trade in settled] == [333, 334, 335]
    delivered = [trade.delivered for trade in settled]
    assert delivered == shares([Wh(333), Wh(334), Wh(335)], Wh(1000))
    assert sum(delivered) == 1000
    for trade in settled:
        assert abs(trade.delivered * 1002 - trade.energy * 1000) < 1002
    assert world.money() == 7 * DEPOSIT


def test_randomness_is_taken_from_the_time_of_the_block(world: World, stage: Stage) -> None:
    """The outcome is one, whenever in its half hour the slot is cleared."""
    mark = world.mark()
    words = []
    for second in (0, 1, 899, 1797):
        world.put_back(mark)
        world.now_runs_at(starts_at(stage.slot) - 1800 + second)
        world.clear(stage)
        words.append(world.market.cleared_trades(stage.slot))

    assert words[0]
    assert words == [words[0]] * 4


def test_assume_the_state_of_charge_is_lost_in_idle_slots(
    world: World, storage_ledger: Contract, travel_to: Callable[[int], None]
) -> None:
    def record(slot: int, charge: int) -> None:
        signature = sign_storage_reading(
            ROLES.storage_meter,
            world.market.storage_domain,
            slot=Slot(slot),
            charge=Wh(charge),
            discharge=Wh(0),
        )
        travel_to(starts_at(Slot(slot + 1)))
        world.market.record_storage(STRANGER, Slot(slot), Wh(charge), Wh(0), signature)

    record(FIRST_SLOT, 1000)
    for slot in range(FIRST_SLOT + 1, FIRST_SLOT + 5):
        record(slot, 0)
    record(FIRST_SLOT + 5, 1000)

    stored = [
        storage_ledger.functions.recordOf(slot).call()[2]
        for slot in range(FIRST_SLOT, FIRST_SLOT + 6)
    ]
    assert stored == [RATING.initial + 950] * 5 + [RATING.initial + 1900]
    with reverts(storage_ledger, "NotNextSlot", slot=FIRST_SLOT + 7, next=FIRST_SLOT + 6):
        signature = sign_storage_reading(
            ROLES.storage_meter,
            world.market.storage_domain,
            slot=Slot(FIRST_SLOT + 7),
            charge=Wh(0),
            discharge=Wh(0),
        )
        world.attempt(STRANGER, "record", FIRST_SLOT + 7, 0, 0, signature, on=storage_ledger)


def test_assume_ties_always_favour_the_same_plants(world: World) -> None:
    """Of two equal sellers, the one that offered first sells, whatever its number."""
    sellers = []
    for first, second in ((1, 2), (2, 1)):
        mark = world.mark()
        free_from = Slot(world.open_slot + 30)
        line_lease = world.deployment.line_lease
        world.send(ROLES.provider, "announceLadder", (0, 1000, 0), free_from, on=line_lease)
        world.now_runs_at(starts_at(Slot(free_from - 8)))
        equal = [an_offer(first, 1000, 80), an_offer(second, 1000, 80)]
        stage = world.cleared([*equal, a_bid(4, 1000, 250)])
        sellers.append([stage.book[trade.offer].participant for trade in stage.trades])
        world.put_back(mark)

    assert sellers == [[1], [2]]
