// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AmountLib} from "../libraries/AmountLib.sol";
import {EdgeLib} from "../libraries/EdgeLib.sol";
import {FeeLadderLib} from "../libraries/FeeLadderLib.sol";
import {LineLib} from "../libraries/LineLib.sol";
import {NashPriceLib} from "../libraries/NashPriceLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {ShareLib} from "../libraries/ShareLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {Edge, FeeLadder, Order, Trade} from "../types/Market.sol";

/// @title LibraryHarness
/// @notice The pure libraries, many samples a call.
contract LibraryHarness {
    using EdgeLib for Edge;
    using LineLib for uint256;
    using OrderLib for Order;
    using TradeLib for Trade;

    /// @notice Fee of each ladder at its distance.
    function feesUp(
        FeeLadder[] calldata ladders,
        uint256[] calldata distances
    ) external pure returns (uint256[] memory fees) {
        fees = new uint256[](ladders.length);
        for (uint256 i = 0; i < fees.length; ++i) {
            fees[i] = FeeLadderLib.feeUp(ladders[i], distances[i]);
        }
    }

    /// @notice Each energy times its price, rounded down and up.
    function amounts(
        uint256[2][] calldata samples
    ) external pure returns (uint256[2][] memory results) {
        results = new uint256[2][](samples.length);
        for (uint256 i = 0; i < samples.length; ++i) {
            results[i][0] = AmountLib.amountDown(samples[i][0], samples[i][1]);
            results[i][1] = AmountLib.amountUp(samples[i][0], samples[i][1]);
        }
    }

    /// @notice The word of each order; fields as {OrderLib} orders them.
    function orderWords(uint256[6][] calldata fields) external pure returns (Order[] memory words) {
        words = new Order[](fields.length);
        for (uint256 i = 0; i < fields.length; ++i) {
            words[i] = OrderLib.pack(
                fields[i][0],
                fields[i][1],
                fields[i][2],
                uint32(fields[i][3]),
                uint48(fields[i][4]),
                uint96(fields[i][5])
            );
        }
    }

    /// @notice The fields of each order; its nonce, and whether it is clean.
    function orderFields(
        Order[] calldata words
    ) external pure returns (uint256[8][] memory fields) {
        fields = new uint256[8][](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            Order order = words[i];
            fields[i][0] = order.kind();
            fields[i][1] = order.participant();
            fields[i][2] = order.scoreBps();
            fields[i][3] = order.energyWh();
            fields[i][4] = order.price();
            fields[i][5] = order.terms();
            fields[i][6] = order.nonce();
            fields[i][7] = order.isClean() ? 1 : 0;
        }
    }

    /// @notice The fields of each trade: offer, bid, energy, price, fee, surplus, whether it is
    /// pooled; its pair, and whether it is clean.
    function tradeFields(
        Trade[] calldata words
    ) external pure returns (uint256[9][] memory fields) {
        fields = new uint256[9][](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            Trade trade = words[i];
            fields[i][0] = trade.offerIndex();
            fields[i][1] = trade.bidIndex();
            fields[i][2] = trade.energyWh();
            fields[i][3] = trade.price();
            fields[i][4] = trade.fee();
            fields[i][5] = trade.surplus();
            fields[i][6] = trade.isPooled() ? 1 : 0;
            fields[i][7] = trade.pair();
            fields[i][8] = trade.isClean() ? 1 : 0;
        }
    }

    /// @notice Packs offer, bid, capacity and fee of each edge and reads them, and its pair, back.
    function edgeFields(
        uint256[4][] calldata edges
    ) external pure returns (uint256[5][] memory fields) {
        fields = new uint256[5][](edges.length);
        for (uint256 i = 0; i < edges.length; ++i) {
            Edge edge = EdgeLib.pack(edges[i][0], edges[i][1], edges[i][2], edges[i][3]);
            fields[i][0] = edge.offerIndex();
            fields[i][1] = edge.bidIndex();
            fields[i][2] = edge.capacityWh();
            fields[i][3] = edge.fee();
            fields[i][4] = edge.pair();
        }
    }

    /// @notice Peer and distance of every line of a word.
    function linesOf(uint256 word) external pure returns (uint256[2][8] memory lines) {
        for (uint256 position = 0; position < LineLib.LINES_PER_WORD; ++position) {
            lines[position][0] = word.peerOf(position);
            lines[position][1] = word.distanceOf(position);
        }
    }

    /// @notice The Nash price of each sample, fields as {NashPriceLib-price} orders them.
    function nashPrices(
        uint256[7][] calldata samples
    ) external pure returns (uint256[] memory prices) {
        prices = new uint256[](samples.length);
        for (uint256 i = 0; i < samples.length; ++i) {
            uint256[7] calldata s = samples[i];
            prices[i] = NashPriceLib.price(s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
        }
    }

    /// @notice Each reputation after a slot, and its score; fields as {ReputationLib-updated}.
    function reputations(
        uint256[6][] calldata samples
    ) external pure returns (uint256[3][] memory results) {
        results = new uint256[3][](samples.length);
        for (uint256 i = 0; i < samples.length; ++i) {
            uint256[6] calldata s = samples[i];
            (uint256 r, uint256 sum) = ReputationLib.updated(s[0], s[1], s[2], s[3], s[4], s[5]);
            results[i] = [r, sum, ReputationLib.scoreBps(r, sum)];
        }
    }

    /// @notice The sums that each score and memory begin with.
    function initialReputations(
        uint256[2][] calldata samples
    ) external pure returns (uint256[2][] memory results) {
        results = new uint256[2][](samples.length);
        for (uint256 i = 0; i < samples.length; ++i) {
            (results[i][0], results[i][1]) = ReputationLib.initial(samples[i][0], samples[i][1]);
        }
    }

    /// @notice The weight of each value, given the value that counts in full.
    function weights(
        uint256[2][] calldata samples
    ) external pure returns (uint256[] memory results) {
        results = new uint256[](samples.length);
        for (uint256 i = 0; i < samples.length; ++i) {
            results[i] = ReputationLib.weightDown(samples[i][0], samples[i][1]);
        }
    }

    /// @notice What each of the trades from `first` up to `end` gets.
    function sharesOf(
        Trade[] calldata trades,
        uint256 first,
        uint256 end,
        uint256 deliveredWh
    ) external pure returns (uint256[] memory parts) {
        uint256 soldWh = 0;
        for (uint256 k = first; k < end; ++k) {
            soldWh += trades[k].energyWh();
        }
        return ShareLib.shares(trades, first, end, deliveredWh, soldWh);
    }
}
