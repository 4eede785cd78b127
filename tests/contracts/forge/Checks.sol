// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVm} from "./IVm.sol";

/// @title Checks
/// @notice What all tests share.
abstract contract Checks {
    IVm internal constant VM = IVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev A number from `low` to `high`: `value` where it lies there, else folded into it; the
    /// largest values become the upper end.
    function _between(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        if (size == 0) return value;
        uint256 fromTheEnd = type(uint256).max - value;
        if (fromTheEnd < 4 && fromTheEnd < size) return high - fromTheEnd;
        return low + (value % size);
    }

    /// @dev As the cheat code, which costs more than all else where nothing is wrong.
    function _same(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) VM.assertEq(left, right, what);
    }

    /// @dev The chain's time; the compiler believes that `block.timestamp` never changes in a call.
    function _now() internal view returns (uint256) {
        return VM.getBlockTimestamp();
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _slice(uint256 word, uint256 lowest, uint256 bits) internal pure returns (uint256) {
        return (word / 2 ** lowest) % 2 ** bits;
    }
}
