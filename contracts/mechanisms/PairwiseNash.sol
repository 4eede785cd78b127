// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {MatchingLib} from "../libraries/MatchingLib.sol";
import {NashPriceLib} from "../libraries/NashPriceLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Order, Trade} from "../types/Market.sol";

/// @title PairwiseNash
/// @notice The largest served deficit at the least lease fee, ties by time; each pair at its Nash
/// price. As one linear program, x_ij the energy over edge (i, j):
///
///   max Σ w_ij x_ij,  Σ_j x_ij ≤ offer_i,  Σ_i x_ij ≤ bid_j,
///   w_ij = ((M − fee_ij) T + (n − i)(n − j)) L + lot_ij
///
/// With n entries in the book, M = (n + 1) 2⁴⁸ puts energy before fees of 48 bits, T = n³ fees
/// before ties, and (n − i)(n − j) lets early orders come first, early offers with early bids;
/// among what even this leaves equal, 32 bits drawn from the positions decide, below L = n 2³².
/// The three suffice because two matchings differ by cycles of at most n edges.
/// @dev The certificate holds one dual v_j per live bid, in the order of the book; the contract
/// takes u_i = max(0, w_ij − v_j) over the offer's edges, which makes the duals feasible. If then
/// Σ offer_i u_i + Σ bid_j v_j = Σ w_ij x_ij, the trades are optimal. Layout: one byte, the width
/// of a dual in bytes, then the duals. oracle/market/pairwise_nash.py is the twin.
contract PairwiseNash is IMechanism {
    using MatchingLib for MatchingLib.Scale;
    using OrderLib for Order;
    using TradeLib for Trade;
    using WordsLib for bytes;

    /* CONSTANTS */

    /// @dev No optimum needs larger duals, and with these no sum of products overflows.
    uint256 internal constant MAX_DUAL_BYTES = 24;

    /* ERRORS */

    /// @notice Thrown when a trade does not go over a line, or has a surplus.
    error NotPlain(uint256 position);

    /// @notice Thrown when trades and duals do not prove each other optimal.
    error NotOptimal(uint256 primal, uint256 dual);

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    /// @dev Nothing overflows: with at most 2^11 orders, fees of 48 bits and energies of 32, a
    /// weight has less than 140 bits, a sum of weights or of duals times energies less than 256.
    /// Positions in edges exist, and every trade is on an edge.
    function verify(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure {
        MatchingLib.Scale memory scale = MatchingLib.scaleOf(orders.count());
        (bytes memory duals, uint256 dual) = _dualsOf(orders, certificate);
        unchecked {
            dual += MatchingLib.offerDuals(orders, edges, duals, scale);
        }
        (uint256 primal, bytes memory served) = _primalOf(orders, trades, scale);
        if (primal != dual) revert NotOptimal(primal, dual);
        _requirePrices(orders, trades, served, realTimePrice);
    }

    /// @inheritdoc IMechanism
    function parameters() external pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    /* INTERNAL */

    /// @dev The dual of each live bid, at the bid's position in the book, and Σ bid_j v_j.
    function _dualsOf(
        bytes calldata orders,
        bytes calldata certificate
    ) internal pure returns (bytes memory duals, uint256 value) {
        uint256 entries = orders.count();
        duals = WordsLib.zeros(entries);
        uint256 width = certificate.length == 0 ? 0 : uint8(certificate[0]);
        if (width > MAX_DUAL_BYTES) revert BadCertificate(certificate.length, 0);
        uint256 end = 1;
        unchecked {
            for (uint256 j = 0; j < entries; ++j) {
                Order order = Order.wrap(orders.read(j));
                if (order.kind() != OrderLib.BID) continue;
                end += width;
                if (end > certificate.length) continue;
                uint256 dual = uint256(bytes32(certificate[end - width:end])) >> (256 - 8 * width);
                duals.store(j, dual);
                value += dual * order.energyWh();
            }
        }
        if (end != certificate.length) revert BadCertificate(certificate.length, end);
    }

    /// @dev Σ w_ij x_ij, and the energy served to each bid, at its position in the book.
    function _primalOf(
        bytes calldata orders,
        bytes calldata trades,
        MatchingLib.Scale memory scale
    ) internal pure returns (uint256 primal, bytes memory served) {
        served = WordsLib.zeros(orders.count());
        uint256 count = trades.count();
        unchecked {
            for (uint256 k = 0; k < count; ++k) {
                Trade trade = Trade.wrap(trades.read(k));
                if (!trade.isPlain()) revert NotPlain(k);
                uint256 energyWh = trade.energyWh();
                primal += scale.weight(trade.pair(), trade.fee()) * energyWh;
                served.add(trade.bidIndex(), energyWh);
            }
        }
    }

    function _requirePrices(
        bytes calldata orders,
        bytes calldata trades,
        bytes memory served,
        uint256 realTimePrice
    ) internal pure {
        uint256 count = trades.count();
        unchecked {
            for (uint256 k = 0; k < count; ++k) {
                Trade trade = Trade.wrap(trades.read(k));
                uint256 bidIndex = trade.bidIndex();
                Order offer = Order.wrap(orders.read(trade.offerIndex()));
                Order bid = Order.wrap(orders.read(bidIndex));
                uint256 low = offer.price();
                uint256 fee = trade.fee();
                uint256 high = bid.price() - fee;
                // A seller that overstates its cost must ask for it, and risk the trade.
                uint256 cost = NashPriceLib.costOf(offer.terms());
                uint256 price = NashPriceLib.price(
                    cost < low ? cost : low,
                    bid.terms(),
                    served.load(bidIndex),
                    offer.scoreBps(),
                    fee,
                    low,
                    high < realTimePrice ? high : realTimePrice
                );
                if (trade.price() != price) revert WrongPrice(k, trade.price(), price);
            }
        }
    }
}
