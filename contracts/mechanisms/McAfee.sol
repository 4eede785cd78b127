// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {CrossingLib} from "../libraries/CrossingLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";

/// @title McAfee
/// @notice A double auction in which no lie pays (McAfee, "A dominant strategy double auction",
/// Journal of Economic Theory 56(2), 1992). Every order that has a unit takes part with exactly
/// one. With offers s_1 ≤ s_2 ≤ … and bids b_1 ≥ b_2 ≥ …, ties by time, k is the number of pairs
/// with b_k ≥ s_k, and p₀ the middle of b_k+1 and s_k+1, rounded down. If s_k ≤ p₀ ≤ b_k, all k
/// pairs trade at p₀; else, or where one of the next does not exist, the first k − 1 do, buyers pay
/// b_k and sellers get s_k.
/// @dev The certificate names the k-th offer and the k-th bid, as {CrossingLib} reads them.
/// oracle/market/mcafee.py is the twin.
contract McAfee is IMechanism {
    using WordsLib for bytes;

    /// @notice The energy of a trade, in Wh.
    uint256 public immutable unitWh;

    constructor(uint256 unitWh_) {
        if (unitWh_ == 0 || unitWh_ > type(uint32).max) revert BadParameter(0, unitWh_);
        unitWh = unitWh_;
    }

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    function verify(
        bytes calldata orders,
        bytes calldata,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external view {
        if (certificate.length != CrossingLib.PIVOT_BYTES) {
            revert BadCertificate(certificate.length, CrossingLib.PIVOT_BYTES);
        }
        CrossingLib.Crossing memory crossing = CrossingLib.crossingAt(
            orders,
            spokes,
            realTimePrice,
            unitWh,
            certificate
        );
        (uint256 price, bool all) = _priceOf(crossing);
        // The pivots agree, or both their prices are zero.
        uint256 surplus = all ? 0 : crossing.bidPrice - crossing.offerPrice;
        (bytes memory fills, ) = PoolLib.fillsOf(orders, spokes, trades, price, surplus);
        _requireFills(orders, spokes, fills, realTimePrice, crossing, all);
    }

    /// @inheritdoc IMechanism
    function parameters() external view returns (uint256[] memory values) {
        values = new uint256[](1);
        values[0] = unitWh;
    }

    /* INTERNAL */

    /// @dev What sellers get, and whether all pairs trade. Where none agrees the pivots have the
    /// price and the rank zero, below which no order is.
    function _priceOf(
        CrossingLib.Crossing memory crossing
    ) internal pure returns (uint256 price, bool all) {
        if (crossing.nextBid != 0 && crossing.nextOffer != type(uint256).max) {
            price = (crossing.nextOffer + crossing.nextBid - 1) / 2;
            all = crossing.offerPrice <= price && price <= crossing.bidPrice;
        }
        if (!all) price = crossing.offerPrice;
    }

    function _requireFills(
        bytes calldata orders,
        bytes calldata spokes,
        bytes memory fills,
        uint256 realTimePrice,
        CrossingLib.Crossing memory crossing,
        bool all
    ) internal view {
        uint256 entries = orders.count();
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, , uint256 rank) = CrossingLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice,
                    unitWh
                );
                uint256 pivot = isOffer ? crossing.offerRank : crossing.bidRank;
                // Who takes no part has no energy to be filled with.
                uint256 expectedWh = rank < pivot || (all && rank == pivot) ? energyWh : 0;
                uint256 filledWh = fills.load(k);
                if (filledWh != expectedWh) revert PoolLib.WrongFill(k, filledWh, expectedWh);
            }
        }
    }
}
