"""The dollar of development chains, as far as it differs from OpenZeppelin's token."""

import pytest

from oracle.units import MicroUsd
from tests.contracts.markets import LATECOMER, STRANGER, World

pytestmark = pytest.mark.contract


def test_a_test_dollar_has_the_decimals_of_a_real_one(world: World) -> None:
    token = world.deployment.token

    assert token.functions.decimals().call() == 6


def test_anybody_mints_test_dollars(world: World) -> None:
    token = world.deployment.token
    amount = MicroUsd(1_000_001)

    world.send(STRANGER, "mint", LATECOMER.address, amount, on=token)

    assert token.functions.balanceOf(LATECOMER.address).call() == amount
