// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {EdgeLib} from "../libraries/EdgeLib.sol";
import {NashPriceLib} from "../libraries/NashPriceLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {Edge, Order, Trade} from "../types/Market.sol";

/// @title PairwiseNash
/// @notice The largest served deficit at the least lease fee, ties by time; each pair at its Nash
/// price. As one linear program, x_ij the energy over edge (i, j):
///
///   max Σ w_ij x_ij,  Σ_j x_ij ≤ offer_i,  Σ_i x_ij ≤ bid_j,
///   w_ij = ((M − fee_ij) T + (n − i)(n − j)) L + lot_ij
///
/// With n entries in the book, M = (n + 1)(largest fee + 1) puts energy before fees, T = n³ fees
/// before ties, and (n − i)(n − j) lets early orders come first, early offers with early bids;
/// among what even this leaves equal, 32 bits drawn from the positions decide, below L = n 2³².
/// The three suffice because two matchings differ by cycles of at most n edges.
/// @dev The certificate holds one dual v_j per live bid, in the order of the book; the contract
/// takes u_i = max(0, w_ij − v_j) over the offer's edges, which makes the duals feasible. If then
/// Σ offer_i u_i + Σ bid_j v_j = Σ w_ij x_ij, the trades are optimal. Layout: one byte, the width
/// of a dual in bytes, then the duals. oracle/market/pairwise_nash.py is the twin.
contract PairwiseNash is IMechanism {
    using EdgeLib for Edge;
    using OrderLib for Order;
    using TradeLib for Trade;

    /* CONSTANTS */

    /// @dev No optimum needs larger duals, and with these no sum of products overflows.
    uint256 internal constant MAX_DUAL_BYTES = 24;

    /* TYPES */

    /// @dev The numbers that turn fees and positions into weights.
    struct Scale {
        uint256 orders;
        uint256 energyFirst;
        uint256 feeFirst;
        uint256 lotLast;
    }

    /* CONSTANTS */

    uint256 internal constant LOT_MASK = type(uint64).max;

    /* ERRORS */

    /// @notice Thrown when the certificate's length is not that of one dual per live bid.
    error BadCertificate(uint256 length, uint256 expected);

    /// @notice Thrown when trades and duals do not prove each other optimal.
    error NotOptimal(uint256 primal, uint256 dual);

    /// @notice Thrown when a price is not the pair's Nash price.
    error WrongPrice(uint256 position, uint256 price, uint256 expected);

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    function verify(
        Order[] calldata orders,
        Edge[] calldata edges,
        Trade[] calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure {
        Scale memory scale = _scaleOf(orders, edges);
        uint256[] memory duals = _dualsOf(orders, certificate);
        uint256 dual = _dualValue(orders, edges, duals, scale);
        uint256 primal = 0;
        for (uint256 k = 0; k < trades.length; ++k) {
            Trade trade = trades[k];
            uint256 weight = _weight(scale, trade.offerIndex(), trade.bidIndex(), trade.fee());
            primal += weight * trade.energyWh();
        }
        if (primal != dual) revert NotOptimal(primal, dual);
        _requirePrices(orders, trades, realTimePrice);
    }

    /* INTERNAL */

    function _scaleOf(
        Order[] calldata orders,
        Edge[] calldata edges
    ) internal pure returns (Scale memory scale) {
        uint256 largestFee = 0;
        for (uint256 e = 0; e < edges.length; ++e) {
            if (edges[e].fee() > largestFee) largestFee = edges[e].fee();
        }
        uint256 n = orders.length;
        scale.orders = n;
        scale.energyFirst = (n + 1) * (largestFee + 1);
        scale.feeFirst = n * n * n;
        scale.lotLast = n << 32;
    }

    function _weight(
        Scale memory scale,
        uint256 offerIndex,
        uint256 bidIndex,
        uint256 fee
    ) internal pure returns (uint256) {
        uint256 tie = (scale.orders - offerIndex) * (scale.orders - bidIndex);
        uint256 beforeLot = (scale.energyFirst - fee) * scale.feeFirst + tie;
        return beforeLot * scale.lotLast + _lot(offerIndex, bidIndex);
    }

    /// @dev 32 bits that depend on a pair's positions in no simple way, so that no sums agree;
    /// SplitMix64 of Steele, Lea and Flood, OOPSLA 2014.
    function _lot(uint256 offerIndex, uint256 bidIndex) internal pure returns (uint256) {
        uint256 mixed = (((offerIndex << 16) | bidIndex) * 0x9e3779b97f4a7c15) & LOT_MASK;
        mixed = ((mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9) & LOT_MASK;
        mixed = ((mixed ^ (mixed >> 29)) * 0x94d049bb133111eb) & LOT_MASK;
        return mixed >> 32;
    }

    /// @dev The dual of each live bid, at the bid's position in the book.
    function _dualsOf(
        Order[] calldata orders,
        bytes calldata certificate
    ) internal pure returns (uint256[] memory duals) {
        duals = new uint256[](orders.length);
        uint256 width = certificate.length == 0 ? 0 : uint8(certificate[0]);
        if (width > MAX_DUAL_BYTES) revert BadCertificate(certificate.length, 0);
        uint256 end = 1;
        for (uint256 j = 0; j < orders.length; ++j) {
            if (orders[j].kind() != OrderLib.BID) continue;
            end += width;
            if (end > certificate.length) continue;
            duals[j] = uint256(bytes32(certificate[end - width:end])) >> (8 * (32 - width));
        }
        if (end != certificate.length) revert BadCertificate(certificate.length, end);
    }

    /// @dev Σ offer_i u_i + Σ bid_j v_j with the least u that the duals v allow.
    function _dualValue(
        Order[] calldata orders,
        Edge[] calldata edges,
        uint256[] memory duals,
        Scale memory scale
    ) internal pure returns (uint256 value) {
        for (uint256 j = 0; j < duals.length; ++j) {
            value += duals[j] * orders[j].energyWh();
        }
        uint256 highest = 0;
        for (uint256 e = 0; e < edges.length; ++e) {
            uint256 i = edges[e].offerIndex();
            uint256 j = edges[e].bidIndex();
            uint256 weight = _weight(scale, i, j, edges[e].fee());
            if (weight > duals[j] + highest) highest = weight - duals[j];
            bool last = e + 1 == edges.length || edges[e + 1].offerIndex() != i;
            if (!last) continue;
            value += highest * orders[i].energyWh();
            highest = 0;
        }
    }

    function _requirePrices(
        Order[] calldata orders,
        Trade[] calldata trades,
        uint256 realTimePrice
    ) internal pure {
        uint256[] memory served = new uint256[](orders.length);
        for (uint256 k = 0; k < trades.length; ++k) {
            served[trades[k].bidIndex()] += trades[k].energyWh();
        }
        for (uint256 k = 0; k < trades.length; ++k) {
            Trade trade = trades[k];
            uint256 price = _priceOf(
                orders[trade.offerIndex()],
                orders[trade.bidIndex()],
                served[trade.bidIndex()],
                trade.fee(),
                realTimePrice
            );
            if (trade.price() != price) revert WrongPrice(k, trade.price(), price);
        }
    }

    function _priceOf(
        Order offer,
        Order bid,
        uint256 servedWh,
        uint256 fee,
        uint256 realTimePrice
    ) internal pure returns (uint256) {
        uint256 high = bid.price() - fee;
        // A seller that overstates its cost must ask for it, and risk the trade.
        uint256 cost = NashPriceLib.costOf(offer.terms());
        return
            NashPriceLib.price(
                cost < offer.price() ? cost : offer.price(),
                bid.terms(),
                servedWh,
                offer.scoreBps(),
                fee,
                offer.price(),
                high < realTimePrice ? high : realTimePrice
            );
    }
}
