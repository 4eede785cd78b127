// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {ILineLease} from "../interfaces/ILineLease.sol";
import {IMechanism} from "../interfaces/IMechanism.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {EdgeLib} from "../libraries/EdgeLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {SpokeLib} from "../libraries/SpokeLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {
    Edge,
    LengthsDiffer,
    LineTerms,
    MAX_MANAGERS,
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
abstract contract Clearing is OrderBook {
    using Checkpoints for Checkpoints.Trace224;
    using EdgeLib for Edge;
    using OrderLib for Order;
    using SlotLib for Slot;
    using SpokeLib for uint256;
    using TradeLib for Trade;
    using WordsLib for bytes;
    using WordsLib for Order[];
    using WordsLib for Trade[];

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
        if (block.timestamp < _clearsFrom(slot)) revert GateOpen(slot, _clearsFrom(slot));
        if (_slots[slot].outcome != 0) revert WrongPhase(slot, phaseOf(slot));
        if (block.timestamp >= slot.startsAt()) revert ClearingTooLate(slot, slot.startsAt());
        if (_slots[slot].book == 0) revert NothingRecorded(slot);
        _requireBook(slot, book);

        uint256 realTimePrice = realTimePriceOf(slot);
        (bytes memory orders, bytes memory edges, bytes memory spokes) = _roundOf(
            slot,
            book,
            realTimePrice
        );
        _requireFeasible(orders, edges, spokes, trades, realTimePrice);
        address mechanism = mechanismOf(slot);
        IMechanism(mechanism).verify(
            orders,
            edges,
            spokes,
            trades.asBytes(),
            realTimePrice,
            certificate
        );
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

    /// @dev The live orders, the edges and the spokes of a book, as {IMechanism-verify} wants them.
    function _roundOf(
        Slot slot,
        Order[] calldata book,
        uint256 realTimePrice
    ) internal view returns (bytes memory orders, bytes memory edges, bytes memory spokes) {
        LineTerms memory terms = lineLease.termsOf(slot);
        bytes memory positions;
        (orders, positions) = _liveOrders(book);
        edges = EdgeLib.edgesOf(
            orders,
            positions,
            CodeTableLib.read(terms.rows),
            terms.rowWords,
            terms.ladder,
            realTimePrice
        );
        if (terms.areMore) (edges, spokes) = lineLease.routesOf(slot, orders, edges);
    }

    /// @dev The book with zero words for cancelled orders and cancellations; and for each
    /// participant, and the managers after them, the position of its live order, as
    /// {EdgeLib-edgesOf} wants it.
    function _liveOrders(
        Order[] calldata book
    ) internal pure returns (bytes memory orders, bytes memory positions) {
        uint256 count = book.length;
        orders = WordsLib.zeros(count);
        positions = WordsLib.zeros(MAX_PARTICIPANTS + MAX_MANAGERS + 1);
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                Order order = book.read(i);
                uint256 kind = order.kind();
                uint256 participant = order.participant();
                if (kind == OrderLib.CANCELLATION) {
                    orders.store(positions.load(participant) & 0xffff, 0);
                    positions.store(participant, 0);
                    continue;
                }
                orders.store(i, Order.unwrap(order));
                uint256 mark = EdgeLib.IS_OFFER;
                if (kind == OrderLib.BID) mark = (order.price() << 32) | EdgeLib.IS_BID;
                positions.store(participant, mark | i);
            }
        }
    }

    /// @dev What holds for every mechanism. Over lines, trades come in the order of their edges, so
    /// no pair trades twice; an edge, and a pair of spokes, name orders that exist. Prices and fees
    /// have 48 bits, so that no sum overflows.
    function _requireFeasible(
        bytes memory orders,
        bytes memory edges,
        bytes memory spokes,
        Trade[] calldata trades,
        uint256 realTimePrice
    ) internal pure {
        bytes memory filled = WordsLib.zeros(orders.length >> 5);
        bytes memory pooled = WordsLib.zeros(spokes.length >> 5);
        uint256 next = 0;
        uint256 last = 0;
        unchecked {
            for (uint256 k = 0; k < trades.length; ++k) {
                Trade trade = trades.read(k);
                uint256 energyWh = trade.energyWh();
                if (!trade.isClean() || energyWh == 0) revert BadTrade(k, trade);
                if (spokes.length != 0) last = _requireAscending(k, trade, last);
                uint256 pair = trade.pair();
                uint256 fee;
                if (trade.isPooled()) {
                    fee = _pooledFee(orders, spokes, k, pair);
                    _load(spokes, pooled, k, pair >> 16, energyWh);
                    _load(spokes, pooled, k, pair & 0xffff, energyWh);
                } else {
                    Edge edge;
                    (next, edge) = EdgeLib.find(edges, next, pair);
                    if (Edge.unwrap(edge) == 0) revert NoLine(k, pair >> 16, pair & 0xffff);
                    if (energyWh > edge.capacityWh()) {
                        revert LineOverloaded(k, energyWh, edge.capacityWh());
                    }
                    fee = edge.fee();
                }
                if (trade.fee() != fee) revert WrongFee(k, trade.fee(), fee);
                uint256 low = _filled(orders, filled, pair >> 16, energyWh);
                uint256 high = _filled(orders, filled, pair & 0xffff, energyWh);
                _requirePrice(k, trade, low, high, realTimePrice);
            }
        }
    }

    /// @dev Where trades may be pooled, too, they come by offer, over lines before pooled ones, and
    /// these by bid. Returns the least place of the next.
    function _requireAscending(
        uint256 position,
        Trade trade,
        uint256 last
    ) internal pure returns (uint256) {
        unchecked {
            uint256 pair = trade.pair();
            uint256 place = (pair >> 16) << 17;
            if (trade.isPooled()) place |= (1 << 16) | (pair & 0xffff);
            if (place < last) revert TradesNotAscending(position);
            return trade.isPooled() ? place + 1 : place;
        }
    }

    /// @dev What the seller gets is at least its price, what the buyer pays in all at most its own.
    function _requirePrice(
        uint256 position,
        Trade trade,
        uint256 low,
        uint256 high,
        uint256 realTimePrice
    ) internal pure {
        unchecked {
            uint256 price = trade.price();
            uint256 besides = trade.fee() + trade.surplus();
            if (price >= low && price <= realTimePrice && price + besides <= high) return;
            high = high < besides ? 0 : high - besides;
            if (high > realTimePrice) high = realTimePrice;
            revert PriceOutsideLimits(position, price, low, high);
        }
    }

    /// @dev The fee through the manager of both; reverts unless an offer and a bid have one.
    function _pooledFee(
        bytes memory orders,
        bytes memory spokes,
        uint256 position,
        uint256 pair
    ) internal pure returns (uint256) {
        unchecked {
            uint256 offer = pair >> 16;
            uint256 bid = pair & 0xffff;
            uint256 count = spokes.length >> 5;
            if (offer >= count || bid >= count) revert NoLine(position, offer, bid);
            uint256 one = spokes.load(offer);
            uint256 other = spokes.load(bid);
            bool isPair =
                one.manager() != 0 &&
                    one.manager() == other.manager() &&
                    Order.wrap(orders.load(offer)).kind() == OrderLib.OFFER &&
                    Order.wrap(orders.load(bid)).kind() == OrderLib.BID;
            if (!isPair) revert NoLine(position, offer, bid);
            return one.fee() + other.fee();
        }
    }

    /// @dev Notes the energy of a trade over an order's spoke.
    function _load(
        bytes memory spokes,
        bytes memory pooled,
        uint256 position,
        uint256 index,
        uint256 energyWh
    ) internal pure {
        pooled.add(index, energyWh);
        uint256 sumWh = pooled.load(index);
        uint256 capacityWh = spokes.load(index).capacityWh();
        if (sumWh > capacityWh) revert LineOverloaded(position, sumWh, capacityWh);
    }

    /// @dev Notes the energy of a trade for an order, and returns the order's price.
    function _filled(
        bytes memory orders,
        bytes memory filled,
        uint256 index,
        uint256 energyWh
    ) internal pure returns (uint256 price) {
        unchecked {
            Order order = Order.wrap(orders.load(index));
            uint256 sum = filled.load(index) + energyWh;
            if (sum > order.energyWh()) revert Overfilled(index, sum, order.energyWh());
            filled.store(index, sum);
            return order.price();
        }
    }

    function _outcomeHash(
        Order[] calldata book,
        Trade[] calldata trades
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(book.asBytes(), trades.asBytes()));
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
