// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExchange} from "../../../contracts/interfaces/IExchange.sol";
import {Order, Phase, Reading, Slot, Trade} from "../../../contracts/types/Market.sol";
import {Market} from "./Market.sol";
import {IAnyExchange, MarketHandler} from "./MarketHandler.sol";
import {OpenHandler} from "./OpenHandler.sol";
import {SealedHandler} from "./SealedHandler.sol";

/// @title MarketInvariants
/// @notice Those of INVARIANTS.md that can be said in Solidity, by their numbers, after every call
/// of a random sequence. A call that reverts fails: the handler knows what must succeed, and what
/// must be refused it tries itself.
abstract contract MarketInvariants is Market {
    MarketHandler public handler;
    IAnyExchange internal _exchange;

    /// @notice What forge calls: the handler, and nothing else.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev All in one, as forge would run as many sequences for each as for all.
    function invariant_everyNumberedOneHolds() public {
        m1_theTokensAreDepositsLessWithdrawals();
        m3_aSlotIsDoneOnceAndIsWhereTheLedgerSays();
        m6_everyAccountIsThePlainOne();
        m7_reputationIsInRangeAndMovesByTheRule();
        m9_noStrangerActsForTheOperator();
        m10_nothingReplays();
        m13_whatIsNotFreeIsHeldBySlotsThatAreNotDone();
        s1_theStoredEnergyFollowsItsRecursion();
        s2_theStoredEnergyIsWithinItsLimits();
        s3_theCompensationIsTheThroughputAtItsPrice();
        m8_whatIsFreeCanBeWithdrawn();
    }

    /// @dev That it is what accounts and slots hold together is said at M-13.
    function m1_theTokensAreDepositsLessWithdrawals() public view {
        uint256 held = dollar.balanceOf(address(_exchange));

        _same(held, handler.deposited() - handler.withdrawn(), "M-1");
        if (held >= 2 ** 50) VM.assertTrue(false, "M-1, most");
    }

    function m3_aSlotIsDoneOnceAndIsWhereTheLedgerSays() public view {
        uint32[] memory slots = handler.known();
        for (uint256 i = 0; i < slots.length; ++i) {
            Phase wanted = handler.phaseOf(slots[i]);
            Phase phase = _exchange.phaseOf(Slot.wrap(slots[i]));
            if (phase == Phase.Closed) phase = Phase.Open;
            if (phase != wanted) VM.assertTrue(false, "M-3");
        }
    }

    function m6_everyAccountIsThePlainOne() public view {
        MarketHandler.Ledger memory all = handler.ledger();
        for (uint256 i = 1; i <= GUEST; ++i) {
            (uint256 free, uint256 participant, ) = _exchange.accountOf(_owner(i));
            _same(free, all.free[i], "M-6, free");
            _same(participant, all.number[i], "M-6, number");
        }
        (uint256 operatorFree, , ) = _exchange.accountOf(OPERATOR);
        (uint256 providerFree, , ) = _exchange.accountOf(PROVIDER);
        _same(operatorFree, handler.operatorFree(), "M-6, operator");
        _same(providerFree, handler.providerFree(), "M-6, provider");
    }

    function m7_reputationIsInRangeAndMovesByTheRule() public view {
        MarketHandler.Ledger memory all = handler.ledger();
        for (uint256 i = 1; i <= GUEST; ++i) {
            (uint256 r, uint256 s) = _exchange.reputationOf(_owner(i));
            (, , uint256 score) = _exchange.accountOf(_owner(i));
            _same(r, all.r[i], "M-7, r");
            _same(s, all.s[i], "M-7, s");
            if (all.number[i] == 0) continue;
            if (r > s || s >= 2 ** 20 || score == 0 || score >= 1e4) VM.assertTrue(false, "M-7");
        }
    }

    function m8_whatIsFreeCanBeWithdrawn() public {
        uint256 holder = 1 + (handler.successes() % GUEST);
        address owner = _owner(holder);
        uint256 free = handler.free(holder);
        uint256 before = dollar.balanceOf(owner);

        VM.prank(owner);
        _exchange.withdraw(free);
        _same(dollar.balanceOf(owner), before + free, "M-8");

        _refused(owner, abi.encodeCall(IExchange.withdraw, (1)));
    }

    function m9_noStrangerActsForTheOperator() public {
        uint32 slot = uint32(_now() / 900);
        _refused(STRANGER, abi.encodeCall(IExchange.pause, ()));
        _refused(STRANGER, abi.encodeCall(IExchange.unpause, ()));
        _refused(
            STRANGER,
            abi.encodeCall(IExchange.correctReading, (Slot.wrap(slot - 2), uint16(1), uint32(0)))
        );
        if (_exchange.challengeSeconds() != 0) return;
        _refused(
            OPERATOR,
            abi.encodeCall(IExchange.correctReading, (Slot.wrap(slot - 2), uint16(1), uint32(0)))
        );
    }

    function m10_nothingReplays() public {
        uint32[] memory slots = handler.known();
        if (slots.length == 0) return;
        uint32 slot = slots[handler.successes() % slots.length];
        Phase phase = handler.phaseOf(slot);
        if (phase != Phase.Settled && phase != Phase.Void) return;
        _requireDone(Slot.wrap(slot), phase);
    }

    function m13_whatIsNotFreeIsHeldBySlotsThatAreNotDone() public view {
        uint256 sum = handler.ledger().locked + handler.escrow();
        for (uint256 i = 1; i <= GUEST + 2; ++i) {
            (uint256 free, , ) = _exchange.accountOf(_holder(i));
            sum += free;
        }

        _same(sum, handler.deposited() - handler.withdrawn(), "M-13");
        _same(sum, dollar.balanceOf(address(_exchange)), "M-13, tokens");
    }

    function s1_theStoredEnergyFollowsItsRecursion() public view {
        _same(storageLedger.storedWh(), handler.storedWh(), "S-1");
        _same(Slot.unwrap(storageLedger.nextSlot()), handler.nextStorageSlot(), "S-1, slot");
    }

    function s2_theStoredEnergyIsWithinItsLimits() public view {
        uint256 stored = storageLedger.storedWh();
        if (stored < 10_000 || stored > 90_000) VM.assertTrue(false, "S-2");
    }

    function s3_theCompensationIsTheThroughputAtItsPrice() public view {
        uint256 earned = (handler.throughput() * 55e6) / 1e6;
        _same(storageLedger.compensationEarned(), earned, "S-3, earned");
        _same(_exchange.compensationPaid(), handler.compensation(), "S-3, paid");
        if (handler.compensation() > earned) VM.assertTrue(false, "S-3");
    }

    /// @dev So that no sequence passes because nothing is done: in 3,000 random calls everything
    /// that the handler counts happens.
    function testTheHandlerReachesEverything() external {
        for (uint256 i = 0; i < 3000; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            bytes[] memory calls = _shared(seed, _own(seed));
            // solhint-disable-next-line avoid-low-level-calls
            (bool success, ) = address(handler).call(calls[(seed >> 200) % calls.length]);
            VM.assertTrue(success);
        }
        invariant_everyNumberedOneHolds();

        VM.assertEq(handler.ledger().number[GUEST], GUEST);
        bytes32[] memory wanted = _wanted();
        for (uint256 i = 0; i < wanted.length; ++i) {
            VM.assertGe(handler.done(wanted[i]), 3, string(abi.encodePacked(wanted[i])));
        }
    }

    function _handle(MarketHandler handler_) internal {
        handler = handler_;
        _exchange = handler_.exchange();
        (dollar, storageLedger) = handler_.parts();
    }

    /// @dev The calls that one kind of book has; and what must have been done.
    function _own(uint256 seed) internal pure virtual returns (bytes[] memory);

    function _wanted() internal pure virtual returns (bytes32[] memory);

    /// @dev The calls of every market after those of `own`, with arguments drawn from `seed`.
    function _shared(
        uint256 seed,
        bytes[] memory own
    ) internal pure returns (bytes[] memory calls) {
        (uint256 a, uint256 b, uint256 c) = (seed >> 16, seed >> 48, seed >> 80);
        calls = new bytes[](own.length + 11);
        for (uint256 i = 0; i < own.length; ++i) {
            calls[i] = own[i];
        }
        uint256 next = own.length;
        calls[next++] = abi.encodeCall(MarketHandler.deposit, (a, b, c % 30e6));
        calls[next++] = abi.encodeCall(MarketHandler.withdraw, (a, b, c % 5e6));
        calls[next++] = abi.encodeCall(MarketHandler.togglePause, (a, b));
        calls[next++] = abi.encodeCall(MarketHandler.join, (a, b));
        calls[next++] = abi.encodeCall(MarketHandler.clear, (a, b));
        calls[next++] = abi.encodeCall(MarketHandler.void, (a, b));
        calls[next++] = abi.encodeCall(MarketHandler.read, (a, b, c, seed >> 112));
        calls[next++] = abi.encodeCall(MarketHandler.contradict, (a, b, c, seed >> 112));
        calls[next++] = abi.encodeCall(MarketHandler.correct, (a, b, c, seed >> 112));
        calls[next++] = abi.encodeCall(MarketHandler.settle, (a, b));
        calls[next++] = abi.encodeCall(MarketHandler.recordStorage, (a, b % 2 == 0, uint64(c)));
    }

    /// @dev Reverts unless a slot that is done takes nothing more.
    function _requireDone(Slot slot, Phase phase) internal {
        Order[] memory book = handler.bookOf(Slot.unwrap(slot));
        Trade[] memory trades = handler.tradesOf(Slot.unwrap(slot));
        _refused(STRANGER, abi.encodeCall(IExchange.clear, (slot, book, trades, hex"00")));
        _refused(STRANGER, abi.encodeCall(IExchange.void, (slot, book)));
        _refused(
            STRANGER,
            abi.encodeCall(
                IExchange.settle,
                (slot, book, trades, new uint256[](0), new Reading[](0))
            )
        );
        if (phase == Phase.Void) return;
        _refused(STRANGER, abi.encodeCall(IExchange.recordReadings, (slot, new Reading[](0))));
        _refused(OPERATOR, abi.encodeCall(IExchange.correctReading, (slot, 1, 1)));
    }

    function _refused(address sender, bytes memory call) internal {
        VM.prank(sender);
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, ) = address(_exchange).call(call);
        if (success) VM.assertTrue(false, "taken, not refused");
    }

    /// @dev The participants, the guest, the operator and the provider: all who have money.
    function _holder(uint256 index) internal view returns (address) {
        if (index <= GUEST) return _owner(index);
        return index == GUEST + 1 ? OPERATOR : PROVIDER;
    }
}

/// @title OpenMarketInvariants
/// @notice The market whose orders are open, settled as soon as the readings are there.
contract OpenMarketInvariants is MarketInvariants {
    function setUp() external {
        _handle(MarketHandler(VM.deployCode("OpenHandler.sol:OpenHandler")));
    }

    function _own(uint256 seed) internal pure override returns (bytes[] memory calls) {
        (uint256 a, uint256 b, uint256 c) = (seed >> 16, seed >> 48, seed >> 80);
        uint32[2] memory energies = [uint32(seed >> 112), uint32(seed >> 144)];
        uint48[2] memory prices = [uint48(seed >> 150), uint48(seed >> 170)];
        calls = new bytes[](7);
        calls[0] = abi.encodeCall(
            OpenHandler.placeOffer,
            (a, b, c, energies[0], prices[0], uint96(seed))
        );
        calls[1] = abi.encodeCall(
            OpenHandler.placeBid,
            (a, b, c, energies[0], prices[0], uint96(seed))
        );
        calls[2] = abi.encodeCall(OpenHandler.cancel, (a, b, c));
        calls[3] = abi.encodeCall(OpenHandler.post, (a, b, b >> 8, c, energies, prices, seed));
        calls[4] = abi.encodeCall(OpenHandler.post, (a, b, b >> 4, c, energies, prices, seed >> 9));
        calls[5] = abi.encodeCall(OpenHandler.postCancellation, (a, b, c));
        calls[6] = abi.encodeCall(OpenHandler.spendNonces, (a, b, c));
    }

    function _wanted() internal pure override returns (bytes32[] memory wanted) {
        bytes32[20] memory all = [
            bytes32("deposit"),
            "withdraw",
            "pause",
            "clear",
            "clear without trade",
            "void",
            "read",
            "read again",
            "contradict",
            "settle",
            "settle without trade",
            "settle too early",
            "storage",
            "compensation",
            "short",
            "inside a group",
            "cancel",
            "post cancellation",
            "post taken",
            "post skipped"
        ];
        wanted = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            wanted[i] = all[i];
        }
    }
}

/// @title SealedMarketInvariants
/// @notice The market whose orders are sealed, and whose readings may be corrected for a time.
contract SealedMarketInvariants is MarketInvariants {
    function setUp() external {
        _handle(MarketHandler(VM.deployCode("SealedHandler.sol:SealedHandler")));
    }

    function _own(uint256 seed) internal pure override returns (bytes[] memory calls) {
        (uint256 a, uint256 b, uint256 c) = (seed >> 16, seed >> 48, seed >> 80);
        calls = new bytes[](6);
        for (uint256 i = 0; i < 3; ++i) {
            calls[i] = abi.encodeCall(
                SealedHandler.commit,
                (a, b >> i, c, (seed >> i) % 2 == 0, uint32(a), uint48(b), uint96(c))
            );
            calls[3 + i] = abi.encodeCall(SealedHandler.reveal, (a, b >> i, c >> i));
        }
    }

    function _wanted() internal pure override returns (bytes32[] memory wanted) {
        bytes32[16] memory all = [
            bytes32("deposit"),
            "withdraw",
            "pause",
            "clear",
            "void",
            "read",
            "contradict",
            "correct",
            "settle",
            "settle too early",
            "slashed",
            "short",
            "commit",
            "commit refused",
            "reveal",
            "forfeited"
        ];
        wanted = new bytes32[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            wanted[i] = all[i];
        }
    }
}
