// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccountLib} from "../../../contracts/libraries/AccountLib.sol";
import {EdgeLib} from "../../../contracts/libraries/EdgeLib.sol";
import {LineLib} from "../../../contracts/libraries/LineLib.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {TradeLib} from "../../../contracts/libraries/TradeLib.sol";
import {Account, AccountPair, Edge, Order, Slot, Trade} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title Proofs
/// @notice What halmos proves for every input, not for some; `make audit` runs it. Divisions
/// are too much for its solvers: rounding is fuzzed in {AmountsTest}.
/// @dev Only halmos calls what begins with `check_`; forge takes it for helpers.
contract Proofs is Checks {
    using AccountLib for Account;
    using AccountLib for AccountPair;
    using EdgeLib for Edge;
    using LineLib for uint256;
    using OrderLib for Order;
    using TradeLib for Trade;

    uint256 internal constant MONEY = (1 << 50) - 1;
    uint256 internal constant ACCOUNT = (1 << 116) - 1;
    uint256 internal constant PLACED = 0xffffff << 92;

    /* PACKING: EACH OPERATION CHANGES ITS FIELDS AND NO OTHER BIT */

    function check_anAccountIsReadAsItWasSetAndItsNeighbourAndTheBaseStay(
        uint256 word,
        uint16 participant,
        uint256 account
    ) external pure {
        VM.assume(account <= ACCOUNT);
        AccountPair pair = AccountPair.wrap(word);

        AccountPair next = pair.set(participant, Account.wrap(account));

        // Of the number, only whether it is odd tells.
        uint256 neighbour = uint256(participant) ^ 1;
        assert(Account.unwrap(next.get(participant)) == account);
        assert(Account.unwrap(next.get(neighbour)) == Account.unwrap(pair.get(neighbour)));
        assert(AccountPair.unwrap(next) >> 232 == word >> 232);
    }

    function check_aPairIsItsTwoAccountsAndTheBase(uint256 word, uint16 participant) external pure {
        AccountPair pair = AccountPair.wrap(word);
        uint256 odd = participant | 1;

        uint256 packed = Account.unwrap(pair.get(odd));
        packed |= Account.unwrap(pair.get(odd + 1)) << 116;

        assert(packed | ((word >> 232) << 232) == word);
    }

    function check_theWindowMovesOnAndKeepsAllButItsBits(
        uint256 word,
        uint32 current
    ) external pure {
        VM.assume(current < 1 << 24);
        uint256 window = (uint256(0xffffff) << 232) | PLACED | (PLACED << 116);

        uint256 next = AccountPair.unwrap(AccountPair.wrap(word).movedTo(Slot.wrap(current)));

        uint256 base = word >> 232;
        assert(next >> 232 == (base < current ? current : base));
        assert(next & ~window == word & ~window);
    }

    function check_theWindowDropsThePastAndNothingElse(
        uint256 word,
        uint16 participant,
        uint32 current,
        uint32 slot
    ) external pure {
        VM.assume(current < 1 << 24 && slot < 1 << 24);
        AccountPair pair = AccountPair.wrap(word);

        AccountPair next = pair.movedTo(Slot.wrap(current));

        bool stays = slot >= current && pair.hasPlaced(participant, Slot.wrap(slot));
        bool wasPast = current <= word >> 232;
        bool wanted = wasPast ? pair.hasPlaced(participant, Slot.wrap(slot)) : stays;
        assert(next.hasPlaced(participant, Slot.wrap(slot)) == wanted);
    }

    function check_anOrderChangesItsBitAndItsOwnersMoneyAlone(
        uint256 word,
        uint16 participant,
        uint32 slot,
        uint256 amount
    ) external pure {
        uint256 base = word >> 232;
        VM.assume(slot >= base && slot < base + 24);
        AccountPair pair = AccountPair.wrap(word);

        (bytes memory refusal, AccountPair next) = pair.ordered(
            participant,
            Slot.wrap(slot),
            amount
        );

        if (refusal.length != 0) return;
        assert(!pair.hasPlaced(participant, Slot.wrap(slot)));
        uint256 account =
            Account.unwrap(pair.get(participant)) | (uint256(1) << (92 + slot - base));
        Account wanted = Account.wrap(account - amount);
        assert(wanted.free() == pair.get(participant).free() - amount);
        assert(AccountPair.unwrap(next) == AccountPair.unwrap(pair.set(participant, wanted)));
    }

    function check_anOrderIsTakenOnceAndNeverAboveItsOwnersMoney(
        uint256 word,
        uint16 participant,
        uint32 slot,
        uint256 amount
    ) external pure {
        uint256 base = word >> 232;
        VM.assume(slot >= base && slot < base + 24);
        AccountPair pair = AccountPair.wrap(word);

        (bytes memory refusal, ) = pair.ordered(participant, Slot.wrap(slot), amount);

        bool taken = refusal.length == 0;
        bool covered = amount <= pair.get(participant).free();
        assert(taken == (covered && !pair.hasPlaced(participant, Slot.wrap(slot))));
    }

    function check_releaseMovesItsOwnersMoneyAndNothingElse(
        uint256 word,
        uint16 participant,
        uint256 amount,
        int256 earned
    ) external pure {
        VM.assume(amount <= MONEY);
        VM.assume(earned >= -int256(amount) && earned <= int256(MONEY));
        AccountPair pair = AccountPair.wrap(word);
        uint256 sum = uint256(int256(pair.get(participant).free() + amount) + earned);
        VM.assume(sum <= MONEY);

        AccountPair next = pair.released(participant, amount, earned);

        Account wanted = pair.get(participant).withFree(sum);
        assert(AccountPair.unwrap(next) == AccountPair.unwrap(pair.set(participant, wanted)));
    }

    function check_theFreeMoneyChangesAlone(uint256 word, uint256 money) external pure {
        VM.assume(money <= MONEY);

        Account next = Account.wrap(word).withFree(money);

        assert(next.free() == money);
        assert(Account.unwrap(next) & ~MONEY == word & ~MONEY);
    }

    function check_aNewAccountHasMoneyAReputationAndNothingElse(
        uint256 money,
        uint256 r,
        uint256 s
    ) external pure {
        VM.assume(money <= MONEY && r < 1 << 20 && s < 1 << 20);

        Account account = AccountLib.opened(money, r, s);

        (uint256 gotR, uint256 gotS) = account.reputation();
        assert(account.free() == money && gotR == r && gotS == s);
        assert(account.isOpen() && !account.hasSpentNonces());
        assert(Account.unwrap(account) >> 92 == 0);
    }

    function check_thatNoncesAreSpentChangesOneBit(uint256 word) external pure {
        Account next = Account.wrap(word).withSpentNonces();

        assert(next.hasSpentNonces());
        assert(Account.unwrap(next) & ~uint256(1 << 51) == word & ~uint256(1 << 51));
    }

    function check_theReputationChangesAlone(uint256 word, uint256 r, uint256 s) external pure {
        VM.assume(r < 1 << 20 && s < 1 << 20);
        uint256 fields = uint256(type(uint40).max) << 52;

        Account next = Account.wrap(word).withReputation(r, s);

        (uint256 gotR, uint256 gotS) = next.reputation();
        assert(gotR == r && gotS == s);
        assert(Account.unwrap(next) & ~fields == word & ~fields);
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
        packed |= (trade.price() << 144) | (trade.fee() << 96) | (trade.surplus() << 48);
        if (trade.isPooled()) packed |= 1;

        assert(packed == word);
        assert(trade.pair() == (trade.offerIndex() << 16) | trade.bidIndex());
    }

    function check_anEdgeIsReadAsItWasPacked(
        uint16 offer,
        uint16 bid,
        uint32 capacity,
        uint48 fee
    ) external pure {
        Edge edge = EdgeLib.pack(offer, bid, capacity, fee);

        assert(edge.offerIndex() == offer && edge.bidIndex() == bid && edge.fee() == fee);
        assert(edge.capacityWh() == capacity);
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
