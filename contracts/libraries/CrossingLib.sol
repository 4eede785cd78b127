// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {PoolLib} from "./PoolLib.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title CrossingLib
/// @notice Where the supply and the demand of a pool cross: at the offer and the bid, its pivots,
/// of the last Wh whose bid is not below its offer, both sides by price and, at one price, by time.
/// @dev Who names the pivots needs no sorted book to prove them: one pass counts what comes before
/// each, and finds the best price behind. oracle/market/crossing.py is the twin.
library CrossingLib {
    using WordsLib for bytes;

    struct Crossing {
        /// Ranks of the pivots, a lower one comes first; zero where no pair agrees.
        uint256 offerRank;
        uint256 bidRank;
        uint256 offerPrice;
        uint256 bidPrice;
        /// What all offers ahead of the pivot sell, and all bids ahead of theirs buy, in full.
        uint256 supplyWh;
        uint256 demandWh;
        /// The price of the next offer behind the pivot; the largest number where there is none.
        uint256 nextOffer;
        /// One more than the price of the next bid behind the pivot; zero where there is none.
        uint256 nextBid;
    }

    /// @dev The bytes of a certificate that name the pivots: the offer's position in the book and
    /// the bid's, four bytes each, both NONE where no pair agrees.
    uint256 internal constant PIVOT_BYTES = 8;
    uint256 internal constant NONE = type(uint32).max;

    uint256 private constant MAX_PRICE = type(uint48).max;

    /// @notice Thrown when a pivot is not an order that takes part on its side.
    error BadPivot(uint256 orderIndex);

    /// @notice Thrown when supply and demand do not cross at these pivots.
    error NotMarginal(uint256 offerIndex, uint256 bidIndex);

    /// @dev An order of the pool and its rank on its side; energy zero where the entry is none.
    /// With a unit, every order that has as much takes part with exactly one unit.
    function orderAt(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 index,
        uint256 realTimePrice,
        uint256 unitWh
    ) internal pure returns (bool isOffer, uint256 energyWh, uint256 price, uint256 rank) {
        (isOffer, energyWh, price) = PoolLib.orderAt(orders, spokes, index, realTimePrice);
        if (unitWh != 0) energyWh = energyWh < unitWh ? 0 : unitWh;
        // Prices have 48 bits, positions 16.
        unchecked {
            rank = (((isOffer ? price : MAX_PRICE - price) << 16) | index) + 1;
        }
    }

    /// @dev The crossing at the pivots that a certificate begins with, or reverts.
    function crossingAt(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice,
        uint256 unitWh,
        bytes calldata certificate
    ) internal pure returns (Crossing memory crossing) {
        uint256 offer = uint32(bytes4(certificate[:4]));
        uint256 bid = uint32(bytes4(certificate[4:8]));
        uint256 offerWh = 0;
        uint256 bidWh = 0;
        if (offer != NONE || bid != NONE) {
            (offerWh, crossing.offerPrice, crossing.offerRank) = _pivot(
                orders,
                spokes,
                offer,
                realTimePrice,
                unitWh,
                true
            );
            (bidWh, crossing.bidPrice, crossing.bidRank) = _pivot(
                orders,
                spokes,
                bid,
                realTimePrice,
                unitWh,
                false
            );
        }
        _count(orders, spokes, realTimePrice, unitWh, crossing);
        if (!_isCrossing(crossing, offerWh, bidWh)) revert NotMarginal(offer, bid);
    }

    function _pivot(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 index,
        uint256 realTimePrice,
        uint256 unitWh,
        bool ofOffers
    ) private pure returns (uint256 energyWh, uint256 price, uint256 rank) {
        if (index >= orders.count()) revert BadPivot(index);
        bool isOffer;
        (isOffer, energyWh, price, rank) = orderAt(orders, spokes, index, realTimePrice, unitWh);
        if (energyWh == 0 || isOffer != ofOffers) revert BadPivot(index);
    }

    function _count(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice,
        uint256 unitWh,
        Crossing memory crossing
    ) private pure {
        crossing.nextOffer = type(uint256).max;
        uint256 entries = orders.count();
        // No sum of 2^16 energies of 32 bits overflows, and prices have 48 bits.
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, uint256 price, uint256 rank) = orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice,
                    unitWh
                );
                if (energyWh == 0) continue;
                if (isOffer) {
                    if (rank < crossing.offerRank) crossing.supplyWh += energyWh;
                    else if (rank > crossing.offerRank && price < crossing.nextOffer) {
                        crossing.nextOffer = price;
                    }
                } else {
                    if (rank < crossing.bidRank) crossing.demandWh += energyWh;
                    else if (rank > crossing.bidRank && price >= crossing.nextBid) {
                        crossing.nextBid = price + 1;
                    }
                }
            }
        }
    }

    /// @dev Whether the last Wh of the volume is of both pivots, which agree on it, and those of
    /// the next Wh do not.
    function _isCrossing(
        Crossing memory crossing,
        uint256 offerWh,
        uint256 bidWh
    ) private pure returns (bool) {
        unchecked {
            uint256 supplyWh = crossing.supplyWh + offerWh;
            uint256 demandWh = crossing.demandWh + bidWh;
            uint256 next = supplyWh > demandWh ? crossing.offerPrice : crossing.nextOffer;
            uint256 nextBid = demandWh > supplyWh ? crossing.bidPrice + 1 : crossing.nextBid;
            if (nextBid > next) return false;
            if (offerWh == 0) return true;
            return
                crossing.offerPrice <= crossing.bidPrice &&
                crossing.supplyWh < demandWh &&
                crossing.demandWh < supplyWh;
        }
    }
}
