// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {DualLib} from "../libraries/DualLib.sol";
import {EdgeLib} from "../libraries/EdgeLib.sol";
import {OrderLib} from "../libraries/OrderLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {SpokeLib} from "../libraries/SpokeLib.sol";
import {TradeLib} from "../libraries/TradeLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {Edge, Order, Trade} from "../types/Market.sol";

/// @title Matching
/// @notice The largest welfare over lines and managers, after fees and within capacities; among
/// equals early orders first, then lots. A seller gets its price and its gain u_i; a buyer pays
/// that, the fees and, as surplus, the rents of lines and spokes at their limits. Gains are
/// the duals of the assignment game (Shapley and Shubik 1971), with managers as nodes:
///
///   u_i = 0 for an offer that is not sold out, w_j = 0 for a bid that is not filled,
///   u_i + w_j ≥ min(b_j − f_ij, R) − s_i            over a line,
///   u_i − λ_m ≥ −(s_i + f_im),                      over an offer's spoke,
///   λ_m + w_j ≥ min(b_j − f_jm, R)                  over a bid's,
///
/// with equality where some energy flows and more could, ≤ where a capacity binds. Theta says
/// which: the largest u, the smallest, or their middle.
/// @dev The certificate has a word of {DualLib} for each entry of the book and each manager. Gains
/// that satisfy the above prove the trades optimal; tie-breaks that satisfy the same where it holds
/// with equality, weights of ties in place of welfare, prove that ties are broken rightly; and a
/// bound of each node by the root, or by a node of lower rank, that holds with equality proves the
/// gains extreme. oracle/market/matching.py is the twin, and says why.
contract Matching is IMechanism {
    using DualLib for uint256;
    using EdgeLib for Edge;
    using OrderLib for Order;
    using SpokeLib for uint256;
    using TradeLib for Trade;
    using WordsLib for bytes;

    /* CONSTANTS */

    uint256 internal constant SELLER_BEST = 0;
    uint256 internal constant AVERAGE = 1;
    uint256 internal constant BUYER_BEST = 2;

    /// @dev In a word of {DualLib-Scan}: energy traded 64 | of it pooled 64 | what bounds the node.
    uint256 internal constant POOLED = 64;

    /// @dev Energy of an early order counts before the lots of all routes together.
    uint256 internal constant TIME_SHIFT = 112;

    /* IMMUTABLES */

    /// @notice Whom prices favour: 0 sellers, 1 neither, 2 buyers.
    uint256 public immutable theta;

    /* ERRORS */

    /// @notice Thrown when duals and trades contradict each other on a route, or, if `tail` and
    /// `head` are one, in an order's or a manager's own limit. Managers come after the entries.
    error DualsContradict(uint256 tail, uint256 head);

    /// @notice Thrown when nothing proves that no other duals would be better for the favoured.
    error NotExtreme(uint256 node);

    /* CONSTRUCTOR */

    constructor(uint256 theta_) {
        if (theta_ > BUYER_BEST) revert BadParameter(0, theta_);
        theta = theta_;
    }

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    function verify(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external view {
        _requireLength(orders, spokes, certificate);
        DualLib.Scan memory scan = _scanOf(orders.count(), realTimePrice);
        scan.nodes = _tradedOf(spokes, trades, certificate.count());
        _passLines(scan, orders, edges, trades, certificate);
        _passOrders(scan, orders, spokes, certificate);
        _requireExtreme(scan, orders, certificate);
        _requirePrices(orders, spokes, trades, realTimePrice, certificate);
    }

    /// @inheritdoc IMechanism
    function parameters() external view returns (uint256[] memory numbers) {
        numbers = new uint256[](1);
        numbers[0] = theta;
    }

    /* INTERNAL */

    /// @dev One word for each entry of the book and each manager up to the last that has a spoke.
    function _requireLength(
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata certificate
    ) internal pure {
        uint256 count = spokes.count();
        uint256 managers = 0;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 manager = spokes.read(i).manager();
                if (manager > managers) managers = manager;
            }
            uint256 expected = (orders.count() + managers) << 5;
            if (certificate.length != expected) {
                revert BadCertificate(certificate.length, expected);
            }
        }
    }

    /// @dev What each order trades, and of it pooled; reverts unless the trades through each
    /// manager are those of both sides in the book's order.
    function _tradedOf(
        bytes calldata spokes,
        bytes calldata trades,
        uint256 count
    ) internal pure returns (bytes memory nodes) {
        nodes = WordsLib.zeros(count);
        bytes memory lastBids = WordsLib.zeros(count);
        uint256 tradeCount = trades.count();
        unchecked {
            for (uint256 k = 0; k < tradeCount; ++k) {
                Trade trade = Trade.wrap(trades.read(k));
                uint256 offer = trade.offerIndex();
                uint256 bid = trade.bidIndex();
                uint256 amount = trade.energyWh();
                if (trade.isPooled()) {
                    amount |= amount << POOLED;
                    uint256 manager = spokes.read(offer).manager() - 1;
                    if (bid < lastBids.load(manager)) revert PoolLib.NotPaired(k);
                    lastBids.store(manager, bid);
                }
                nodes.add(offer, amount);
                nodes.add(bid, amount);
            }
        }
    }

    /// @dev Average has the gains of both extremes, which all checks go through at once.
    function _scanOf(
        uint256 entries,
        uint256 realTimePrice
    ) internal view returns (DualLib.Scan memory) {
        bool isBoth = theta == AVERAGE;
        uint256 nothing = DualLib.FIRST_SIGN | DualLib.SECOND_SIGN;
        return
            DualLib.Scan({
                nodes: "",
                entries: entries,
                realTimePrice: realTimePrice,
                nothing: isBoth ? nothing : nothing | DualLib.SECOND_MORE,
                signs: isBoth ? nothing : DualLib.FIRST_SIGN,
                gains: isBoth ? DualLib.GAINS : type(uint64).max & DualLib.GAINS,
                bounded: DualLib.FIRST_BOUNDED | (isBoth ? DualLib.SECOND_BOUNDED : 0),
                isSellerBest: theta != BUYER_BEST
            });
    }

    /// @dev Trades over lines come in the order of the lines, and each has one. Idle lines that
    /// contradict nothing are passed in {DualLib-nextBusy}.
    function _passLines(
        DualLib.Scan memory scan,
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata trades,
        bytes calldata certificate
    ) internal pure {
        uint256 next = 0;
        unchecked {
            for (uint256 e = 0; ; ++e) {
                uint256 pair;
                uint256 energyWh;
                (next, pair, energyWh) = _lineTrade(trades, next);
                e = DualLib.nextBusy(scan, orders, edges, certificate, e, pair);
                if (e >= edges.count()) return;
                Edge edge = Edge.wrap(edges.read(e));
                if (edge.pair() == pair) ++next;
                else energyWh = 0;
                _route(
                    scan,
                    certificate,
                    edge.offerIndex(),
                    edge.bidIndex(),
                    _worthOf(orders, edge, scan.realTimePrice),
                    energyWh,
                    edge.capacityWh()
                );
            }
        }
    }

    /// @dev What a Wh over a line is worth to both of its ends.
    function _worthOf(
        bytes calldata orders,
        Edge edge,
        uint256 realTimePrice
    ) internal pure returns (int256) {
        unchecked {
            uint256 value = Order.wrap(orders.read(edge.bidIndex())).price() - edge.fee();
            if (value > realTimePrice) value = realTimePrice;
            return int256(value) - int256(Order.wrap(orders.read(edge.offerIndex())).price());
        }
    }

    /// @dev The first trade over a line from `next` on; where there is none, a pair that none is.
    function _lineTrade(
        bytes calldata trades,
        uint256 next
    ) internal pure returns (uint256 place, uint256 pair, uint256 energyWh) {
        uint256 count = trades.count();
        unchecked {
            for (place = next; place < count; ++place) {
                Trade trade = Trade.wrap(trades.read(place));
                if (!trade.isPooled()) return (place, trade.pair(), trade.energyWh());
            }
        }
        pair = type(uint256).max;
    }

    function _passOrders(
        DualLib.Scan memory scan,
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata certificate
    ) internal pure {
        unchecked {
            for (uint256 i = 0; i < scan.entries; ++i) {
                Order order = Order.wrap(orders.read(i));
                if (Order.unwrap(order) == 0) continue;
                _order(scan, certificate, i, order);
                uint256 spoke = spokes.length == 0 ? 0 : spokes.read(i);
                if (spoke == 0) continue;
                uint256 hub = scan.entries + spoke.manager() - 1;
                uint256 energyWh = (scan.nodes.load(i) >> POOLED) & type(uint64).max;
                int256 price = int256(order.price());
                int256 fee = int256(spoke.fee());
                if (order.kind() == OrderLib.OFFER) {
                    _route(scan, certificate, i, hub, -price - fee, energyWh, spoke.capacityWh());
                    continue;
                }
                int256 value = price - fee;
                if (value > int256(scan.realTimePrice)) value = int256(scan.realTimePrice);
                _route(scan, certificate, hub, i, value, energyWh, spoke.capacityWh());
            }
        }
    }

    /// @dev Prices at managers have limits, and each node has a bound that it attains.
    function _requireExtreme(
        DualLib.Scan memory scan,
        bytes calldata orders,
        bytes calldata certificate
    ) internal pure {
        unchecked {
            uint256 end = scan.isSellerBest ? scan.realTimePrice : 0;
            uint256 nodes = certificate.count();
            for (uint256 node = scan.entries; node < nodes; ++node) {
                uint256 gains = certificate.read(node) & scan.gains;
                uint256 first = gains.gain(DualLib.FIRST);
                uint256 second = gains.gain(DualLib.SECOND);
                if (first > scan.realTimePrice || second > scan.realTimePrice) {
                    revert DualsContradict(node, node);
                }
                if (first == end) _bound(scan, node, DualLib.FIRST_BOUNDED);
                if (second == 0) _bound(scan, node, DualLib.SECOND_BOUNDED);
            }
            bytes memory found = scan.nodes;
            uint256 bounded = scan.bounded;
            for (uint256 node = 0; node < nodes; ++node) {
                if (found.load(node) & bounded == bounded) continue;
                if (node < scan.entries && orders.read(node) == 0) continue;
                revert NotExtreme(node);
            }
        }
    }

    /// @dev An order with energy left gains nothing; one that gains nothing trades, or does not, as
    /// its time says.
    function _order(
        DualLib.Scan memory scan,
        bytes calldata certificate,
        uint256 i,
        Order order
    ) internal pure {
        unchecked {
            uint256 word = certificate.read(i);
            uint256 node = scan.nodes.load(i);
            uint256 used = node & type(uint64).max;
            bool hasLeft = used < order.energyWh();
            if (hasLeft && word & scan.gains != 0) revert DualsContradict(i, i);
            bool gainsFirst = word.gain(DualLib.FIRST) != 0;
            if (!gainsFirst) {
                int256 tie = word.tieBreak() + int256((scan.entries - i) << TIME_SHIFT);
                if ((hasLeft && tie > 0) || (used != 0 && tie < 0)) revert DualsContradict(i, i);
            }
            bool isOffer = order.kind() == OrderLib.OFFER;
            if (isOffer == scan.isSellerBest ? hasLeft : !gainsFirst) node |= DualLib.FIRST_BOUNDED;
            if (isOffer ? word.gain(DualLib.SECOND) == 0 : hasLeft) node |= DualLib.SECOND_BOUNDED;
            scan.nodes.store(i, node);
        }
    }

    /// @dev A route from an offer to a bid or a manager, or from a manager to a bid. Bids count
    /// with the opposite sign. Nothing overflows: gains, prices and fees have 48 bits, tie-breaks
    /// 128.
    function _route(
        DualLib.Scan memory scan,
        bytes calldata certificate,
        uint256 tail,
        uint256 head,
        int256 worth,
        uint256 energyWh,
        uint256 capacityWh
    ) internal pure {
        unchecked {
            (uint256 slacks, int256 tie) = _slacks(scan, certificate, tail, head, worth);
            bool less = energyWh != 0;
            bool more = energyWh < capacityWh || capacityWh == SpokeLib.NO_LIMIT;
            if (
                (more && (tie < 0 || slacks & scan.signs != scan.signs)) ||
                (less && (tie > 0 || (slacks - DualLib.ONES) & scan.signs != 0))
            ) revert DualsContradict(tail, head);
            // the node of the higher rank is bounded by the other, if energy could move that way
            uint256 from = certificate.read(tail);
            uint256 to = certificate.read(head);
            if (slacks & DualLib.FIRST_SIZE == 0) {
                uint256 one = from.rank(DualLib.FIRST);
                uint256 other = to.rank(DualLib.FIRST);
                (bool down, bool up) = scan.isSellerBest ? (more, less) : (less, more);
                if (down && one < other) _bound(scan, head, DualLib.FIRST_BOUNDED);
                if (up && one > other) _bound(scan, tail, DualLib.FIRST_BOUNDED);
            }
            if (slacks & DualLib.SECOND_SIZE == 0) {
                uint256 one = from.rank(DualLib.SECOND);
                uint256 other = to.rank(DualLib.SECOND);
                if (less && one < other) _bound(scan, head, DualLib.SECOND_BOUNDED);
                if (more && one > other) _bound(scan, tail, DualLib.SECOND_BOUNDED);
            }
        }
    }

    /// @dev Both slacks of a route, and, if the first is nothing, that of its tie.
    function _slacks(
        DualLib.Scan memory scan,
        bytes calldata certificate,
        uint256 tail,
        uint256 head,
        int256 worth
    ) internal pure returns (uint256 slacks, int256 tie) {
        unchecked {
            uint256 from = certificate.read(tail);
            uint256 to = certificate.read(head);
            uint256 gains = from & DualLib.GAINS;
            tie = to.tieBreak();
            if (head < scan.entries) {
                gains += to & DualLib.GAINS;
            } else {
                gains -= to & DualLib.GAINS;
                tie = -tie;
            }
            slacks = DualLib.slacksOf(scan, gains, worth);
            if (slacks & DualLib.FIRST_SIZE != 0) return (slacks, 0);
            tie += from.tieBreak() - int256(DualLib.lotOf((tail << 16) | head));
        }
    }

    function _bound(DualLib.Scan memory scan, uint256 node, uint256 bits) internal pure {
        scan.nodes.store(node, scan.nodes.load(node) | bits);
    }

    /// @dev Duals leave no price below zero and no surplus either, and none above its limits.
    function _requirePrices(
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) internal view {
        uint256 count = trades.count();
        unchecked {
            for (uint256 k = 0; k < count; ++k) {
                Trade trade = Trade.wrap(trades.read(k));
                uint256 bid = trade.bidIndex();
                uint256 price = Order.wrap(orders.read(trade.offerIndex())).price();
                price += _gainOf(certificate.read(trade.offerIndex()), 0);
                uint256 sellersFee = 0;
                uint256 fee = trade.fee();
                if (trade.isPooled()) {
                    fee = spokes.read(bid).fee();
                    sellersFee = trade.fee() - fee;
                }
                uint256 value = Order.wrap(orders.read(bid)).price() - fee;
                if (value > realTimePrice) value = realTimePrice;
                uint256 surplus = value - sellersFee - price - _gainOf(certificate.read(bid), 1);
                if (trade.price() != price) revert WrongPrice(k, trade.price(), price);
                if (trade.surplus() != surplus) revert WrongPrice(k, trade.surplus(), surplus);
            }
        }
    }

    /// @dev What an order gains at the prices of theta; `roundUp` is one for a bid.
    function _gainOf(uint256 word, uint256 roundUp) internal view returns (uint256) {
        uint256 first = word.gain(DualLib.FIRST);
        if (theta != AVERAGE) return first;
        unchecked {
            return (first + word.gain(DualLib.SECOND) + roundUp) >> 1;
        }
    }
}
