// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SSTORE2} from "solady/utils/SSTORE2.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";

/// @title CodeTableHarness
/// @notice {CodeTableLib} and its plain twin, which needs no assembly of ours.
contract CodeTableHarness {
    /// @notice Writes a table and reads it back, by the library and word by word.
    function writtenAndRead(
        uint256[] calldata words
    ) external returns (uint256[] memory read, uint256[] memory plain, uint256 chunks) {
        address directory = CodeTableLib.write(words);
        read = CodeTableLib.read(directory);
        (plain, chunks) = _plainRead(directory);
    }

    /// @notice Writes a table, lets another follow it as often as there are parts, and reads the
    /// last and the first back, word by word; and how many chunks the last has that are new.
    function appendedAndRead(
        uint256[] calldata words,
        uint256[][] calldata parts
    )
        external
        returns (
            uint256[] memory read,
            uint256[] memory plain,
            uint256[] memory first,
            uint256 fresh
        )
    {
        address begin = words.length == 0 ? address(0) : CodeTableLib.write(words);
        address before = begin;
        address last = begin;
        for (uint256 i = 0; i < parts.length; ++i) {
            before = last;
            last = CodeTableLib.append(last, parts[i]);
        }
        read = CodeTableLib.read(last);
        (plain, ) = _plainRead(last);
        if (begin != address(0)) (first, ) = _plainRead(begin);
        fresh = _freshChunks(before, last);
    }

    /// @notice The code of a written table: that of its directory, then that of each chunk.
    function codeSizes(uint256[] calldata words) external returns (uint256[] memory sizes) {
        address directory = CodeTableLib.write(words);
        (, address[] memory chunks) = abi.decode(SSTORE2.read(directory), (uint256, address[]));
        sizes = new uint256[](chunks.length + 1);
        sizes[0] = directory.code.length;
        for (uint256 i = 0; i < chunks.length; ++i) {
            sizes[i + 1] = chunks[i].code.length;
        }
    }

    function _freshChunks(address before, address last) internal view returns (uint256 fresh) {
        (, address[] memory chunks) = abi.decode(SSTORE2.read(last), (uint256, address[]));
        if (before == address(0)) return chunks.length;
        (, address[] memory known) = abi.decode(SSTORE2.read(before), (uint256, address[]));
        for (uint256 i = 0; i < chunks.length; ++i) {
            if (i >= known.length || chunks[i] != known[i]) ++fresh;
        }
    }

    function _plainRead(
        address directory
    ) internal view returns (uint256[] memory words, uint256 count) {
        (uint256 length, address[] memory chunks) = abi.decode(
            SSTORE2.read(directory),
            (uint256, address[])
        );
        words = new uint256[](length);
        uint256 next = 0;
        for (uint256 i = 0; i < chunks.length; ++i) {
            bytes memory packed = SSTORE2.read(chunks[i]);
            for (uint256 offset = 0; offset < packed.length; offset += 32) {
                words[next++] = _wordAt(packed, offset);
            }
        }
        return (words, chunks.length);
    }

    function _wordAt(bytes memory packed, uint256 offset) internal pure returns (uint256 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word = (word << 8) | uint8(packed[offset + i]);
        }
    }
}
