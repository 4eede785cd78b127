// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {ShareOutLib} from "../libraries/ShareOutLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Trade} from "../types/Market.sol";

/// @title Uniform
/// @notice One price per slot, where the supply and the demand of the pool cross. The volume is the
/// largest that a welfare optimum has; orders better than their side's marginal price trade in
/// full, those at it on the long side share the rest pro rata, in whole Wh by largest remainder,
/// the earlier order first among equals. The price is the middle, rounded down, of the clearing
/// interval: from the highest price of an offer that sells or of a bid not fully served to the
/// lowest of a bid that buys or of an offer not sold out.
/// @dev No certificate: fills are optimal where such a price exists (complementary slackness), and
/// their volume is the largest where all left-over bids are below all left-over offers.
/// oracle/market/uniform.py is the twin.
contract Uniform is IMechanism {
    using ShareOutLib for ShareOutLib.Side;
    using TradeLib for Trade;
    using WordsLib for bytes;

    /* TYPES */

    /// @dev The prices on both sides of the crossing, in micro-USD per MWh.
    struct Margins {
        /// Highest of an offer that sells; zero where none does.
        uint256 sold;
        /// One more than the highest of a bid not fully served; zero where there is none.
        uint256 unserved;
        /// Lowest of a bid that buys; the largest number where none does.
        uint256 bought;
        /// Lowest of an offer not sold out; the largest number where there is none.
        uint256 unsold;
    }

    /* ERRORS */

    /// @notice Thrown when a bid and an offer that agree are both left with energy.
    error LeftUntraded(uint256 bidPrice, uint256 offerPrice);

    /// @notice Thrown when no price clears what is traded: `low` is above `high`.
    error NotEfficient(uint256 low, uint256 high);

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
        if (certificate.length != 0) revert BadCertificate(certificate.length, 0);
        uint256 price = trades.length == 0 ? 0 : Trade.wrap(trades.read(0)).price();
        (bytes memory fills, ) = PoolLib.fillsOf(orders, spokes, trades, price, 0);
        Margins memory margins = _marginsOf(orders, spokes, fills, realTimePrice);
        // The bid's price is one less than `unserved`, which then is not zero.
        if (margins.unserved > margins.unsold) {
            revert LeftUntraded(margins.unserved - 1, margins.unsold);
        }
        if (trades.length == 0) return;
        _requirePrice(margins, price);
        if (margins.unsold == margins.sold) {
            _requireShares(orders, spokes, fills, realTimePrice, true, margins.sold);
        } else if (margins.unserved == margins.bought + 1) {
            _requireShares(orders, spokes, fills, realTimePrice, false, margins.bought);
        }
    }

    /// @inheritdoc IMechanism
    function parameters() external pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    /* INTERNAL */

    function _marginsOf(
        bytes calldata orders,
        bytes calldata spokes,
        bytes memory fills,
        uint256 realTimePrice
    ) internal pure returns (Margins memory margins) {
        margins.bought = type(uint256).max;
        margins.unsold = type(uint256).max;
        uint256 entries = orders.count();
        // Prices have 48 bits.
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, uint256 price) = PoolLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice
                );
                uint256 filledWh = fills.load(k);
                if (isOffer) {
                    if (filledWh > 0 && price > margins.sold) margins.sold = price;
                    if (filledWh < energyWh && price < margins.unsold) margins.unsold = price;
                } else {
                    if (filledWh > 0 && price < margins.bought) margins.bought = price;
                    if (filledWh < energyWh && price >= margins.unserved) {
                        margins.unserved = price + 1;
                    }
                }
            }
        }
    }

    function _requirePrice(Margins memory margins, uint256 price) internal pure {
        uint256 low = margins.sold;
        if (margins.unserved > low + 1) low = margins.unserved - 1;
        uint256 high = margins.bought < margins.unsold ? margins.bought : margins.unsold;
        if (low > high) revert NotEfficient(low, high);
        uint256 middle = (low + high) / 2;
        if (price != middle) revert WrongPrice(0, price, middle);
    }

    /// @dev Checks the orders at the marginal price of the side that has more of them than trade.
    function _requireShares(
        bytes calldata orders,
        bytes calldata spokes,
        bytes memory fills,
        uint256 realTimePrice,
        bool ofOffers,
        uint256 margin
    ) internal pure {
        uint256 entries = orders.count();
        uint256 wholeWh = 0;
        uint256 volumeWh = 0;
        // Energies have 32 bits.
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, uint256 price) = PoolLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice
                );
                if (isOffer != ofOffers || price != margin) continue;
                wholeWh += energyWh;
                volumeWh += fills.load(k);
            }
            ShareOutLib.Side memory side = ShareOutLib.sideOf(volumeWh, wholeWh);
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, uint256 price) = PoolLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice
                );
                if (isOffer != ofOffers || price != margin || energyWh == 0) continue;
                side.take(k, energyWh, fills.load(k));
            }
            side.end();
        }
    }
}
