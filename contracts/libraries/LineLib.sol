// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title LineLib
/// @notice Eight lines in one word, the highest bits first; a line is peer 12 | distance 20, in
/// metres. A zero peer ends the row. A peer above the participants' numbers is a manager.
library LineLib {
    uint256 internal constant LINES_PER_WORD = 8;
    uint256 internal constant LINE_BITS = 32;
    /// @dev The capacity of a line that has none.
    uint256 internal constant NO_LIMIT = type(uint32).max;

    uint256 internal constant MAX_DISTANCE_METERS = (1 << 20) - 1;

    function peerOf(uint256 word, uint256 position) internal pure returns (uint256) {
        unchecked {
            return (word >> (244 - LINE_BITS * position)) & 0xfff;
        }
    }

    /// @dev Of a word of capacities: that of a line, in Wh a slot.
    function capacityOf(uint256 word, uint256 position) internal pure returns (uint256) {
        unchecked {
            return (word >> (224 - LINE_BITS * position)) & NO_LIMIT;
        }
    }

    function distanceOf(uint256 word, uint256 position) internal pure returns (uint256) {
        unchecked {
            return (word >> (224 - LINE_BITS * position)) & MAX_DISTANCE_METERS;
        }
    }

    /// @dev The position of the last line of a word, zero where it has none.
    function lastLine(uint256 word) internal pure returns (uint256 position) {
        unchecked {
            position = LINES_PER_WORD - 1;
            if (word << 128 == 0) {
                position -= 4;
                word >>= 128;
            }
            if (word << 192 == 0) {
                position -= 2;
                word >>= 64;
            }
            if (word << 224 == 0) --position;
        }
    }
}
