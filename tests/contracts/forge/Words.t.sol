// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EdgeLib} from "../../../contracts/libraries/EdgeLib.sol";
import {LineLib} from "../../../contracts/libraries/LineLib.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {TradeLib} from "../../../contracts/libraries/TradeLib.sol";
import {WordsLib} from "../../../contracts/libraries/WordsLib.sol";
import {Edge, Order, Trade} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title WordsTest
/// @notice Packed words: each field is read where it was written, and spills into no other.
contract WordsTest is Checks {
    using EdgeLib for Edge;
    using EdgeLib for bytes;
    using LineLib for uint256;
    using OrderLib for Order;
    using TradeLib for Trade;
    using WordsLib for bytes;
    using WordsLib for uint256[];
    using WordsLib for Order[];
    using WordsLib for Trade[];

    /// @dev The longest list that is tried.
    uint256 internal constant MOST = 12;

    /* ORDERS */

    function testAnOrderIsReadAsItWasPacked(
        uint8 kind,
        uint16 participant,
        uint16 score,
        uint32 energyWh,
        uint48 price,
        uint96 terms
    ) external pure {
        Order order = OrderLib.pack(kind, participant, score, energyWh, price, terms);

        VM.assertEq(order.kind(), kind);
        VM.assertEq(order.participant(), participant);
        VM.assertEq(order.scoreBps(), score);
        VM.assertEq(order.energyWh(), energyWh);
        VM.assertEq(order.price(), price);
        VM.assertEq(order.terms(), terms);
        VM.assertEq(order.nonce(), 0);
    }

    function testAnOrderHasItsFieldsAtTheirPlaces(uint256 word) external pure {
        Order order = Order.wrap(word);

        VM.assertEq(order.kind(), _slice(word, 248, 8));
        VM.assertEq(order.participant(), _slice(word, 232, 16));
        VM.assertEq(order.scoreBps(), _slice(word, 216, 16));
        VM.assertEq(order.energyWh(), _slice(word, 184, 32));
        VM.assertEq(order.price(), _slice(word, 136, 48));
        VM.assertEq(order.nonce(), _slice(word, 96, 20));
        VM.assertEq(order.terms(), _slice(word, 0, 96));
    }

    function testAnEntryTakesItsScoreAlone(uint256 word, uint16 score) external pure {
        word &= ~_field(216, 16);

        uint256 entry = Order.unwrap(Order.wrap(word).withScore(score));

        VM.assertEq(_slice(entry, 216, 16), score);
        VM.assertEq(_slice(entry, 232, 24), _slice(word, 232, 24));
        VM.assertEq(_slice(entry, 0, 216), _slice(word, 0, 216));
    }

    function testACleanOrderIsOfAKnownKindAndHasNoStrayBits(
        uint256 word,
        uint256 shift,
        uint256 kind
    ) external pure {
        // Random words are hardly ever clean; one stray bit in a clean one must be seen.
        uint256 stray = word % 3 == 0 ? 0 : 1 << _between(shift, 0, 247);
        kind = _between(kind, 0, 5);
        uint256 unused =
            kind == 3 ? ~(_field(232, 24) | _field(96, 20)) : _field(216, 16) | _field(116, 20);
        word = (word & ~unused & ~_field(248, 8)) | (kind << 248);

        bool wanted = kind >= 1 && kind <= 3 && stray & unused == 0;

        VM.assertTrue(Order.wrap(word | stray).isClean() == wanted);
    }

    /* TRADES */

    function testATradeHasItsFieldsAtTheirPlaces(uint256 word) external pure {
        Trade trade = Trade.wrap(word);

        VM.assertEq(trade.offerIndex(), _slice(word, 240, 16));
        VM.assertEq(trade.bidIndex(), _slice(word, 224, 16));
        VM.assertEq(trade.pair(), _slice(word, 224, 32));
        VM.assertEq(trade.energyWh(), _slice(word, 192, 32));
        VM.assertEq(trade.price(), _slice(word, 144, 48));
        VM.assertEq(trade.fee(), _slice(word, 96, 48));
    }

    function testACleanTradeHasNoStrayBits(uint208 fields, uint40 stray) external pure {
        stray = fields % 2 == 0 ? 0 : stray;
        uint256 pooled = (fields >> 1) % 2;

        bool clean = Trade.wrap((uint256(fields) << 48) | (uint256(stray) << 1) | pooled).isClean();

        VM.assertTrue(clean == (stray == 0));
    }

    /* EDGES */

    function testAnEdgeIsReadAsItWasPacked(
        uint16 offer,
        uint16 bid,
        uint32 capacity,
        uint48 fee
    ) external pure {
        Edge edge = EdgeLib.pack(offer, bid, capacity, fee);

        VM.assertEq(edge.offerIndex(), offer);
        VM.assertEq(edge.bidIndex(), bid);
        VM.assertEq(edge.capacityWh(), capacity);
        VM.assertEq(edge.fee(), fee);
        VM.assertEq(edge.pair(), (uint256(offer) << 16) | bid);
        VM.assertEq(_slice(Edge.unwrap(edge), 80, 144), 0);
    }

    function testAnEdgeIsFoundFromAPlaceOn(
        uint32[] calldata pairs,
        uint256 from,
        uint32 wanted
    ) external pure {
        pairs = pairs[:_min(pairs.length, MOST)];
        bytes memory edges = WordsLib.zeros(pairs.length);
        for (uint256 i = 0; i < pairs.length; ++i) {
            edges.store(i, (uint256(pairs[i]) << 224) | i);
        }
        from = _between(from, 0, pairs.length);
        if (pairs.length != 0 && wanted % 4 != 0) wanted = pairs[wanted % pairs.length];

        (uint256 next, Edge edge) = edges.find(32 * from, wanted);

        uint256 place = from;
        while (place < pairs.length && pairs[place] != wanted) ++place;
        bool found = place < pairs.length;
        VM.assertEq(Edge.unwrap(edge), found ? edges.load(place) : 0);
        if (found) VM.assertEq(next, 32 * (place + 1));
        if (!found) VM.assertGe(next, 32 * place);
    }

    /* LINES */

    function testAWordHoldsEightLines(
        uint256[8] calldata peers,
        uint256[8] calldata distances
    ) external pure {
        uint256 word = 0;
        for (uint256 i = 0; i < 8; ++i) {
            word = (word << 32) | ((peers[i] % 2 ** 12) << 20) | (distances[i] % 2 ** 20);
        }

        for (uint256 i = 0; i < 8; ++i) {
            VM.assertEq(word.peerOf(i), peers[i] % 2 ** 12);
            VM.assertEq(word.distanceOf(i), distances[i] % 2 ** 20);
        }
    }

    /* LISTS */

    function testAListIsWrittenWordByWord(
        uint256[] calldata values,
        uint256 index,
        uint256 value,
        uint256 more
    ) external pure {
        values = values[:_min(values.length, MOST)];
        bytes memory words = WordsLib.zeros(values.length);
        VM.assertEq(keccak256(words), keccak256(new bytes(32 * values.length)));
        for (uint256 i = 0; i < values.length; ++i) {
            words.store(i, values[i]);
        }
        VM.assertEq(words, abi.encodePacked(values));
        if (values.length == 0) return;

        index = _between(index, 0, values.length - 1);
        words.store(index, value);
        words.add(index, more);

        for (uint256 i = 0; i < values.length; ++i) {
            unchecked {
                VM.assertEq(words.load(i), i == index ? value + more : values[i]);
            }
        }

        words.cut(index);
        VM.assertEq(words, abi.encodePacked(values[:index]));
    }

    function testAListOfSmallNumbersIsWrittenNumberByNumber(
        uint32[] calldata values,
        uint256 index,
        uint256 value
    ) external pure {
        VM.assume(values.length != 0);
        values = values[:_min(values.length, MOST)];
        bytes memory numbers = new bytes(4 * values.length);
        bytes memory plain = "";
        index = _between(index, 0, values.length - 1);
        for (uint256 i = 0; i < values.length; ++i) {
            numbers.putUint32(i, values[i]);
            plain = bytes.concat(plain, bytes4(i == index ? uint32(value) : values[i]));
        }

        numbers.putUint32(index, value);

        VM.assertEq(numbers, plain);
    }

    function testListsAreReadWhereTheyLie(uint256[] calldata values) external view {
        values = values[:_min(values.length, MOST)];
        Order[] memory orders = new Order[](values.length);
        Trade[] memory trades = new Trade[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            orders[i] = Order.wrap(values[i]);
            trades[i] = Trade.wrap(values[i]);
        }

        this.requireSame(values, orders, trades, abi.encodePacked(values));
    }

    function requireSame(
        uint256[] calldata values,
        Order[] calldata orders,
        Trade[] calldata trades,
        bytes calldata packed
    ) external pure {
        uint256[] memory copied = values;
        VM.assertEq(packed.count(), values.length);
        VM.assertEq(orders.asBytes(), packed);
        VM.assertEq(trades.asBytes(), packed);
        for (uint256 i = 0; i < values.length; ++i) {
            VM.assertEq(values.read(i), values[i]);
            VM.assertEq(copied.load(i), values[i]);
            VM.assertEq(packed.read(i), values[i]);
            VM.assertEq(Order.unwrap(orders.read(i)), values[i]);
            VM.assertEq(Trade.unwrap(trades.read(i)), values[i]);
        }
    }

    /* INTERNAL */

    function _field(uint256 lowest, uint256 bits) internal pure returns (uint256) {
        return (2 ** bits - 1) * 2 ** lowest;
    }
}
