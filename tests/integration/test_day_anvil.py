"""The same days on a local node: the same trades, the same money."""

import pytest

from tests.integration.remembering import Run

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("days")]


@pytest.mark.parametrize("name", ["paper_day", "village_day"])
def test_a_day_on_anvil_gives_the_same_trades_and_the_same_money(
    name: str, request: pytest.FixtureRequest
) -> None:
    embedded: Run = request.getfixturevalue(name)
    anvil: Run = request.getfixturevalue(f"{name}_on_anvil")

    assert anvil.result.chain == "anvil"
    assert anvil.result.orders == embedded.result.orders
    assert anvil.result.trades == embedded.result.trades
    assert anvil.result.storage == embedded.result.storage
    assert anvil.result.money == embedded.result.money
    for there, here in zip(anvil.result.participants, embedded.result.participants, strict=True):
        assert (there.bill, there.reputation) == (here.bill, here.reputation)


@pytest.mark.parametrize("name", ["paper_day", "village_day"])
def test_a_day_on_anvil_is_on_the_chain_and_loses_no_money(
    name: str, request: pytest.FixtureRequest
) -> None:
    anvil: Run = request.getfixturevalue(f"{name}_on_anvil")

    money = anvil.money_on_the_chain()

    told = [(t.slot, t.seller, t.buyer, t.price, t.delivered) for t in anvil.result.trades]
    read = [(t.slot, t.seller, t.buyer, t.price, t.delivered) for t in anvil.trades_on_the_chain()]
    assert read == told
    assert money["deposited"] - money["withdrawn"] == money["in_accounts"] == money["token_balance"]
    assert anvil.result.money.difference == 0
