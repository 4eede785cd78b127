// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../../../contracts/libraries/AccountLib.sol";
import {EdgeLib} from "../../../contracts/libraries/EdgeLib.sol";
import {LineLib} from "../../../contracts/libraries/LineLib.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {TradeLib} from "../../../contracts/libraries/TradeLib.sol";
import {Account, Edge, Order, Slot, Trade} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title Proofs
/// @notice What halmos proves for every input, not for some; `make audit` runs it. Divisions
/// are too much for its solvers: rounding is fuzzed in {AmountsTest}.
/// @dev Only halmos calls what begins with `check_`; forge takes it for helpers.
contract Proofs is Checks {
    using AccountLib for Account;
    using EdgeLib for Edge;
    using LineLib for uint256;
    using OrderLib for Order;
    using TradeLib for Trade;

    uint256 internal constant MONEY = (1 << 56) - 1;

    /* PACKING: EACH OPERATION CHANGES ITS FIELDS AND NO OTHER BIT */

    function check_creditChangesTheFreeMoneyAlone(uint256 word, uint256 amount) external pure {
        VM.assume(amount <= MONEY - (word & MONEY));

        uint256 next = Account.unwrap(Account.wrap(word).credit(amount));

        assert(next & MONEY == (word & MONEY) + amount);
        assert(next >> 56 == word >> 56);
    }

    function check_debitChangesTheFreeMoneyAlone(uint256 word, uint256 amount) external pure {
        VM.assume(amount <= word & MONEY);

        uint256 next = Account.unwrap(Account.wrap(word).debit(amount));

        assert(next & MONEY == (word & MONEY) - amount);
        assert(next >> 56 == word >> 56);
    }

    function check_aLockIsAddedToTheLockedMoneyAlone(uint256 word, uint256 amount) external pure {
        uint256 locked = (word >> 56) & MONEY;
        VM.assume(amount <= MONEY - locked);

        uint256 next = Account.unwrap(Account.wrap(word).withLock(amount));

        assert(next & MONEY == word & MONEY);
        assert((next >> 56) & MONEY == locked + amount);
        assert(next >> 112 == word >> 112);
    }

    function check_releaseMovesMoneyAndNothingElse(
        uint256 word,
        uint256 amount,
        int256 earned
    ) external pure {
        uint256 locked = (word >> 56) & MONEY;
        VM.assume(amount <= locked);
        VM.assume(earned >= -int256(amount) && earned <= int256(MONEY));
        uint256 sum = uint256(int256((word & MONEY) + amount) + earned);
        VM.assume(sum <= MONEY);

        uint256 next = Account.unwrap(Account.wrap(word).released(amount, earned));

        assert(next & MONEY == sum);
        assert((next >> 56) & MONEY == locked - amount);
        assert(next >> 112 == word >> 112);
    }

    function check_theNonceChangesAlone(uint256 word, uint256 nonce) external pure {
        VM.assume(nonce < 1 << 20);
        uint256 field = uint256(0xfffff) << 124;

        Account next = Account.wrap(word).withNonce(nonce);

        assert(next.nonce() == nonce);
        assert(Account.unwrap(next) & ~field == word & ~field);
    }

    function check_theReputationChangesAlone(uint256 word, uint256 r, uint256 s) external pure {
        VM.assume(r < 1 << 20 && s < 1 << 20);

        Account next = Account.wrap(word).withReputation(r, s);

        (uint256 gotR, uint256 gotS) = next.reputation();
        assert(gotR == r && gotS == s);
        assert(Account.unwrap(next) << 40 == word << 40);
    }

    function check_aCancellationChangesOneBit(uint256 word, uint32 slot) external pure {
        VM.assume(Account.wrap(word).hasOrder(Slot.wrap(slot)));

        Account next = Account.wrap(word).withCancellation(Slot.wrap(slot));

        uint256 changed = Account.unwrap(next) ^ word;
        assert(changed != 0 && changed & (changed - 1) == 0);
        assert(changed & ~(uint256(0xffffff) << 192) == 0);
        assert(!next.hasOrder(Slot.wrap(slot)));
    }

    function check_anOrderChangesTheWindowAndTheFreeMoneyAlone(
        uint256 word,
        uint32 slot,
        uint32 current,
        uint256 amount
    ) external pure {
        VM.assume(current < 1 << 24 && slot > current && slot < current + 24);
        uint256 changed = (uint256(type(uint72).max) << 144) | MONEY;

        (bytes memory refusal, Account next) = Account.wrap(word).ordered(
            Slot.wrap(slot),
            Slot.wrap(current),
            amount
        );

        if (refusal.length != 0) return;
        assert(Account.unwrap(next) & ~changed == word & ~changed);
        assert(next.free() == (word & MONEY) - amount);
        (refusal, ) = next.ordered(Slot.wrap(slot), Slot.wrap(current), 0);
        assert(refusal.length != 0);
    }

    function check_anOrderIsReadAsItWasPacked(
        uint8 kind,
        uint16 participant,
        uint16 score,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) external pure {
        Order order = OrderLib.pack(kind, participant, score, energyWh, price, terms);

        assert(order.kind() == kind && order.participant() == participant);
        assert(order.scoreBps() == score && order.energyWh() == energyWh);
        assert(order.price() == price && order.terms() == terms && order.nonce() == 0);
    }

    function check_anEntryTakesItsScoreAlone(uint256 word, uint16 score) external pure {
        Order order = Order.wrap(word);
        VM.assume(order.scoreBps() == 0);

        Order entry = order.withScore(score);

        assert(entry.scoreBps() == score);
        assert(Order.unwrap(entry) & ~(uint256(0xffff) << 216) == word);
    }

    function check_aTradeIsMadeOfItsFields(uint256 word) external pure {
        Trade trade = Trade.wrap(word);
        VM.assume(trade.isClean());

        uint256 packed = (trade.pair() << 224) | (trade.energyWh() << 192);
        packed |= (trade.price() << 144) | (trade.fee() << 96);

        assert(packed == word);
        assert(trade.pair() == (trade.offerIndex() << 16) | trade.bidIndex());
    }

    function check_anEdgeIsReadAsItWasPacked(uint16 offer, uint16 bid, uint48 fee) external pure {
        Edge edge = EdgeLib.pack(offer, bid, fee);

        assert(edge.offerIndex() == offer && edge.bidIndex() == bid && edge.fee() == fee);
        assert(edge.pair() == (uint256(offer) << 16) | bid);
    }

    function check_aLineIsReadAsItWasPacked(
        uint256 word,
        uint256 position,
        uint256 peer,
        uint256 distance
    ) external pure {
        VM.assume(position < 8 && peer < 1 << 12 && distance < 1 << 20);
        uint256 shift = 224 - 32 * position;
        word &= ~(uint256(0xffffffff) << shift);
        word |= ((peer << 20) | distance) << shift;

        assert(word.peerOf(position) == peer);
        assert(word.distanceOf(position) == distance);
    }
}
