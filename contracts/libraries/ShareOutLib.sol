// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Order} from "../types/Market.sol";
import {OrderLib} from "./OrderLib.sol";
import {PoolLib} from "./PoolLib.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title ShareOutLib
/// @notice Sharing a pool's volume: each order's share is volume times its weight by the sum of the
/// weights of its side, rounded down; the Wh left over go to the largest remainders, the earlier
/// order first among equals.
/// @dev Checked without sorting: where all fills together are the volume, it is enough that each is
/// its share or one Wh more, and that no order that was passed over comes before one that was not.
/// oracle/market/sharing.py is the twin.
library ShareOutLib {
    using OrderLib for Order;
    using WordsLib for bytes;

    /// @dev One side of the pool as its orders are looked at; an order that comes first has the
    /// larger rank.
    struct Side {
        /// What its orders trade together.
        uint256 volumeWh;
        /// What they would, together; not zero where `take` is called.
        uint256 weight;
        /// The smallest rank of an order with one Wh more than its share.
        uint256 leastRaised;
        /// The largest rank of an order without.
        uint256 mostPassedOver;
    }

    uint256 private constant LAST_INDEX = 0xffff;

    /// @notice Thrown when all trades together are not what supply and demand allow.
    error WrongVolume(uint256 volumeWh, uint256 expectedWh);

    /// @notice Thrown when another order got a left-over Wh before this one.
    error NotProRata(uint256 orderIndex);

    /// @dev Assumes that the fills that are to be taken have the sum `volumeWh`.
    function sideOf(uint256 volumeWh, uint256 weight) internal pure returns (Side memory side) {
        side.volumeWh = volumeWh;
        side.weight = weight;
        side.leastRaised = type(uint256).max;
    }

    /// @dev Looks at an order of the side. Nothing overflows: a weight has at most 32 bits, a
    /// volume or a sum of weights 43, an index 16.
    function take(Side memory side, uint256 index, uint256 weight, uint256 filledWh) internal pure {
        unchecked {
            uint256 scaled = weight * side.volumeWh;
            uint256 shareWh = scaled / side.weight;
            uint256 rank = ((scaled - shareWh * side.weight) << 16) | (LAST_INDEX - index);
            if (filledWh == shareWh) {
                if (rank > side.mostPassedOver) side.mostPassedOver = rank;
            } else if (filledWh == shareWh + 1) {
                if (rank < side.leastRaised) side.leastRaised = rank;
            } else {
                revert PoolLib.WrongFill(index, filledWh, shareWh);
            }
        }
    }

    /// @dev Looks at the side as a whole, after all its orders.
    function end(Side memory side) internal pure {
        unchecked {
            if (side.mostPassedOver > side.leastRaised) {
                revert NotProRata(LAST_INDEX - (side.mostPassedOver & LAST_INDEX));
            }
        }
    }

    /// @dev What the whole pool offers and bids.
    function energiesOf(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice
    ) internal pure returns (uint256 supplyWh, uint256 demandWh) {
        uint256 entries = orders.count();
        // No sum of 2^16 energies of 32 bits overflows.
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, ) = PoolLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice
                );
                if (isOffer) supplyWh += energyWh;
                else demandWh += energyWh;
            }
        }
    }

    /// @dev The energies of the orders whose limit admits `price`, at their positions in the book,
    /// and what they are together.
    function willing(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice,
        uint256 price
    ) internal pure returns (bytes memory weights, uint256 supplyWh, uint256 demandWh) {
        uint256 entries = orders.count();
        weights = WordsLib.zeros(entries);
        // No sum of 2^16 energies of 32 bits overflows.
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, uint256 limit) = PoolLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice
                );
                if (isOffer ? limit > price : limit < price) continue;
                weights.store(k, energyWh);
                if (isOffer) supplyWh += energyWh;
                else demandWh += energyWh;
            }
        }
    }

    /// @dev Requires that the smaller of supply and demand is traded at one price, and that each
    /// side shares it by its weights, which have these sums.
    function requireShared(
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 price,
        bytes memory weights,
        uint256 supply,
        uint256 demand
    ) internal pure {
        (bytes memory fills, uint256 volumeWh) = PoolLib.fillsOf(orders, spokes, trades, price, 0);
        uint256 expectedWh = supply < demand ? supply : demand;
        if (volumeWh != expectedWh) revert WrongVolume(volumeWh, expectedWh);
        if (volumeWh == 0) return;
        _requireSide(orders, weights, fills, OrderLib.OFFER, sideOf(volumeWh, supply));
        _requireSide(orders, weights, fills, OrderLib.BID, sideOf(volumeWh, demand));
    }

    function _requireSide(
        bytes calldata orders,
        bytes memory weights,
        bytes memory fills,
        uint256 kind,
        Side memory side
    ) private pure {
        uint256 entries = orders.count();
        for (uint256 k = 0; k < entries; ++k) {
            if (Order.wrap(orders.read(k)).kind() != kind) continue;
            take(side, k, weights.load(k), fills.load(k));
        }
        end(side);
    }
}
