// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SSTORE2} from "solady/utils/SSTORE2.sol";

/// @title CodeTableLib
/// @notice A table of words stored as contract code: written rarely, read whole for little gas. A
/// directory contract names the chunks, each a contract of its own. A table that grows keeps the
/// chunks that are full.
/// @dev A read costs about 2,600 gas a contract and 3 a word, where storage costs 2,100 a word;
/// hence the assembly. {CodeTableHarness} holds the plain twin that the tests compare with.
library CodeTableLib {
    uint256 internal constant WORDS_PER_CHUNK = 256;

    function write(uint256[] memory words) internal returns (address directory) {
        return _write(words, new address[](0));
    }

    /// @dev Writes a table that begins with that of `directory`, unless it is zero.
    function append(address directory, uint256[] memory more) internal returns (address) {
        if (directory == address(0)) return write(more);
        uint256[] memory known = read(directory);
        (, address[] memory pointers) = _chunksOf(directory);
        uint256[] memory words = new uint256[](known.length + more.length);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = i < known.length ? known[i] : more[i - known.length];
        }
        uint256 full = known.length / WORDS_PER_CHUNK;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(pointers, full)
        }
        return _write(words, pointers);
    }

    function read(address directory) internal view returns (uint256[] memory words) {
        (uint256 length, address[] memory pointers) = _chunksOf(directory);
        words = new uint256[](length);
        for (uint256 i = 0; i < pointers.length; ++i) {
            uint256 first = i * WORDS_PER_CHUNK;
            uint256 count = _min(length - first, WORDS_PER_CHUNK);
            address pointer = pointers[i];
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                extcodecopy(pointer, add(add(words, 32), mul(first, 32)), 1, mul(count, 32))
            }
        }
    }

    /// @dev Writes the chunks that come after those `known` already, and the directory of all.
    function _write(
        uint256[] memory words,
        address[] memory known
    ) private returns (address directory) {
        uint256 chunks = (words.length + WORDS_PER_CHUNK - 1) / WORDS_PER_CHUNK;
        address[] memory pointers = new address[](chunks);
        for (uint256 i = 0; i < chunks; ++i) {
            pointers[i] =
                i < known.length ? known[i] : SSTORE2.write(_chunk(words, i * WORDS_PER_CHUNK));
        }
        directory = SSTORE2.write(abi.encode(words.length, pointers));
    }

    function _chunksOf(
        address directory
    ) private view returns (uint256 length, address[] memory pointers) {
        return abi.decode(SSTORE2.read(directory), (uint256, address[]));
    }

    function _chunk(
        uint256[] memory words,
        uint256 first
    ) private pure returns (bytes memory packed) {
        uint256 count = _min(words.length - first, WORDS_PER_CHUNK);
        packed = new bytes(count * 32);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mcopy(add(packed, 32), add(add(words, 32), mul(first, 32)), mul(count, 32))
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
