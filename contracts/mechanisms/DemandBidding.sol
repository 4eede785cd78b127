// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {ShareOutLib} from "../libraries/ShareOutLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Order} from "../types/Market.sol";

/// @title DemandBidding
/// @notice Energy sharing by demand bids at their equilibrium. With I orders in the pool, L the
/// limit of an order, c its slope and k = K / (I − 1), K being `priceResponse`, a bid buys
/// ⌊(L − price) / (c + k)⌋ Wh and an offer would sell ⌊(price − L) / (c + k)⌋, none less than
/// nothing or more than its energy. The price is the lowest at which demand does not exceed supply;
/// the demand trades, and the offers share it in proportion to what they would sell.
///
/// The slope, in micro-USD per MWh and Wh, is in the low 48 bits of an order's terms; zero stands
/// for ⌊L / energy⌋ of a bid and ⌊(m − L) / energy⌋ of an offer, with m the slot's real-time price.
/// @dev The certificate is the price, six bytes. oracle/market/demand_bidding.py is the twin.
contract DemandBidding is IMechanism {
    using OrderLib for Order;
    using WordsLib for bytes;

    /* TYPES */

    /// @dev What the pool would trade at a price and just below it.
    struct Curves {
        /// What each order would trade at the price, at its position in the book.
        bytes weights;
        uint256 supplyWh;
        uint256 demandWh;
        uint256 supplyBelowWh;
        uint256 demandBelowWh;
    }

    /* CONSTANTS */

    uint256 internal constant PRICE_BYTES = 6;
    uint256 internal constant MAX_SLOPE = type(uint48).max;

    /* IMMUTABLES */

    /// @notice K, by how much a Wh in one bid moves I times the price, in micro-USD per MWh and Wh.
    uint256 public immutable priceResponse;

    /* ERRORS */

    /// @notice Thrown when demand exceeds supply at the price, or does not just below it.
    error NotClearing(uint256 price, uint256 demandWh, uint256 supplyWh);

    constructor(uint256 priceResponse_) {
        if (priceResponse_ == 0 || priceResponse_ > MAX_SLOPE) {
            revert BadParameter(0, priceResponse_);
        }
        priceResponse = priceResponse_;
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
        if (certificate.length != PRICE_BYTES) {
            revert BadCertificate(certificate.length, PRICE_BYTES);
        }
        uint256 price = uint48(bytes6(certificate));
        Curves memory curves = _curvesAt(orders, spokes, realTimePrice, price);
        if (curves.demandWh > curves.supplyWh) {
            revert NotClearing(price, curves.demandWh, curves.supplyWh);
        }
        if (price > 0 && curves.demandBelowWh <= curves.supplyBelowWh) {
            revert NotClearing(price - 1, curves.demandBelowWh, curves.supplyBelowWh);
        }
        ShareOutLib.requireShared(
            orders,
            spokes,
            trades,
            price,
            curves.weights,
            curves.supplyWh,
            curves.demandWh
        );
    }

    /// @inheritdoc IMechanism
    function parameters() external view returns (uint256[] memory values) {
        values = new uint256[](1);
        values[0] = priceResponse;
    }

    /* INTERNAL */

    /// @dev Prices, slopes and K have 48 bits, energies 32, and there are at most 2^16 orders: no
    /// product or sum overflows, and no divisor is zero.
    function _curvesAt(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice,
        uint256 price
    ) internal view returns (Curves memory curves) {
        uint256 entries = orders.count();
        uint256 others = _othersIn(orders, spokes, realTimePrice);
        curves.weights = WordsLib.zeros(entries);
        for (uint256 k = 0; k < entries; ++k) {
            (bool isOffer, uint256 energyWh, uint256 limit) = PoolLib.orderAt(
                orders,
                spokes,
                k,
                realTimePrice
            );
            if (energyWh == 0) continue;
            unchecked {
                uint256 slope = Order.wrap(orders.read(k)).terms() & MAX_SLOPE;
                if (slope == 0) slope = (isOffer ? realTimePrice - limit : limit) / energyWh;
                uint256 divisor = slope * others + priceResponse;
                if (isOffer) {
                    uint256 soldWh = _traded(limit, price, others, divisor, energyWh);
                    curves.weights.store(k, soldWh);
                    curves.supplyWh += soldWh;
                    curves.supplyBelowWh += _traded(limit + 1, price, others, divisor, energyWh);
                } else {
                    uint256 boughtWh = _traded(price, limit, others, divisor, energyWh);
                    curves.weights.store(k, boughtWh);
                    curves.demandWh += boughtWh;
                    curves.demandBelowWh += _traded(price, limit + 1, others, divisor, energyWh);
                }
            }
        }
    }

    /// @dev I − 1, or zero.
    function _othersIn(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice
    ) internal pure returns (uint256 others) {
        uint256 entries = orders.count();
        for (uint256 k = 0; k < entries; ++k) {
            (, uint256 energyWh, ) = PoolLib.orderAt(orders, spokes, k, realTimePrice);
            if (energyWh > 0) ++others;
        }
        if (others > 0) --others;
    }

    /// @dev ⌊(high − low) · others / divisor⌋, within 0 and the order's energy.
    function _traded(
        uint256 low,
        uint256 high,
        uint256 others,
        uint256 divisor,
        uint256 energyWh
    ) internal pure returns (uint256) {
        if (high <= low) return 0;
        unchecked {
            uint256 tradedWh = ((high - low) * others) / divisor;
            return tradedWh < energyWh ? tradedWh : energyWh;
        }
    }
}
