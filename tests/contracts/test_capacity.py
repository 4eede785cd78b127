"""The fullest book that the limits of lines and participants let be clears in one transaction."""

import pytest

from oracle.domain.rows import LINES_PER_WORD, MAX_ROW_LINES, MAX_ROW_WORDS
from oracle.units import MicroUsd
from tests.contracts.markets import World, a_bid, an_offer, owner_of, some_terms
from tests.contracts.revertible import RevertibleChain

pytestmark = [pytest.mark.contract, pytest.mark.slow]

TRANSACTION_GAS_CAP = 16_777_216  # EIP-7825
BUYERS = LINES_PER_WORD * MAX_ROW_WORDS
SELLERS = MAX_ROW_LINES // BUYERS


def test_a_book_that_uses_every_line_clears_within_the_cap_of_a_transaction() -> None:
    """Each of 160 sellers has a line to each of 16 buyers, and all of them order."""
    row = [
        sum((buyer << 20 | 500 + buyer) << 224 - 32 * k for k, buyer in enumerate(buyers))
        for buyers in (range(1, 9), range(9, 17))
    ]
    rows = [0] * MAX_ROW_WORDS * BUYERS + row * SELLERS
    terms = some_terms(prosumers=BUYERS + SELLERS, lines=(), rows=rows, row_words=MAX_ROW_WORDS)
    world = World(RevertibleChain(), terms)
    slot = world.open_slot
    for number in range(1, BUYERS + SELLERS + 1):
        world.market.deposit(owner_of(number), MicroUsd(50_000_000))
    offers = [an_offer(BUYERS + k, 1_000 + k, 50) for k in range(1, SELLERS + 1)]
    world.place(slot, [*offers, *(a_bid(number, 100_000, 400) for number in range(1, BUYERS + 1))])
    stage = world.close(slot)

    world.clear(stage)

    assert len(stage.round.edges) == MAX_ROW_LINES
    assert world.chain.gas["clear"][-1] < TRANSACTION_GAS_CAP
