// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {WordsLib} from "../libraries/WordsLib.sol";
import {Order, Trade} from "../types/Market.sol";

/// @title WordsHarness
/// @notice {WordsLib} and its plain twin, which needs no assembly.
contract WordsHarness {
    using WordsLib for bytes;
    using WordsLib for uint256[];
    using WordsLib for Order[];
    using WordsLib for Trade[];

    /// @notice The word at an index of each kind of list, by the library and by bounds-checked
    /// code.
    function read(
        uint256[] calldata words,
        Order[] calldata orders,
        Trade[] calldata trades,
        uint256 index
    ) external pure returns (uint256[5] memory own, uint256[5] memory plain) {
        uint256[] memory copied = words;
        bytes memory packed = abi.encodePacked(words);
        own = [
            words.read(index),
            copied.load(index),
            packed.load(index),
            Order.unwrap(orders.read(index)),
            Trade.unwrap(trades.read(index))
        ];
        plain = [
            words[index],
            copied[index],
            words[index],
            Order.unwrap(orders[index]),
            Trade.unwrap(trades[index])
        ];
    }

    /// @notice The number of words in a list of bytes, and the word at an index.
    function readPacked(
        bytes calldata words,
        uint256 index
    ) external pure returns (uint256 length, uint256 own, uint256 plain) {
        return (
            words.count(),
            words.read(index),
            uint256(bytes32(words[32 * index:32 * index + 32]))
        );
    }

    /// @notice A list of `count` zeros in which words were stored and added, by the library and by
    /// bounds-checked code.
    function written(
        uint256 count,
        uint256[3][] calldata changes
    ) external pure returns (bytes memory own, uint256[] memory plain) {
        plain = new uint256[](count);
        own = WordsLib.zeros(count);
        for (uint256 i = 0; i < changes.length; ++i) {
            uint256 index = changes[i][0];
            own.store(index, changes[i][1]);
            own.add(index, changes[i][2]);
            unchecked {
                plain[index] = changes[i][1] + changes[i][2];
            }
        }
    }

    /// @notice A list of four-byte numbers, by the library and by bounds-checked code.
    function numbers(
        uint32[] calldata values
    ) external pure returns (bytes memory own, bytes memory plain) {
        own = new bytes(4 * values.length);
        plain = new bytes(4 * values.length);
        for (uint256 i = values.length; i > 0; --i) {
            own.putUint32(i - 1, values[i - 1]);
            for (uint256 k = 0; k < 4; ++k) {
                plain[4 * (i - 1) + k] = bytes4(values[i - 1])[k];
            }
        }
    }
}
