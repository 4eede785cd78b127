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

    /* TYPES */

    /// @dev What one pass over routes and orders looks at, and what it has found.
    struct Pass {
        /// For each node: energy traded 64 | of it pooled 64 | bounded in the passes, a bit each.
        bytes nodes;
        uint256 entries;
        uint256 realTimePrice;
        /// Where in a dual's word the gains are.
        uint256 place;
        /// The bit of a node that is known to be bounded.
        uint256 bounded;
        bool isSellerBest;
        bool breaksTies;
    }

    /* CONSTANTS */

    uint256 internal constant SELLER_BEST = 0;
    uint256 internal constant AVERAGE = 1;
    uint256 internal constant BUYER_BEST = 2;

    /// @dev In a word of {Pass-nodes}.
    uint256 internal constant POOLED = 64;
    uint256 internal constant BOUNDED = 1 << 128;

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
        bytes memory nodes = _tradedOf(spokes, trades, certificate.count());
        Pass[] memory passes = _passes(nodes, orders.count(), realTimePrice);
        _passLines(passes, orders, edges, trades, certificate);
        for (uint256 k = 0; k < passes.length; ++k) {
            _passOrders(passes[k], orders, spokes, certificate);
            _requireExtreme(passes[k], orders, certificate);
        }
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

    /// @dev One for each extreme whose gains the certificate holds; the first breaks ties.
    function _passes(
        bytes memory nodes,
        uint256 entries,
        uint256 realTimePrice
    ) internal view returns (Pass[] memory passes) {
        passes = new Pass[](theta == AVERAGE ? 2 : 1);
        for (uint256 k = 0; k < passes.length; ++k) {
            passes[k] = Pass({
                nodes: nodes,
                entries: entries,
                realTimePrice: realTimePrice,
                place: k == 0 ? DualLib.FIRST : DualLib.SECOND,
                bounded: BOUNDED << k,
                isSellerBest: k == 0 && theta != BUYER_BEST,
                breaksTies: k == 0
            });
        }
    }

    /// @dev Trades over lines come in the order of the lines, and each has one. Idle lines that
    /// contradict nothing are passed in {DualLib-nextBusy}.
    function _passLines(
        Pass[] memory passes,
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata trades,
        bytes calldata certificate
    ) internal pure {
        DualLib.Scan memory scan = DualLib.Scan({
            nodes: passes[0].nodes,
            realTimePrice: passes[0].realTimePrice,
            secondPlace: passes[passes.length - 1].place,
            firstBit: passes[0].bounded,
            secondBit: BOUNDED << 1,
            isSellerBest: passes[0].isSellerBest
        });
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
                int256 welfare = _worthOf(orders, edge, scan.realTimePrice);
                for (uint256 k = 0; k < passes.length; ++k) {
                    _route(
                        passes[k],
                        certificate,
                        edge.offerIndex(),
                        edge.bidIndex(),
                        welfare,
                        energyWh,
                        edge.capacityWh()
                    );
                }
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
        Pass memory pass,
        bytes calldata orders,
        bytes calldata spokes,
        bytes calldata certificate
    ) internal pure {
        unchecked {
            for (uint256 i = 0; i < pass.entries; ++i) {
                Order order = Order.wrap(orders.read(i));
                if (Order.unwrap(order) == 0) continue;
                _order(pass, certificate, i, order);
                uint256 spoke = spokes.length == 0 ? 0 : spokes.read(i);
                if (spoke == 0) continue;
                uint256 hub = pass.entries + spoke.manager() - 1;
                uint256 energyWh = (pass.nodes.load(i) >> POOLED) & type(uint64).max;
                int256 price = int256(order.price());
                int256 fee = int256(spoke.fee());
                if (order.kind() == OrderLib.OFFER) {
                    _route(pass, certificate, i, hub, -price - fee, energyWh, spoke.capacityWh());
                    continue;
                }
                int256 value = price - fee;
                if (value > int256(pass.realTimePrice)) value = int256(pass.realTimePrice);
                _route(pass, certificate, hub, i, value, energyWh, spoke.capacityWh());
            }
        }
    }

    /// @dev Prices at managers have limits, and each node has a bound that it attains.
    function _requireExtreme(
        Pass memory pass,
        bytes calldata orders,
        bytes calldata certificate
    ) internal pure {
        unchecked {
            uint256 end = pass.isSellerBest ? pass.realTimePrice : 0;
            uint256 nodes = certificate.count();
            for (uint256 node = pass.entries; node < nodes; ++node) {
                uint256 price = certificate.read(node).gain(pass.place);
                if (price > pass.realTimePrice) revert DualsContradict(node, node);
                if (price == end) _bound(pass, node);
            }
            bytes memory found = pass.nodes;
            uint256 bounded = pass.bounded;
            for (uint256 node = 0; node < nodes; ++node) {
                if (found.load(node) & bounded != 0) continue;
                if (node < pass.entries && orders.read(node) == 0) continue;
                revert NotExtreme(node);
            }
        }
    }

    /// @dev An order with energy left gains nothing; one that gains nothing trades, or does not, as
    /// its time says.
    function _order(
        Pass memory pass,
        bytes calldata certificate,
        uint256 i,
        Order order
    ) internal pure {
        unchecked {
            uint256 word = certificate.read(i);
            uint256 used = pass.nodes.load(i) & type(uint64).max;
            bool hasLeft = used < order.energyWh();
            bool gains = word.gain(pass.place) != 0;
            if (gains && hasLeft) revert DualsContradict(i, i);
            if (!gains && pass.breaksTies) {
                int256 tie = word.tieBreak() + int256((pass.entries - i) << TIME_SHIFT);
                if ((hasLeft && tie > 0) || (used != 0 && tie < 0)) revert DualsContradict(i, i);
            }
            bool isOffer = order.kind() == OrderLib.OFFER;
            if (isOffer == pass.isSellerBest ? hasLeft : !gains) _bound(pass, i);
        }
    }

    /// @dev A route from an offer to a bid or a manager, or from a manager to a bid. Bids count
    /// with the opposite sign. Nothing overflows: gains, prices and fees have 48 bits, tie-breaks
    /// 128.
    function _route(
        Pass memory pass,
        bytes calldata certificate,
        uint256 tail,
        uint256 head,
        int256 welfare,
        uint256 energyWh,
        uint256 capacityWh
    ) internal pure {
        unchecked {
            uint256 from = certificate.read(tail);
            uint256 to = certificate.read(head);
            uint256 place = pass.place;
            int256 sign = head < pass.entries ? int256(1) : int256(-1);
            int256 slack = int256(from.gain(place)) - welfare + sign * int256(to.gain(place));
            int256 tie = slack;
            if (slack == 0 && pass.breaksTies) {
                tie = from.tieBreak() + sign * to.tieBreak();
                tie -= int256(DualLib.lotOf((tail << 16) | head));
            }
            bool more = energyWh < capacityWh || capacityWh == SpokeLib.NO_LIMIT;
            if (tie != 0 && (tie < 0 ? more : energyWh != 0)) revert DualsContradict(tail, head);
            if (slack != 0) return;
            // the node of the higher rank is bounded by the other, if energy could move that way
            uint256 tailRank = from.rank(place);
            uint256 headRank = to.rank(place);
            if (tailRank == headRank) return;
            bool isDown = tailRank < headRank;
            if (isDown == pass.isSellerBest ? !more : energyWh == 0) return;
            _bound(pass, isDown ? head : tail);
        }
    }

    function _bound(Pass memory pass, uint256 node) internal pure {
        pass.nodes.store(node, pass.nodes.load(node) | pass.bounded);
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
