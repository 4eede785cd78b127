"""Orders from the page: signed in the browser, cleared, settled, paid."""

import json
import re

import pytest
from playwright.sync_api import expect

from oracle.chain.signatures import development_key
from tests.browser.conftest import NewVisitor
from tests.browser.running import Devnet
from tests.browser.visitor import Visitor
from tests.browser.wallet import Wallet

pytestmark = [
    pytest.mark.browser,
    pytest.mark.node,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one devnet and one Chromium for all
]

SELLER, BUYER = "B01", "B03"


def participant(devnet: Devnet, name: str) -> dict[str, object]:
    found: dict[str, object] = devnet.get("/participants", name=name)["items"][0]
    return found


def a_slot(devnet: Devnet) -> int:
    """Return one that nobody has ordered for yet, and that time alone will bring to its gate."""
    return int(devnet.get("/clock")["next_gate_slot"]) + 1


def test_an_offer_and_a_bid_clear_and_settle_and_money_moves(
    devnet: Devnet, visitor: Visitor
) -> None:
    slot = a_slot(devnet)
    visitor.open("Order")
    visitor.choose_participant(SELLER)
    before = visitor.free_money()
    visitor.fill_order("Offer", energy="2.5", price="0.1", slot=slot)
    visitor.hand_in()
    visitor.sees_stage(SELLER, "recorded")
    visitor.choose_participant(BUYER)
    visitor.fill_order("Bid", energy="60", price="0.3", slot=slot)
    visitor.hand_in()
    visitor.sees_stage(BUYER, "recorded")
    visitor.take_picture("order-recorded")

    devnet.step(2)
    visitor.sees_stage(SELLER, "cleared")
    visitor.sees_stage(BUYER, "cleared")
    visitor.take_picture("order-cleared")
    devnet.step(3)
    visitor.sees_stage(SELLER, "settled")
    visitor.sees_stage(BUYER, "settled")

    expect(visitor.order(SELLER)).to_contain_text(re.compile(r"2\.500 kWh delivered, 0\.\d+ USD"))
    expect(visitor.order(BUYER)).to_contain_text(f"from {SELLER} at")
    visitor.take_picture("order-settled")
    sold = devnet.get("/trades", slot=slot, seller=participant(devnet, SELLER)["number"])["items"]
    earned = sum(t["delivered_wh"] * t["price_micro_usd_per_mwh"] // 10**6 for t in sold)
    owner = participant(devnet, SELLER)["owner"]
    sales = devnet.get(f"/accounts/{owner}/entries", slot=slot, cause="sale")["items"]
    assert earned == sum(entry["free_micro_usd"] for entry in sales) > 0
    visitor.go_to("Account")
    visitor.choose_participant(SELLER)
    rows = visitor.page.locator("tr").filter(has_text="Sale")
    expect(rows.filter(has_text=f"+{sales[0]['free_micro_usd'] / 1e6:.4f}")).not_to_have_count(0)
    account = devnet.get(f"/accounts/{owner}")
    assert visitor.free_money() == pytest.approx(account["free_micro_usd"] / 1e6, abs=1e-4)
    assert visitor.free_money() != before
    visitor.take_picture("account-settled")
    assert visitor.said == []


def test_no_key_leaves_the_browser(devnet: Devnet, visitor: Visitor) -> None:
    key = development_key("B05 owner").key.hex().removeprefix("0x")
    visitor.open("Order")
    visitor.choose_participant("B05")
    visitor.fill_order("Offer", energy="0.25", price="0.09", slot=a_slot(devnet))

    visitor.hand_in()

    visitor.sees_stage("B05", "recorded")
    (sent,) = visitor.sent
    order = json.loads(sent.post_data or "")
    assert key not in (sent.post_data or "").lower()
    assert set(order) == {
        *("chain_id", "exchange", "slot", "kind", "participant", "energy_wh"),
        *("price_micro_usd_per_mwh", "nonce", "terms", "signature"),
    }
    kept = visitor.page.evaluate("JSON.stringify(Object.entries(localStorage))")
    assert key not in kept.lower()


def test_a_wallet_signs_an_order(devnet: Devnet, visitor: Visitor) -> None:
    wallet = Wallet(development_key("B06 owner"), devnet.get("/market")["domain"]["chainId"])
    wallet.put_into(visitor)
    visitor.open("Order")
    visitor.choose_participant("B06")
    visitor.fill_order("Bid", energy="0,4", price="0.31", slot=a_slot(devnet))
    visitor.page.get_by_role("radio", name="Browser wallet").check()

    visitor.hand_in()

    visitor.sees_stage("B06", "recorded")
    assert wallet.asked == ["eth_requestAccounts", "eth_chainId", "eth_signTypedData_v4"]
    visitor.take_picture("order-by-wallet")


@pytest.mark.parametrize(
    ("label", "chain_id", "declines", "expected"),
    [
        ("B07 owner", 31337, True, "You declined in your wallet. Nothing was sent."),
        ("B07 owner", 1, False, "Your wallet is on chain 1, this market on chain 31337."),
        ("B08 owner", 31337, False, "this participant is owned by"),
    ],
    ids=["declined", "another chain", "another account"],
)
def test_a_wallet_that_does_not_sign_is_told_beside_it(
    devnet: Devnet, visitor: Visitor, label: str, chain_id: int, declines: bool, expected: str
) -> None:
    Wallet(development_key(label), chain_id, declines).put_into(visitor)
    visitor.open("Order")
    visitor.choose_participant("B07")
    visitor.fill_order("Bid", energy="1", price="0.2")
    visitor.page.get_by_role("radio", name="Browser wallet").check()

    visitor.hand_in()

    expect(visitor.page.locator("fieldset", has_text="Sign with")).to_contain_text(expected)
    assert visitor.sent == []


def test_an_order_can_be_placed_by_keyboard_alone(devnet: Devnet, visitor: Visitor) -> None:
    visitor.open("Market")
    keyboard = visitor.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            if name in visitor.page.evaluate(FOCUSED):
                return
        raise AssertionError(f"{name}: not reached by Tab")

    keyboard.press("Tab")
    assert visitor.page.evaluate(FOCUSED) == "Skip to the content"
    tab_to("Market")
    keyboard.press("ArrowRight")
    visitor.wait_until_filled()
    tab_to("Participant")
    keyboard.type("B09")
    expect(visitor.page.locator("select:focus option:checked")).to_have_text("B09")
    tab_to("Bid")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowLeft")
    tab_to("Delivery slot")
    keyboard.press("ArrowDown")
    tab_to("Energy")
    keyboard.type("0.75")
    tab_to("Highest price")
    keyboard.type("0.22")
    keyboard.press("Enter")

    visitor.sees_stage("B09", "recorded")
    expect(visitor.order("B09")).to_contain_text("bid for 0.750 kWh at 0.2200 USD/kWh")


FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return "";
  return one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText ?? "";
}"""


def test_what_is_wrong_is_told_beside_its_field(devnet: Devnet, visitor: Visitor) -> None:
    visitor.open("Order")
    visitor.choose_participant("B10")
    energy = visitor.page.get_by_role("textbox", name="Energy")
    price = visitor.page.get_by_role("textbox", name=re.compile("price"))

    visitor.fill_order("Bid", energy="", price="11")
    visitor.hand_in()
    expect(energy).to_be_focused()
    expect(energy).to_have_accessible_description(re.compile("^Enter kWh"))
    expect(price).to_have_accessible_description(re.compile("cap is 10"))
    visitor.take_picture("order-refused-here")

    visitor.fill_order("Bid", energy="900", price="0.3")
    visitor.hand_in()
    expect(energy).to_have_accessible_description(re.compile("^Insufficient funds"))
    visitor.take_picture("order-refused-by-the-service")


def test_a_second_order_for_a_slot_is_refused_in_words(
    devnet: Devnet, new_visitor: NewVisitor
) -> None:
    slot, first, second = a_slot(devnet), new_visitor(), new_visitor()
    for one in (first, second):
        one.open("Order")
        one.choose_participant("B11")
        one.fill_order("Offer", energy="0.5", price="0.1", slot=slot)
    first.hand_in()
    first.sees_stage("B11", "recorded")

    second.hand_in()

    expect(second.page.get_by_label("Delivery slot")).to_have_accessible_description(
        re.compile("^Order exists")
    )
