// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EdgeLib} from "../libraries/EdgeLib.sol";
import {MatchingLib} from "../libraries/MatchingLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {Edge, Order} from "../types/Market.sol";

/// @title MatchingHarness
/// @notice {MatchingLib} and its plain twin, which checks every bound and needs no assembly.
contract MatchingHarness {
    using EdgeLib for Edge;
    using MatchingLib for MatchingLib.Scale;
    using OrderLib for Order;

    uint256 internal constant GOLDEN =
        0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95;
    uint256 internal constant ROOT =
        0x6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322b;

    /// @notice The weight of each edge in a book of `entries`, by the library and by the twin.
    function weights(
        uint256 entries,
        Edge[] calldata edges
    ) external pure returns (uint256[] memory own, uint256[] memory plain) {
        MatchingLib.Scale memory scale = MatchingLib.scaleOf(entries);
        own = new uint256[](edges.length);
        plain = new uint256[](edges.length);
        for (uint256 i = 0; i < edges.length; ++i) {
            own[i] = scale.weight(edges[i].pair(), edges[i].fee());
            plain[i] = _plainWeight(entries, edges[i]);
        }
    }

    /// @notice Σ offer_i u_i of a round, by the library and by the twin; `duals` has a word for
    /// each entry.
    function offerDuals(
        bytes calldata orders,
        bytes calldata edges,
        uint256[] calldata duals
    ) external pure returns (uint256 own, uint256 plain) {
        MatchingLib.Scale memory scale = MatchingLib.scaleOf(orders.length / 32);
        own = MatchingLib.offerDuals(orders, edges, abi.encodePacked(duals), scale);
        plain = _plainOfferDuals(orders, edges, duals);
    }

    function _plainOfferDuals(
        bytes calldata orders,
        bytes calldata edges,
        uint256[] calldata duals
    ) internal pure returns (uint256 sum) {
        uint256 entries = orders.length / 32;
        uint256[] memory highest = new uint256[](entries);
        for (uint256 k = 0; k < edges.length; k += 32) {
            Edge edge = Edge.wrap(uint256(bytes32(edges[k:k + 32])));
            uint256 weight = _plainWeight(entries, edge);
            uint256 dual = duals[edge.bidIndex()];
            uint256 offer = edge.offerIndex();
            if (weight > dual && weight - dual > highest[offer]) highest[offer] = weight - dual;
        }
        for (uint256 i = 0; i < entries; ++i) {
            Order order = Order.wrap(uint256(bytes32(orders[32 * i:32 * i + 32])));
            sum += highest[i] * order.energyWh();
        }
    }

    function _plainWeight(uint256 entries, Edge edge) internal pure returns (uint256) {
        uint256 lot = 0;
        unchecked {
            lot = edge.pair() * GOLDEN;
            lot = ((lot ^ (lot >> 128)) * ROOT) >> 224;
        }
        uint256 free = (entries + 1) * 2 ** 48 - edge.fee();
        uint256 tie = (entries - edge.offerIndex()) * (entries - edge.bidIndex());
        return (free * entries ** 3 + tie) * entries * 2 ** 32 + lot;
    }
}
