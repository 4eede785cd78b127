// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CodeTableLib} from "../../../contracts/libraries/CodeTableLib.sol";
import {SlotLib} from "../../../contracts/libraries/SlotLib.sol";
import {Slot} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title TablesTest
/// @notice Tables in code, and the clock that says when they may change.
contract TablesTest is Checks {
    using SlotLib for Slot;

    /* TABLES */

    function testATableIsReadAsItWasWritten(uint256 length, bytes32 seed) external {
        uint256[] memory words = _words(_length(length), seed);

        uint256[] memory read = CodeTableLib.read(CodeTableLib.write(words));

        VM.assertEq(keccak256(abi.encode(read)), keccak256(abi.encode(words)));
    }

    function testATableGrowsAtItsEnd(
        uint256 firstLength,
        uint256 secondLength,
        bytes32 seed
    ) external {
        uint256[] memory all = _words(_length(firstLength) + _length(secondLength), seed);
        uint256[] memory first = _words(_length(firstLength), seed);
        uint256[] memory second = new uint256[](_length(secondLength));
        for (uint256 i = 0; i < second.length; ++i) {
            second[i] = all[first.length + i];
        }
        address before = CodeTableLib.append(address(0), first);

        address directory = CodeTableLib.append(before, second);

        uint256[] memory read = CodeTableLib.read(directory);
        VM.assertEq(keccak256(abi.encode(read)), keccak256(abi.encode(all)));
        read = CodeTableLib.read(before);
        VM.assertEq(keccak256(abi.encode(read)), keccak256(abi.encode(first)));
    }

    /* CLOCK */

    function testASlotOpensClosesStartsAndEndsInOrder(uint32 index) external {
        Slot slot = Slot.wrap(index);
        uint256 starts = uint256(index) * 900;

        VM.assertEq(slot.startsAt(), starts);
        VM.assertEq(slot.endsAt(), starts + 900);
        VM.assertEq(slot.closesAt(), starts > 1800 ? starts - 1800 : 0);

        VM.warp(slot.closesAt());
        VM.assertTrue(slot.isGateClosed());
        if (starts <= 1800) return;
        VM.warp(slot.closesAt() - 1);
        VM.assertFalse(slot.isGateClosed());
    }

    function testTheClockIsTheChains(uint256 time) external {
        time = _between(time, 0, uint256(type(uint32).max) * 900);
        VM.warp(time);

        VM.assertEq(Slot.unwrap(SlotLib.current()), time / 900);
    }

    function testOnlyUnopenedSlotsOfAYearAreAnnounced(uint32 now_, uint256 from) external {
        uint256 current = _between(now_, 0, type(uint32).max - 366 * 96);
        from = _between(from, current, current + 366 * 96 + 2);
        from = _min(from, type(uint32).max);
        VM.warp(current * 900 + (from % 900));

        if (from < current + 24) {
            VM.expectRevert(
                abi.encodeWithSelector(SlotLib.AnnouncedTooLate.selector, from, current + 24)
            );
        } else if (from > current + 366 * 96) {
            VM.expectRevert(
                abi.encodeWithSelector(SlotLib.AnnouncedTooEarly.selector, from, current + 366 * 96)
            );
        }
        this.requireUnopened(Slot.wrap(uint32(from)));
    }

    function requireUnopened(Slot slot) external view {
        slot.requireUnopened();
    }

    /* INTERNAL */

    /// @dev Few words, or about as many as one or two chunks have.
    function _length(uint256 value) internal pure returns (uint256) {
        uint256 shape = value % 16;
        if (shape == 0) return 254 + ((value / 16) % 5);
        if (shape == 1) return 510 + ((value / 16) % 5);
        return (value / 16) % 20;
    }

    function _words(uint256 length, bytes32 seed) internal pure returns (uint256[] memory words) {
        words = new uint256[](length);
        for (uint256 i = 0; i < length; ++i) {
            words[i] = uint256(keccak256(abi.encode(seed, i)));
        }
    }
}
