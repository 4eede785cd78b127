// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order, Trade} from "../types/Market.sol";

/// @title WordsLib
/// @notice Lists of 32-byte words as bytes, which the compiler copies and hands over whole, read
/// and written without bounds checks.
/// @dev Clearing and settling touch every word of a book many times: a check each time costs about
/// 300 gas an order, and an array of words instead of bytes about 40 a word to hand to a mechanism.
/// The caller knows that every index lies inside. {WordsHarness} holds the plain twin.
library WordsLib {
    /// @dev `size` words, all zero.
    function zeros(uint256 size) internal pure returns (bytes memory words) {
        unchecked {
            words = new bytes(size << 5);
        }
    }

    function asBytes(Order[] calldata orders) internal pure returns (bytes calldata words) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            words.offset := orders.offset
            words.length := shl(5, orders.length)
        }
    }

    function asBytes(Trade[] calldata trades) internal pure returns (bytes calldata words) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            words.offset := trades.offset
            words.length := shl(5, trades.length)
        }
    }

    function count(bytes calldata words) internal pure returns (uint256) {
        return words.length >> 5;
    }

    function load(bytes memory words, uint256 index) internal pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := mload(add(add(words, 32), shl(5, index)))
        }
    }

    function read(bytes calldata words, uint256 index) internal pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, index)))
        }
    }

    function load(uint256[] memory words, uint256 index) internal pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := mload(add(add(words, 32), shl(5, index)))
        }
    }

    function read(uint256[] calldata words, uint256 index) internal pure returns (uint256 word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, index)))
        }
    }

    function read(Order[] calldata orders, uint256 index) internal pure returns (Order order) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            order := calldataload(add(orders.offset, shl(5, index)))
        }
    }

    function read(Trade[] calldata trades, uint256 index) internal pure returns (Trade trade) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            trade := calldataload(add(trades.offset, shl(5, index)))
        }
    }

    function store(bytes memory words, uint256 index, uint256 word) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(add(add(words, 32), shl(5, index)), word)
        }
    }

    /// @dev Adds to a word, modulo 2 ** 256.
    function add(bytes memory words, uint256 index, uint256 amount) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let place := add(add(words, 32), shl(5, index))
            mstore(place, add(mload(place), amount))
        }
    }

    /// @dev The four bytes at an index of a list of such numbers.
    function uint32At(bytes memory numbers, uint256 index) internal pure returns (uint256 value) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            value := and(mload(add(add(numbers, 4), shl(2, index))), 0xffffffff)
        }
    }

    /// @dev Writes the four bytes at an index of a list of such numbers.
    function putUint32(bytes memory numbers, uint256 index, uint256 value) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let place := add(add(numbers, 4), shl(2, index))
            mstore(place, or(and(mload(place), not(0xffffffff)), and(value, 0xffffffff)))
        }
    }

    /// @dev Cuts a list down to its first `size` words.
    function cut(bytes memory words, uint256 size) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(words, shl(5, size))
        }
    }
}
