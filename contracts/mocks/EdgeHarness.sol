// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EdgeLib} from "../libraries/EdgeLib.sol";
import {FeeLadderLib} from "../libraries/FeeLadderLib.sol";
import {LineLib} from "../libraries/LineLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {Edge, FeeLadder, Order} from "../types/Market.sol";

/// @title EdgeHarness
/// @notice {EdgeLib} and its plain twin, which checks every bound and needs no assembly.
contract EdgeHarness {
    using FeeLadderLib for FeeLadder;
    using LineLib for uint256;
    using OrderLib for Order;

    /// @notice Live orders, zero where one is not live, and what else their edges depend on.
    struct Round {
        Order[] orders;
        uint256[] rows;
        uint256 rowWords;
        uint256[] capacities;
        FeeLadder ladder;
        uint256 realTimePrice;
    }

    /// @dev As many as a line can name.
    uint256 internal constant PEERS = 1 << 12;

    /// @notice The edges of a round, by the library and by the twin; and whether memory that was
    /// taken after them is clean and leaves them alone.
    function edgesOf(
        Round calldata round
    ) external pure returns (bytes memory own, bytes memory plain, bool isMemorySafe) {
        bytes memory orders = abi.encodePacked(round.orders);
        own = EdgeLib.edgesOf(
            orders,
            _positionsOf(round.orders),
            round.rows,
            round.rowWords,
            round.ladder,
            round.realTimePrice
        );
        if (round.capacities.length != 0) {
            EdgeLib.limit(own, orders, round.rows, round.rowWords, round.capacities);
        }
        bytes32 before = keccak256(own);
        uint256[] memory later = new uint256[](8);
        isMemorySafe = true;
        for (uint256 i = 0; i < later.length; ++i) {
            if (later[i] != 0) isMemorySafe = false;
            later[i] = type(uint256).max;
        }
        if (keccak256(own) != before) isMemorySafe = false;
        plain = _plainEdgesOf(round);
    }

    /// @notice The edge of a pair from a place on and the place after it, by the library and by the
    /// twin.
    function find(
        Edge[] calldata edges,
        uint256 first,
        uint256 pair
    ) external pure returns (uint256[2] memory own, uint256[2] memory plain) {
        (uint256 next, Edge edge) = EdgeLib.find(abi.encodePacked(edges), 32 * first, pair);
        own = [next, Edge.unwrap(edge)];
        for (uint256 i = first; i < edges.length; ++i) {
            if (Edge.unwrap(edges[i]) >> 224 == pair) {
                return (own, [32 * (i + 1), Edge.unwrap(edges[i])]);
            }
        }
        plain = [own[0], 0];
    }

    function _positionsOf(Order[] calldata orders) internal pure returns (bytes memory) {
        uint256[] memory positions = new uint256[](PEERS);
        for (uint256 i = 0; i < orders.length; ++i) {
            Order order = orders[i];
            if (order.kind() == OrderLib.OFFER) {
                positions[order.participant()] = EdgeLib.IS_OFFER | i;
            } else if (order.kind() == OrderLib.BID) {
                positions[order.participant()] = (order.price() << 32) | EdgeLib.IS_BID | i;
            }
        }
        return abi.encodePacked(positions);
    }

    function _plainEdgesOf(Round calldata round) internal pure returns (bytes memory edges) {
        for (uint256 i = 0; i < round.orders.length; ++i) {
            Order offer = round.orders[i];
            if (offer.kind() != OrderLib.OFFER || offer.price() > round.realTimePrice) continue;
            uint256 row = (offer.participant() - 1) * round.rowWords;
            if (row + round.rowWords > round.rows.length) continue;
            for (uint256 k = 0; k < round.rowWords * LineLib.LINES_PER_WORD; ++k) {
                edges = bytes.concat(
                    edges,
                    _plainEdge(
                        round,
                        i,
                        row + k / LineLib.LINES_PER_WORD,
                        k % LineLib.LINES_PER_WORD
                    )
                );
            }
        }
    }

    function _plainEdge(
        Round calldata round,
        uint256 offer,
        uint256 place,
        uint256 line
    ) internal pure returns (bytes memory edge) {
        uint256 word = round.rows[place];
        uint256 capacity = type(uint32).max;
        if (round.capacities.length != 0) capacity = round.capacities[place].capacityOf(line);
        uint256 fee = round.ladder.feeUp(word.distanceOf(line));
        for (uint256 j = 0; j < round.orders.length; ++j) {
            Order bid = round.orders[j];
            if (bid.kind() != OrderLib.BID || bid.participant() != word.peerOf(line)) continue;
            if (round.orders[offer].price() + fee > bid.price()) continue;
            return abi.encode(EdgeLib.pack(offer, j, capacity, fee));
        }
    }
}
