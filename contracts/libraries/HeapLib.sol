// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {WordsLib} from "./WordsLib.sol";

/// @title HeapLib
/// @notice A binary heap of words in memory, the smallest on top, for at most as many words as it
/// was made for (Williams, "Algorithm 232: Heapsort", Communications of the ACM 1964).
/// @dev The caller knows that there is room for what it pushes, and something to pop or to look at.
library HeapLib {
    using WordsLib for bytes;

    struct Heap {
        /// The words of node k stand at k; its children are 2k + 1 and 2k + 2.
        bytes words;
        uint256 size;
    }

    function make(uint256 capacity) internal pure returns (Heap memory heap) {
        heap.words = WordsLib.zeros(capacity);
    }

    function top(Heap memory heap) internal pure returns (uint256) {
        return heap.words.load(0);
    }

    // Indices stay below twice the capacity.
    function push(Heap memory heap, uint256 word) internal pure {
        bytes memory words = heap.words;
        uint256 node = heap.size;
        unchecked {
            heap.size = node + 1;
            while (node > 0) {
                uint256 parent = (node - 1) >> 1;
                uint256 above = words.load(parent);
                if (above <= word) break;
                words.store(node, above);
                node = parent;
            }
        }
        words.store(node, word);
    }

    function pop(Heap memory heap) internal pure {
        bytes memory words = heap.words;
        unchecked {
            uint256 size = heap.size - 1;
            heap.size = size;
            uint256 word = words.load(size);
            uint256 node = 0;
            for (uint256 child = 1; child < size; child = 2 * node + 1) {
                uint256 below = words.load(child);
                if (child + 1 < size) {
                    uint256 other = words.load(child + 1);
                    if (other < below) {
                        below = other;
                        ++child;
                    }
                }
                if (word <= below) break;
                words.store(node, below);
                node = child;
            }
            words.store(node, word);
        }
    }
}
