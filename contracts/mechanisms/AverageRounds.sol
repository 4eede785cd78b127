// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {HeapLib} from "../libraries/HeapLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {ReplayLib} from "../libraries/ReplayLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Order} from "../types/Market.sol";

/// @title AverageRounds
/// @notice A double auction in rounds at average prices. Each order of the pool opens at the price
/// in the low 48 bits of its terms, none or one beyond its limit being the limit, and moves by a
/// step a round: offers down to their limits, not below the export price x, bids up to theirs, not
/// above the import price m, which is the slot's real-time price; nobody opens outside of [x, m]
/// unless its limit is. In each round the best bid trades with the best offer, of equal prices the
/// earlier, at the middle of the two rounded down, as long as they cross.
/// @dev Not all rounds are gone through: from one in which nothing crosses the contract skips to
/// the first in which something can, or the best of the orders that move comes to its end. The
/// certificate is that of {ReplayLib}. oracle/market/average_rounds.py is the twin.
contract AverageRounds is IMechanism {
    using HeapLib for HeapLib.Heap;
    using OrderLib for Order;
    using WordsLib for bytes;

    /* TYPES */

    /// @dev The orders of a side that have energy left, by rank: the price of an offer, `MAX_PRICE`
    /// less that of a bid. The lower comes first on both sides, and ranks fall as orders move. An
    /// order of `moving` that is at its end stands there only while another is before it.
    struct Side {
        /// By rank at the opening, and position in the book.
        HeapLib.Heap moving;
        /// By rank at the end, and position.
        HeapLib.Heap stopped;
        /// The rank at the end and the energy left, at the position in the book.
        bytes ends;
        bytes leftWh;
    }

    /* CONSTANTS */

    uint256 internal constant MAX_PRICE = type(uint48).max;
    uint256 internal constant NOBODY = type(uint256).max;

    /* IMMUTABLES */

    /// @notice By how much orders move from one round to the next, in micro-USD per MWh.
    uint256 public immutable step;

    /// @notice What the grid pays, in micro-USD per MWh; above the import price it counts as that.
    uint256 public immutable exportPrice;

    constructor(uint256 step_, uint256 exportPrice_) {
        if (step_ == 0 || step_ > MAX_PRICE) revert BadParameter(0, step_);
        step = step_;
        exportPrice = exportPrice_;
    }

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    /// @dev Nothing overflows: prices and the step have 48 bits, positions 16, and orders have
    /// moved by less than a price and a step when the last is at its end.
    function verify(
        bytes calldata orders,
        bytes calldata,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external view {
        ReplayLib.requireLength(trades, certificate);
        (Side memory offers, Side memory bids) = _sidesOf(orders, spokes, realTimePrice);
        uint256 moved = 0;
        uint256 matches = 0;
        unchecked {
            while (true) {
                uint256 offer = _best(offers, moved);
                uint256 bid = _best(bids, moved);
                if (offer == NOBODY || bid == NOBODY) break;
                uint256 offerRank = offer >> 16;
                uint256 bidRank = bid >> 16;
                if (offerRank + bidRank > MAX_PRICE) {
                    uint256 steps = _stepsToNext(offers, bids, moved);
                    if (steps == NOBODY) break;
                    moved += steps * step;
                    continue;
                }
                offer &= 0xffff;
                bid &= 0xffff;
                uint256 energyWh = _min(offers.leftWh.load(offer), bids.leftWh.load(bid));
                uint256 price = (offerRank + MAX_PRICE - bidRank) / 2;
                ReplayLib.requireMatch(trades, certificate, matches++, offer, bid, energyWh, price);
                _take(offers, offer, energyWh);
                _take(bids, bid, energyWh);
            }
        }
        ReplayLib.requireAll(trades, matches);
    }

    /// @inheritdoc IMechanism
    function parameters() external view returns (uint256[] memory values) {
        values = new uint256[](2);
        values[0] = step;
        values[1] = exportPrice;
    }

    /* INTERNAL */

    function _sidesOf(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 high
    ) internal view returns (Side memory offers, Side memory bids) {
        uint256 entries = orders.count();
        (offers, bids) = (_sideFor(entries), _sideFor(entries));
        uint256 low = _min(exportPrice, high);
        for (uint256 k = 0; k < entries; ++k) {
            (bool isOffer, uint256 energyWh, uint256 limit) = PoolLib.orderAt(
                orders,
                spokes,
                k,
                high
            );
            if (energyWh == 0) continue;
            uint256 asked = Order.wrap(orders.read(k)).terms() & MAX_PRICE;
            unchecked {
                if (isOffer) {
                    uint256 end = _max(limit, low);
                    _add(offers, k, energyWh, end, _min(_max(asked, end), high));
                } else {
                    uint256 opening = _min(_max(asked == 0 ? limit : asked, low), limit);
                    _add(bids, k, energyWh, MAX_PRICE - limit, MAX_PRICE - opening);
                }
            }
        }
    }

    function _sideFor(uint256 entries) internal pure returns (Side memory side) {
        side.moving = HeapLib.make(entries);
        side.stopped = HeapLib.make(entries);
        side.ends = WordsLib.zeros(entries);
        side.leftWh = WordsLib.zeros(entries);
    }

    function _add(
        Side memory side,
        uint256 index,
        uint256 energyWh,
        uint256 end,
        uint256 opening
    ) internal pure {
        side.leftWh.store(index, energyWh);
        side.ends.store(index, end);
        side.moving.push((opening << 16) | index);
    }

    /// @dev Rank and position of who stands first, `NOBODY` if nobody is left.
    function _best(Side memory side, uint256 moved) internal pure returns (uint256) {
        HeapLib.Heap memory moving = side.moving;
        HeapLib.Heap memory stopped = side.stopped;
        unchecked {
            while (moving.size > 0) {
                uint256 top = moving.top();
                uint256 end = side.ends.load(top & 0xffff);
                if ((top >> 16) > end + moved) {
                    top -= moved << 16;
                    return stopped.size > 0 ? _min(top, stopped.top()) : top;
                }
                moving.pop();
                stopped.push((end << 16) | (top & 0xffff));
            }
            return stopped.size > 0 ? stopped.top() : NOBODY;
        }
    }

    /// @dev Takes energy from the best order, and the order away if that was all.
    function _take(Side memory side, uint256 index, uint256 energyWh) internal pure {
        unchecked {
            uint256 leftWh = side.leftWh.load(index) - energyWh;
            side.leftWh.store(index, leftWh);
            if (leftWh > 0) return;
            bool isMoving = side.moving.size > 0 && side.moving.top() & 0xffff == index;
            (isMoving ? side.moving : side.stopped).pop();
        }
    }

    /// @dev Steps until something can cross or a top comes to its end, `NOBODY` for never. Assumes
    /// that the bests do not cross, and that no top of `moving` is at its end.
    function _stepsToNext(
        Side memory offers,
        Side memory bids,
        uint256 moved
    ) internal view returns (uint256 steps) {
        steps = _min(_stepsOf(offers, bids, moved), _stepsOf(bids, offers, moved));
        if (offers.moving.size == 0 || bids.moving.size == 0) return steps;
        unchecked {
            uint256 ranks = (offers.moving.top() >> 16) + (bids.moving.top() >> 16);
            return _min(steps, _up(ranks - 2 * moved - MAX_PRICE, 2 * step));
        }
    }

    /// @dev The same, of the one side's movements alone.
    function _stepsOf(
        Side memory side,
        Side memory other,
        uint256 moved
    ) internal view returns (uint256 steps) {
        if (side.moving.size == 0) return NOBODY;
        unchecked {
            uint256 top = side.moving.top();
            uint256 rank = (top >> 16) - moved;
            steps = _up(rank - side.ends.load(top & 0xffff), step);
            if (other.stopped.size == 0) return steps;
            return _min(steps, _up(rank + (other.stopped.top() >> 16) - MAX_PRICE, step));
        }
    }

    function _up(uint256 dividend, uint256 divisor) internal pure returns (uint256) {
        unchecked {
            return (dividend + divisor - 1) / divisor;
        }
    }

    function _min(uint256 one, uint256 other) internal pure returns (uint256) {
        return one < other ? one : other;
    }

    function _max(uint256 one, uint256 other) internal pure returns (uint256) {
        return one > other ? one : other;
    }
}
