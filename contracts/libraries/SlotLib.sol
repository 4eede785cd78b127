// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Slot} from "../types/Market.sol";

/// @title SlotLib
/// @notice The clock of the market: when a slot opens, closes, starts and ends.
library SlotLib {
    uint256 internal constant SLOT_SECONDS = 15 minutes;

    /// @dev Orders are final this long before delivery starts.
    uint256 internal constant GATE_CLOSURE_SECONDS = 30 minutes;

    /// @dev Orders are taken for this many slots after the current one.
    uint256 internal constant OPEN_SLOTS = 23;

    /// @dev Readings are taken for this long after a slot's end.
    uint256 internal constant READING_SECONDS = 1 hours;

    /// @dev Sealed orders are revealed for this long after the gate has closed.
    uint256 internal constant REVEAL_SECONDS = 10 minutes;

    /// @dev Changes are announced at most this many slots ahead, a leap year: announcements come in
    /// the order of their slots, so one for the end of time would be the last.
    uint256 internal constant ANNOUNCED_SLOTS = 366 * 96;

    /// @dev Thrown when a change is announced for a slot that is too far ahead.
    error AnnouncedTooEarly(Slot from, Slot latest);

    /// @dev Thrown when a change would reach into slots that are open already.
    error AnnouncedTooLate(Slot from, Slot earliest);

    function current() internal view returns (Slot) {
        return Slot.wrap(uint32(block.timestamp / SLOT_SECONDS));
    }

    function startsAt(Slot slot) internal pure returns (uint256) {
        return uint256(Slot.unwrap(slot)) * SLOT_SECONDS;
    }

    function endsAt(Slot slot) internal pure returns (uint256) {
        return startsAt(slot) + SLOT_SECONDS;
    }

    /// @dev When orders for `slot` are final.
    function closesAt(Slot slot) internal pure returns (uint256) {
        uint256 starts = startsAt(slot);
        return starts > GATE_CLOSURE_SECONDS ? starts - GATE_CLOSURE_SECONDS : 0;
    }

    function isGateClosed(Slot slot) internal view returns (bool) {
        return block.timestamp + GATE_CLOSURE_SECONDS >= startsAt(slot);
    }

    /// @dev Reverts if `from` may be open already, as what a slot depends on is fixed before it
    /// opens; or if it is more than a year ahead.
    function requireUnopened(Slot from) internal view {
        Slot earliest = Slot.wrap(uint32(Slot.unwrap(current()) + OPEN_SLOTS + 1));
        if (Slot.unwrap(from) < Slot.unwrap(earliest)) revert AnnouncedTooLate(from, earliest);
        Slot latest = Slot.wrap(uint32(Slot.unwrap(current()) + ANNOUNCED_SLOTS));
        if (Slot.unwrap(from) > Slot.unwrap(latest)) revert AnnouncedTooEarly(from, latest);
    }
}
