"""Signatures bent, cut, grown and forged; and contract wallets, honest ones and others."""

from dataclasses import replace
from enum import IntEnum

import pytest
from eth_account.signers.local import LocalAccount
from web3.contract import Contract

from oracle.chain.market import SignedOrder
from oracle.chain.reverts import decoded
from oracle.chain.signatures import development_key
from oracle.domain.book import Order
from oracle.domain.clock import OPEN_SLOTS, slot_at, starts_at
from oracle.units import Bps, Slot
from tests.contracts.markets import (
    DEPOSIT,
    ROLES,
    STRANGER,
    World,
    a_bid,
    an_offer,
    meter_of,
    owner_of,
)
from tests.contracts.revertible import deploy_mock
from tests.contracts.reverting import reverts

pytestmark = pytest.mark.contract

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WALLET_GAS = 150_000


class Manner(IntEnum):
    """How a MockWallet behaves."""

    HONEST = 0
    REFUSING = 1
    REVERTING = 2
    BURNING_GAS = 3
    JUNK = 4
    FLOODING = 5
    EMPTY = 6
    REENTRANT = 7


def forms_of(signature: bytes) -> dict[str, bytes]:
    r, s, v = signature[:32], signature[32:64], signature[64]
    other = (CURVE_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    return {
        "the other half": r + other + bytes([55 - v]),
        "the other parity": r + s + bytes([55 - v]),
        "v of 0 or 1": r + s + bytes([v - 27]),
        "zeros": bytes(65),
        "nothing": b"",
        "one byte less": signature[:-1],
        "one byte more": signature + b"\0",
        "s above the order": r + CURVE_ORDER.to_bytes(32, "big") + bytes([v]),
        "r of zero": bytes(32) + s + bytes([v]),
        "twice": signature * 2,
    }


@pytest.mark.parametrize("form", forms_of(bytes(64) + b"\x1b"))
def test_a_bent_signature_is_worthless(world: World, exchange: Contract, form: str) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    bent = replace(signed, signature=forms_of(signed.signature)[form])

    with reverts(exchange, "WrongSigner", participant=4):
        world.post_alone(slot, bent, for_wallets=True)

    assert world.market.book(slot) == ()


@pytest.mark.parametrize("change", ["the other half", "the other parity", "zeros"])
def test_a_bent_compact_signature_is_worthless(
    world: World, exchange: Contract, change: str
) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    bent = forms_of(signed.signature)[change]
    r, s, v = bent[:32], int.from_bytes(bent[32:64], "big"), bent[64]
    vs = (s | (v == 28) << 255).to_bytes(32, "big")

    receipt = world.send(STRANGER, "post", slot, [signed.order.pack()], [(r, vs)])

    skipped = exchange.events.OrderSkipped().process_receipt(receipt)
    assert len(skipped) == 1
    assert exchange.functions.slotOf(slot).call()[0] == bytes(32)


@pytest.mark.parametrize("for_wallets", [False, True])
@pytest.mark.parametrize(
    "key",
    [STRANGER, owner_of(5), meter_of(4), ROLES.operator, ROLES.registrar],
    ids=["stranger", "other owner", "own meter", "operator", "registrar"],
)
def test_nobody_but_its_owner_signs_an_order(
    world: World, exchange: Contract, key: LocalAccount, for_wallets: bool
) -> None:
    slot = world.open_slot
    forged = world.sign(slot, a_bid(4, 1000, 250), key=key)

    with reverts(exchange, "WrongSigner", participant=4, owner=owner_of(4).address):
        world.post_alone(slot, forged, for_wallets=for_wallets)


@pytest.mark.parametrize(
    "change",
    [
        {"energy": 1001},
        {"price": 250_000_001},
        {"terms": 7},
        {"nonce": 1},
        {"participant": 5},
        {"kind": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_order_changed_after_signing_is_worthless(
    world: World, exchange: Contract, change: dict[str, int]
) -> None:
    slot = world.open_slot
    signed = world.sign(slot, a_bid(4, 1000, 250))
    word = replace(signed.order, **change).pack()  # type: ignore[arg-type]

    receipt = world.send(STRANGER, "postForWallets", slot, [word], [signed.signature])

    (skipped,) = exchange.events.OrderSkipped().process_receipt(receipt)
    assert skipped["args"]["order"] == word
    assert world.market.book(slot) == ()


@pytest.mark.parametrize("bit", [216, 231, 116, 135, 251, 255])
def test_an_order_with_bits_that_are_not_its_owners_is_skipped(
    world: World, exchange: Contract, bit: int
) -> None:
    """Above all no score: who posts it does not choose its owner's reputation."""
    slot = world.open_slot
    signed = world.sign(slot, an_offer(1, 1000, 80))
    word = signed.order.pack() | 1 << bit

    receipt = world.send(STRANGER, "postForWallets", slot, [word], [signed.signature])

    (skipped,) = exchange.events.OrderSkipped().process_receipt(receipt)
    assert decoded(skipped["args"]["reason"]).name == "BadOrder"


@pytest.mark.parametrize("kind", [0, 4, 255])
def test_an_order_of_no_kind_is_skipped(world: World, exchange: Contract, kind: int) -> None:
    slot = world.open_slot
    word = an_offer(1, 1000, 80).pack() & (1 << 248) - 1 | kind << 248

    receipt = world.send(STRANGER, "postForWallets", slot, [word], [b""])

    (skipped,) = exchange.events.OrderSkipped().process_receipt(receipt)
    assert skipped["args"]["order"] == word


def test_a_signed_order_with_a_score_is_refused_by_name(world: World, exchange: Contract) -> None:
    slot = world.open_slot
    order = replace(an_offer(1, 1000, 80), score=Bps(10_000))

    with reverts(exchange, "BadOrder", order=order.pack()):
        world.post_alone(slot, world.sign(slot, order))


class Wallet:
    """A participant of number 7 whose owner is a contract."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = development_key("wallet key")
        self.contract = deploy_mock(world.chain, STRANGER, "MockWallet", self.key.address)
        self.first = Slot(slot_at(world.chain.now()) + OPEN_SLOTS + 1)
        joining = [(self.contract.address, meter_of(1).address, 0, 0)]
        registry, token = world.deployment.registry, world.deployment.token
        world.send(ROLES.registrar, "register", joining, self.first, on=registry)
        world.send(STRANGER, "mint", self.contract.address, DEPOSIT, on=token)
        self.act(token, "approve", world.exchange.address, DEPOSIT)
        self.act(world.exchange, "deposit", DEPOSIT)
        world.now_runs_at(starts_at(Slot(self.first - 5)))

    def act(self, contract: Contract, name: str, *arguments: object) -> None:
        data = contract.encode_abi(name, list(arguments))
        self.world.send(STRANGER, "act", contract.address, data, on=self.contract)

    def behave(self, manner: Manner, target: str | None = None, callback: bytes = b"") -> None:
        zero = "0x" + "0" * 40
        arguments = int(manner), target or zero, callback
        self.world.send(STRANGER, "behave", *arguments, on=self.contract)

    def order(self, key: LocalAccount | None = None) -> SignedOrder:
        bid: Order = replace(a_bid(4, 1000, 250), participant=7)
        return self.world.sign(self.first, bid, key=key or self.key)


@pytest.fixture
def wallet(world: World) -> Wallet:
    return Wallet(world)


def test_a_contract_wallet_trades(wallet: Wallet, world: World) -> None:
    world.post_alone(wallet.first, wallet.order(), for_wallets=True)
    world.place(wallet.first, [an_offer(1, 1000, 80)])
    stage = world.close(wallet.first)
    world.clear(stage)

    assert [order.participant for order in stage.book] == [7, 1]
    account = world.market.account(wallet.contract.address)
    assert account.locked == 250_000


def test_a_wallet_orders_by_itself_too(wallet: Wallet, world: World, exchange: Contract) -> None:
    wallet.act(exchange, "placeBid", wallet.first, 1000, 250_000_000, 0)

    assert world.market.book(wallet.first)[0].participant == 7


def test_the_key_of_a_wallet_is_not_its_owner(
    wallet: Wallet, world: World, exchange: Contract
) -> None:
    """A batch for keys alone asks no contract."""
    with reverts(exchange, "WrongSigner", participant=7, owner=wallet.contract.address):
        world.post_alone(wallet.first, wallet.order())


def test_a_wallet_does_not_know_a_strangers_signature(
    wallet: Wallet, world: World, exchange: Contract
) -> None:
    with reverts(exchange, "WrongSigner", participant=7, owner=wallet.contract.address):
        world.post_alone(wallet.first, wallet.order(STRANGER), for_wallets=True)


@pytest.mark.parametrize("manner", [manner for manner in Manner if manner is not Manner.HONEST])
def test_a_wallet_that_misbehaves_does_not_sink_a_batch(
    wallet: Wallet, world: World, exchange: Contract, manner: Manner
) -> None:
    callback = bytes.fromhex(exchange.encode_abi("spendNonces", [5]).removeprefix("0x"))
    wallet.behave(manner, exchange.address, callback)
    slot = wallet.first
    others = [an_offer(1, 1000, 80), a_bid(4, 1000, 250)]
    batch = [world.sign(slot, others[0]), wallet.order(), world.sign(slot, others[1])]

    skipped = world.market.post_for_wallets(STRANGER, slot, batch)

    assert [one.reason.name for one in skipped] == ["WrongSigner"]
    assert [order.participant for order in world.market.book(slot)] == [1, 4]
    assert world.market.nonce(wallet.contract.address) == 0


def test_a_wallet_that_burns_gas_burns_no_more_than_its_share(wallet: Wallet, world: World) -> None:
    slot = wallet.first
    world.market.post_for_wallets(STRANGER, slot, [world.sign(slot, a_bid(4, 1000, 250))])
    plain = world.chain.gas["postForWallets"][-1]
    wallet.behave(Manner.BURNING_GAS)

    world.market.post_for_wallets(
        STRANGER, slot, [wallet.order(), world.sign(slot, a_bid(5, 1000, 250))]
    )

    assert world.chain.gas["postForWallets"][-1] < plain + WALLET_GAS + 60_000


def test_a_signature_too_long_for_a_wallets_share_of_gas_does_not_sink_a_batch(
    wallet: Wallet, world: World
) -> None:
    """Copied to the wallet it would take more gas than all of the share."""
    slot = wallet.first
    endless = replace(wallet.order(), signature=bytes(10_000 * 32))
    good = world.sign(slot, a_bid(4, 1000, 250))

    skipped = world.market.post_for_wallets(STRANGER, slot, [endless, good])

    assert [one.reason.name for one in skipped] == ["WrongSigner"]
    assert [order.participant for order in world.market.book(slot)] == [4]


def test_a_wallet_with_too_little_gas_to_answer_is_skipped_and_may_come_again(
    wallet: Wallet, world: World
) -> None:
    """Whoever posts it cannot bind it to anything that it did not sign, nor spend its order."""
    slot = wallet.first
    wallet.behave(Manner.BURNING_GAS)
    assert len(world.market.post_for_wallets(STRANGER, slot, [wallet.order()])) == 1
    wallet.behave(Manner.HONEST)

    assert world.market.post_for_wallets(STRANGER, slot, [wallet.order()]) == []
