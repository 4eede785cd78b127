// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Edge} from "../types/Market.sol";

/// @title EdgeLib
/// @notice A line between a live offer and a live bid whose limits leave room for the lease fee, in
/// one word, the highest bits first: offer 16 | bid 16 | unused 176 | fee 48.
library EdgeLib {
    function pack(uint256 offer, uint256 bid, uint256 fee_) internal pure returns (Edge) {
        return Edge.wrap((offer << 240) | (bid << 224) | fee_);
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
}
