// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Edge, FeeLadder, Order} from "../types/Market.sol";
import {LineLib} from "./LineLib.sol";
import {OrderLib} from "./OrderLib.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title EdgeLib
/// @notice A line between a live offer and a live bid whose limits leave room for the lease fee, in
/// one word, the highest bits first: offer 16 | bid 16 | unused 144 | capacity in Wh 32 | fee 48.
/// @dev Clearing walks over every line of every offer, up to 8,192 of them, hence the assembly: 250
/// gas a line instead of 700. {EdgeHarness} holds the plain twin that the tests compare with.
library EdgeLib {
    using LineLib for uint256;
    using OrderLib for Order;
    using WordsLib for bytes;

    /// @dev Set in the position of a bid.
    uint256 internal constant IS_BID = 1 << 16;

    /// @dev Set in the position of an offer.
    uint256 internal constant IS_OFFER = 1 << 17;

    function pack(
        uint256 offer,
        uint256 bid,
        uint256 capacityWh_,
        uint256 fee_
    ) internal pure returns (Edge) {
        return Edge.wrap((offer << 240) | (bid << 224) | (capacityWh_ << 48) | fee_);
    }

    function pair(Edge edge) internal pure returns (uint256) {
        return Edge.unwrap(edge) >> 224;
    }

    function offerIndex(Edge edge) internal pure returns (uint256) {
        return Edge.unwrap(edge) >> 240;
    }

    function bidIndex(Edge edge) internal pure returns (uint256) {
        return (Edge.unwrap(edge) >> 224) & 0xffff;
    }

    function fee(Edge edge) internal pure returns (uint256) {
        return Edge.unwrap(edge) & 0xffffffffffff;
    }

    function capacityWh(Edge edge) internal pure returns (uint256) {
        return (Edge.unwrap(edge) >> 48) & 0xffffffff;
    }

    // solhint-disable function-max-lines
    /// @notice The lines from live offers to live bids that leave room for a price, in ascending
    /// order of offer and, for each, of the bidder's number.
    /// @param orders The live orders, words as {OrderLib} packs them, zero where one is not live.
    /// @param positions For each participant, from 0: of a bid price 48 | unused 14 | 0 | 1 |
    /// position 16; of an offer 1 | 0 | position 16; else zero. Long enough for every peer of a
    /// row.
    /// @param rows The rows of lines, words as {LineLib} reads them.
    /// @param rowWords The words a row has.
    /// @param ladder The fee ladder, computed as {FeeLadderLib} does.
    /// @param realTimePrice No offer above it has an edge.
    function edgesOf(
        bytes memory orders,
        bytes memory positions,
        uint256[] memory rows,
        uint256 rowWords,
        FeeLadder memory ladder,
        uint256 realTimePrice
    ) internal pure returns (bytes memory edges) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            edges := mload(0x40)
            let next := add(edges, 32)
            let positionOf := add(positions, 32)
            let firstRow := add(rows, 32)
            let rowsEnd := add(firstRow, shl(5, mload(rows)))
            let rowBytes := shl(5, rowWords)
            for {
                let place := add(orders, 32)
            } lt(place, add(add(orders, 32), mload(orders))) {
                place := add(place, 32)
            } {
                let offer := mload(place)
                if xor(shr(248, offer), 1) {
                    continue
                }
                if gt(and(shr(136, offer), 0xffffffffffff), realTimePrice) {
                    continue
                }
                let row := add(firstRow, mul(sub(and(shr(232, offer), 0xffff), 1), rowBytes))
                let rowEnd := add(row, rowBytes)
                if gt(rowEnd, rowsEnd) {
                    continue
                }
                let index := shl(235, sub(sub(place, 32), orders))
                for {} lt(row, rowEnd) {
                    row := add(row, 32)
                } {
                    for {
                        let lines := mload(row)
                    } lines {
                        lines := shl(32, lines)
                    } {
                        let bid := mload(add(positionOf, shl(5, shr(244, lines))))
                        if iszero(and(bid, 0x10000)) {
                            continue
                        }
                        let distance := and(shr(224, lines), 0xfffff)
                        // n (2 D - d (n + 1)) / 2 is the sum that {FeeLadderLib} has
                        let n := div(distance, mload(add(ladder, 32)))
                        let cost := mul(mload(add(ladder, 32)), add(n, 1))
                        cost := shr(1, mul(n, sub(shl(1, distance), cost)))
                        cost := add(mul(10000, distance), mul(mload(add(ladder, 64)), cost))
                        cost := div(add(mul(mload(ladder), cost), 9999999), 10000000)
                        if gt(add(and(shr(136, offer), 0xffffffffffff), cost), shr(32, bid)) {
                            continue
                        }
                        cost := or(cost, 0xffffffff000000000000)
                        mstore(next, or(or(index, shl(224, and(bid, 0xffff))), cost))
                        next := add(next, 32)
                    }
                }
            }
            mstore(edges, sub(next, add(edges, 32)))
            mstore(0x40, next)
        }
    }

    // solhint-enable function-max-lines

    /// @notice Enters the capacities of their lines into edges, which have none before.
    /// @param edges As {edgesOf} returns them.
    /// @param orders The live orders.
    /// @param rows The rows that the edges are from.
    /// @param rowWords The words a row has.
    /// @param capacities The lines' capacities at their lines' places, as many words as the rows.
    function limit(
        bytes memory edges,
        bytes memory orders,
        uint256[] memory rows,
        uint256 rowWords,
        uint256[] memory capacities
    ) internal pure {
        uint256 count = edges.length >> 5;
        uint256 last = type(uint256).max;
        uint256 line = 0;
        for (uint256 e = 0; e < count; ++e) {
            Edge edge = Edge.wrap(edges.load(e));
            uint256 seller = Order.wrap(orders.load(offerIndex(edge))).participant();
            uint256 buyer = Order.wrap(orders.load(bidIndex(edge))).participant();
            if (offerIndex(edge) != last) line = (seller - 1) * rowWords * LineLib.LINES_PER_WORD;
            last = offerIndex(edge);
            while (_peerAt(rows, line) != buyer) ++line;
            uint256 word = capacities[line / LineLib.LINES_PER_WORD];
            uint256 capacity = word.capacityOf(line % LineLib.LINES_PER_WORD);
            edges.store(
                e,
                Edge.unwrap(pack(offerIndex(edge), bidIndex(edge), capacity, fee(edge)))
            );
        }
    }

    function _peerAt(uint256[] memory rows, uint256 line) private pure returns (uint256) {
        return rows[line / LineLib.LINES_PER_WORD].peerOf(line % LineLib.LINES_PER_WORD);
    }

    /// @dev The edge of a pair, zero if there is none, among those from `place` on, which counts in
    /// bytes; and the place after it.
    function find(
        bytes memory edges,
        uint256 place,
        uint256 pair_
    ) internal pure returns (uint256 next, Edge edge) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let at := add(add(edges, 32), place)
            let end := add(add(edges, 32), mload(edges))
            for {} lt(at, end) {
                at := add(at, 32)
            } {
                let word := mload(at)
                if xor(shr(224, word), pair_) {
                    continue
                }
                edge := word
                break
            }
            next := sub(at, edges)
        }
    }
}
