// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {HeapLib} from "../libraries/HeapLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {ReplayLib} from "../libraries/ReplayLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";

/// @title PayAsBid
/// @notice A continuous double auction: the live orders of the pool come in one after the other, in
/// the book's order. Each meets the best resting order of the other side, that with the best price
/// and of equal prices the earliest, while their prices cross and both have energy left; then it
/// rests itself. A pair trades at the price of the order that came first.
/// @dev The certificate is that of {ReplayLib}. oracle/market/pay_as_bid.py is the twin.
contract PayAsBid is IMechanism {
    using HeapLib for HeapLib.Heap;
    using WordsLib for bytes;

    /* TYPES */

    /// @dev The book between two arrivals.
    struct Resting {
        /// By price and position in the book.
        HeapLib.Heap offers;
        /// By `MAX_PRICE` less price, and position.
        HeapLib.Heap bids;
        /// The energy left of each order that has arrived, at its position in the book.
        bytes leftWh;
        uint256 matches;
    }

    /* CONSTANTS */

    uint256 internal constant MAX_PRICE = type(uint48).max;

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    function verify(
        bytes calldata orders,
        bytes calldata,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure {
        ReplayLib.requireLength(trades, certificate);
        uint256 entries = orders.count();
        Resting memory resting = Resting({
            offers: HeapLib.make(entries),
            bids: HeapLib.make(entries),
            leftWh: WordsLib.zeros(entries),
            matches: 0
        });
        for (uint256 k = 0; k < entries; ++k) {
            (bool isOffer, uint256 energyWh, uint256 price) = PoolLib.orderAt(
                orders,
                spokes,
                k,
                realTimePrice
            );
            if (energyWh == 0) continue;
            resting.leftWh.store(k, energyWh);
            _arrive(resting, trades, certificate, isOffer, k, price);
        }
        ReplayLib.requireAll(trades, resting.matches);
    }

    /// @inheritdoc IMechanism
    function parameters() external pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    /* INTERNAL */

    /// @dev Nothing overflows: prices have 48 bits, positions 16, and no order gives more than it
    /// has left.
    function _arrive(
        Resting memory resting,
        bytes calldata trades,
        bytes calldata certificate,
        bool isOffer,
        uint256 index,
        uint256 price
    ) internal pure {
        HeapLib.Heap memory others = isOffer ? resting.bids : resting.offers;
        bytes memory leftWh = resting.leftWh;
        uint256 energyWh = leftWh.load(index);
        unchecked {
            uint256 rank = isOffer ? price : MAX_PRICE - price;
            while (energyWh > 0 && others.size > 0) {
                uint256 best = others.top();
                if (rank + (best >> 16) > MAX_PRICE) break;
                uint256 other = best & 0xffff;
                uint256 theirsWh = leftWh.load(other);
                uint256 tradedWh = energyWh < theirsWh ? energyWh : theirsWh;
                ReplayLib.requireMatch(
                    trades,
                    certificate,
                    resting.matches++,
                    isOffer ? index : other,
                    isOffer ? other : index,
                    tradedWh,
                    isOffer ? MAX_PRICE - (best >> 16) : best >> 16
                );
                energyWh -= tradedWh;
                leftWh.store(other, theirsWh - tradedWh);
                if (theirsWh == tradedWh) others.pop();
            }
            leftWh.store(index, energyWh);
            if (energyWh > 0) {
                (isOffer ? resting.offers : resting.bids).push((rank << 16) | index);
            }
        }
    }
}
