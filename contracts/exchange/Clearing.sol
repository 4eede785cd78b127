// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {HeldRole} from "../HeldRole.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {ILineLease} from "../interfaces/ILineLease.sol";
import {IMechanism} from "../interfaces/IMechanism.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {EdgeLib} from "../libraries/EdgeLib.sol";
import {FeeLadderLib} from "../libraries/FeeLadderLib.sol";
import {LineLib} from "../libraries/LineLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {
    Edge,
    FeeLadder,
    LengthsDiffer,
    MAX_PARTICIPANTS,
    Order,
    Slot,
    Trade
} from "../types/Market.sol";
import {OrderBook} from "./OrderBook.sol";

/// @title Clearing
/// @notice Checks an outcome: the book is whole, no order is overfilled, prices are within limits,
/// fees are the ladder's; then asks the slot's mechanism. No account is touched.
/// @dev What clearing depends on was fixed before the slot opened: lines, ladder, mechanism and
/// real-time price by slot, reputation inside the orders.
abstract contract Clearing is OrderBook, HeldRole {
    using Checkpoints for Checkpoints.Trace224;
    using EdgeLib for Edge;
    using FeeLadderLib for FeeLadder;
    using LineLib for uint256;
    using OrderLib for Order;
    using SlotLib for Slot;
    using TradeLib for Trade;

    /* IMMUTABLES */

    /// @notice The lines and the fee ladder.
    ILineLease public immutable lineLease;

    /* STORAGE */

    Checkpoints.Trace224 internal _mechanisms;
    Checkpoints.Trace224 internal _realTimePrices;

    /* CONSTRUCTOR */

    constructor(ILineLease lineLease_, address mechanism, uint48 realTimePrice) {
        lineLease = lineLease_;
        _setMechanism(mechanism, Slot.wrap(0));
        _setRealTimePrice(realTimePrice, Slot.wrap(0));
    }

    /* CLEARING */

    /// @inheritdoc IExchange
    function clear(
        Slot slot,
        Order[] calldata book,
        Trade[] calldata trades,
        bytes calldata certificate
    ) external {
        if (!slot.isGateClosed()) revert GateOpen(slot, _closesAt(slot));
        if (_slots[slot].outcome != 0) revert WrongPhase(slot, phaseOf(slot));
        if (block.timestamp >= slot.startsAt()) revert ClearingTooLate(slot, slot.startsAt());
        _requireBook(slot, book);

        (Order[] memory orders, uint256[] memory positionOf) = _liveOrders(book);
        uint256 realTimePrice = realTimePriceOf(slot);
        Edge[] memory edges = _edgesOf(slot, orders, positionOf, realTimePrice);
        _requireFeasible(orders, edges, trades, realTimePrice);
        address mechanism = mechanismOf(slot);
        IMechanism(mechanism).verify(orders, edges, trades, realTimePrice, certificate);
        _slots[slot].outcome = _outcomeHash(book, trades);

        emit SlotCleared(slot, msg.sender, mechanism, trades);
    }

    /* ANNOUNCEMENTS */

    /// @inheritdoc IExchange
    function announceMechanism(address mechanism, Slot from) external onlyOwner {
        from.requireUnopened();
        _setMechanism(mechanism, from);
    }

    /// @inheritdoc IExchange
    function announceRealTimePrices(
        Slot[] calldata from,
        uint48[] calldata prices
    ) external onlyOwner {
        if (from.length != prices.length) revert LengthsDiffer(from.length, prices.length);
        for (uint256 i = 0; i < from.length; ++i) {
            from[i].requireUnopened();
            _setRealTimePrice(prices[i], from[i]);
        }
    }

    /* VIEWS */

    /// @inheritdoc IExchange
    function mechanismOf(Slot slot) public view returns (address) {
        return address(uint160(_mechanisms.upperLookupRecent(Slot.unwrap(slot))));
    }

    /// @inheritdoc IExchange
    function realTimePriceOf(Slot slot) public view returns (uint48) {
        return uint48(_realTimePrices.upperLookupRecent(Slot.unwrap(slot)));
    }

    /* INTERNAL */

    /// @dev The book with zero words for cancelled orders and cancellations; and for each
    /// participant one more than the position of its live order, zero where it has none.
    function _liveOrders(
        Order[] calldata book
    ) internal pure returns (Order[] memory orders, uint256[] memory positionOf) {
        orders = book;
        positionOf = new uint256[](MAX_PARTICIPANTS + 1);
        for (uint256 i = 0; i < orders.length; ++i) {
            uint256 participant = orders[i].participant();
            if (orders[i].kind() == OrderLib.CANCELLATION) {
                orders[i] = Order.wrap(0);
                orders[positionOf[participant] - 1] = Order.wrap(0);
                positionOf[participant] = 0;
            } else positionOf[participant] = i + 1;
        }
    }

    /// @dev The lines from live offers to live bids that leave room for a price, in ascending order
    /// of offer and, for each, of the bidder's number.
    function _edgesOf(
        Slot slot,
        Order[] memory orders,
        uint256[] memory positionOf,
        uint256 realTimePrice
    ) internal view returns (Edge[] memory edges) {
        (address directory, uint256 rowWords) = lineLease.rowTableOf(slot);
        uint256[] memory rows = CodeTableLib.read(directory);
        FeeLadder memory ladder = lineLease.ladderOf(slot);
        edges = new Edge[](orders.length * rowWords * LineLib.LINES_PER_WORD);
        uint256 count = 0;
        for (uint256 i = 0; i < orders.length; ++i) {
            Order offer = orders[i];
            if (offer.kind() != OrderLib.OFFER || offer.price() > realTimePrice) continue;
            uint256 first = (offer.participant() - 1) * rowWords;
            for (uint256 k = 0; k < rowWords && first + k < rows.length; ++k) {
                count = _addEdges(edges, count, orders, i, rows[first + k], positionOf, ladder);
            }
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(edges, count)
        }
    }

    function _addEdges(
        Edge[] memory edges,
        uint256 count,
        Order[] memory orders,
        uint256 offerIndex,
        uint256 row,
        uint256[] memory positionOf,
        FeeLadder memory ladder
    ) internal pure returns (uint256) {
        for (uint256 position = 0; position < LineLib.LINES_PER_WORD; ++position) {
            uint256 peer = row.peerOf(position);
            if (peer == 0) break;
            if (peer > MAX_PARTICIPANTS || positionOf[peer] == 0) continue;
            uint256 bidIndex = positionOf[peer] - 1;
            if (orders[bidIndex].kind() != OrderLib.BID) continue;
            uint256 fee = ladder.feeUp(row.distanceOf(position));
            if (orders[offerIndex].price() + fee > orders[bidIndex].price()) continue;
            edges[count++] = EdgeLib.pack(offerIndex, bidIndex, fee);
        }
        return count;
    }

    /// @dev What holds for every mechanism.
    function _requireFeasible(
        Order[] memory orders,
        Edge[] memory edges,
        Trade[] calldata trades,
        uint256 realTimePrice
    ) internal pure {
        uint256[] memory filled = new uint256[](orders.length);
        uint256 next = 0;
        for (uint256 k = 0; k < trades.length; ++k) {
            Trade trade = trades[k];
            if (k > 0 && trade.pair() <= trades[k - 1].pair()) revert TradesNotAscending(k);
            if (!trade.isClean() || trade.energyWh() == 0) revert BadTrade(k, trade);
            while (next < edges.length && edges[next].offerIndex() < trade.offerIndex()) ++next;
            _requireFee(edges, next, k, trade);
            _requirePrice(orders, k, trade, realTimePrice);
            _fill(orders, filled, trade.offerIndex(), trade.energyWh());
            _fill(orders, filled, trade.bidIndex(), trade.energyWh());
        }
    }

    /// @dev Looks the pair up among the edges of its offer, which begin at `next`.
    function _requireFee(Edge[] memory edges, uint256 next, uint256 k, Trade trade) internal pure {
        for (; next < edges.length; ++next) {
            if (edges[next].offerIndex() != trade.offerIndex()) break;
            if (edges[next].pair() != trade.pair()) continue;
            uint256 fee = edges[next].fee();
            if (trade.fee() != fee) revert WrongFee(k, trade.fee(), fee);
            return;
        }
        revert NoLine(k, trade.offerIndex(), trade.bidIndex());
    }

    function _requirePrice(
        Order[] memory orders,
        uint256 k,
        Trade trade,
        uint256 realTimePrice
    ) internal pure {
        uint256 low = orders[trade.offerIndex()].price();
        uint256 high = orders[trade.bidIndex()].price() - trade.fee();
        if (high > realTimePrice) high = realTimePrice;
        uint256 price = trade.price();
        if (price < low || price > high) revert PriceOutsideLimits(k, price, low, high);
    }

    function _fill(
        Order[] memory orders,
        uint256[] memory filled,
        uint256 index,
        uint256 energyWh
    ) internal pure {
        filled[index] += energyWh;
        uint256 ordered = orders[index].energyWh();
        if (filled[index] > ordered) revert Overfilled(index, filled[index], ordered);
    }

    function _outcomeHash(
        Order[] calldata book,
        Trade[] calldata trades
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(book, trades));
    }

    function _setMechanism(address mechanism, Slot from) internal {
        if (mechanism.code.length == 0) revert NotAContract(mechanism);
        _mechanisms.push(Slot.unwrap(from), uint160(mechanism));
        emit MechanismAnnounced(from, mechanism);
    }

    function _setRealTimePrice(uint48 price, Slot from) internal {
        _realTimePrices.push(Slot.unwrap(from), price);
        emit RealTimePriceAnnounced(from, price);
    }
}
