// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {Order, Trade} from "../types/Market.sol";
import {OrderLib} from "./OrderLib.sol";
import {SpokeLib} from "./SpokeLib.sol";
import {TradeLib} from "./TradeLib.sol";
import {WordsLib} from "./WordsLib.sol";

/// @title PoolLib
/// @notice The pool of a community market: offers and bids that all may trade with each other at no
/// fee. A mechanism says how much each order trades; who trades with whom then follows: both sides
/// in the book's order, each from where the one before it ended.
library PoolLib {
    using OrderLib for Order;
    using TradeLib for Trade;
    using WordsLib for bytes;

    /// @notice Thrown when a trade is not between two orders of the pool.
    error NotInPool(uint256 position);

    /// @notice Thrown when trades are paired in another way than the book's order says.
    error NotPaired(uint256 position);

    /// @notice Thrown when an order trades another energy than the mechanism says.
    error WrongFill(uint256 orderIndex, uint256 filledWh, uint256 expectedWh);

    /// @dev An order of the pool; energy zero where the entry is none. A bid's price is at most the
    /// real-time price, and an offer above it is no order of the pool.
    function orderAt(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 index,
        uint256 realTimePrice
    ) internal pure returns (bool isOffer, uint256 energyWh, uint256 price) {
        if (spokes.length == 0 || spokes.read(index) != SpokeLib.POOL) return (false, 0, 0);
        Order order = Order.wrap(orders.read(index));
        isOffer = order.kind() == OrderLib.OFFER;
        energyWh = order.energyWh();
        price = order.price();
        if (price > realTimePrice) {
            if (isOffer) return (false, 0, 0);
            price = realTimePrice;
        }
    }

    /// @dev What each order trades, at its position in the book, and what all trade together;
    /// reverts unless the pairing is the book's and every trade bears one price and one surplus.
    function fillsOf(
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 price,
        uint256 surplus
    ) internal pure returns (bytes memory fills, uint256 volumeWh) {
        fills = WordsLib.zeros(orders.count());
        uint256 count = trades.count();
        uint256 lastBid = 0;
        unchecked {
            for (uint256 k = 0; k < count; ++k) {
                Trade trade = Trade.wrap(trades.read(k));
                uint256 offer = trade.offerIndex();
                uint256 bid = trade.bidIndex();
                bool isInside = trade.isPooled() && spokes.read(offer) == SpokeLib.POOL;
                if (!isInside || spokes.read(bid) != SpokeLib.POOL) revert NotInPool(k);
                if (bid < lastBid) revert NotPaired(k);
                lastBid = bid;
                if (trade.price() != price) revert IMechanism.WrongPrice(k, trade.price(), price);
                if (trade.surplus() != surplus)
                    revert IMechanism.WrongPrice(k, trade.surplus(), surplus);
                uint256 energyWh = trade.energyWh();
                fills.add(offer, energyWh);
                fills.add(bid, energyWh);
                volumeWh += energyWh;
            }
        }
    }
}
