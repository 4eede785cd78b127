// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DualLib} from "../../../contracts/libraries/DualLib.sol";
import {EdgeLib} from "../../../contracts/libraries/EdgeLib.sol";
import {FeeLadderLib} from "../../../contracts/libraries/FeeLadderLib.sol";
import {MatchingLib} from "../../../contracts/libraries/MatchingLib.sol";
import {OrderLib} from "../../../contracts/libraries/OrderLib.sol";
import {WordsLib} from "../../../contracts/libraries/WordsLib.sol";
import {FeeLadder, Order} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title MatchingTest
/// @notice The assembly of clearing against plain twins.
contract MatchingTest is Checks {
    using FeeLadderLib for FeeLadder;
    using MatchingLib for MatchingLib.Scale;

    uint256 internal constant FIRST =
        0x9e3779b97f4a7c15f39cc0605cedc8341082276bf3a27251f86c6a11d0c18e95;
    uint256 internal constant SECOND =
        0x6a09e667f3bcc908b2fb1366ea957d3e3adec17512775099da2f590b0667322b;

    /// @dev What a book of a few participants is drawn from.
    struct Book {
        uint32[6] energies;
        uint48[6] prices;
        uint8 kinds;
        uint256[12] rows;
        FeeLadder ladder;
        uint48 realTimePrice;
    }

    /* EDGES */

    function testTheEdgesAreTheLinesThatLeaveRoom(Book memory book) external pure {
        uint256 rowWords = 1 + (book.kinds >> 7);
        (bytes memory orders, bytes memory positions) = _orders(book);
        uint256[] memory rows = _rows(book, rowWords);

        bytes memory edges = EdgeLib.edgesOf(
            orders,
            positions,
            rows,
            rowWords,
            book.ladder,
            book.realTimePrice
        );

        VM.assertEq(edges, _plainEdges(book, rows, rowWords));
    }

    /// @dev By words and positions as they are, one line at a time.
    function _plainEdges(
        Book memory book,
        uint256[] memory rows,
        uint256 rowWords
    ) internal pure returns (bytes memory edges) {
        for (uint256 i = 0; i < 6; ++i) {
            if (!_isOffer(book, i) || book.prices[i] > book.realTimePrice) continue;
            for (uint256 k = 0; k < 8 * rowWords && (i + 1) * rowWords <= rows.length; ++k) {
                uint256 line = _slice(rows[i * rowWords + k / 8], 224 - 32 * (k % 8), 32);
                if (line == 0) break;
                uint256 j = line / 2 ** 20 - 1;
                if (j >= 6 || !_isBid(book, j)) continue;
                uint256 fee = book.ladder.feeUp(line % 2 ** 20);
                if (book.prices[i] + fee > book.prices[j]) continue;
                uint256 pair = (i << 240) | (j << 224);
                edges = bytes.concat(
                    edges,
                    bytes32(pair | (uint256(type(uint32).max) << 48) | fee)
                );
            }
        }
    }

    /* WEIGHTS */

    function testAWeightIsItsFormula(
        uint256 entries,
        uint256 offer,
        uint256 bid,
        uint48 fee
    ) external pure {
        (entries, offer, bid) = _positions(entries, offer, bid);

        uint256 weight = MatchingLib.scaleOf(entries).weight((offer << 16) | bid, fee);

        VM.assertEq(weight, _weight(entries, offer, bid, fee));
        VM.assertLt(weight, 2 ** 151);
    }

    function testEnergyComesBeforeFeesAndFeesBeforeTies(
        uint256 entries,
        uint256 offer,
        uint256 bid,
        uint48 fee
    ) external pure {
        (entries, offer, bid) = _positions(entries, offer, bid);
        MatchingLib.Scale memory scale = MatchingLib.scaleOf(entries);
        uint256 worst = scale.weight((offer << 16) | bid, type(uint48).max);
        uint256 best = scale.weight(0, 0);
        fee = uint48(_between(fee, 1, type(uint48).max));

        // A matching of k + 1 lines weighs more than any of k, at most n; and a micro-USD of fee
        // more than all the ties that n lines can win.
        VM.assertGt(entries * worst, (entries - 1) * best);
        uint256 dearer = scale.weight((offer << 16) | bid, fee);
        uint256 cheaper = scale.weight((offer << 16) | bid, fee - 1);
        VM.assertGe(cheaper - dearer, entries * (entries ** 3 * 2 ** 32));
    }

    function testTheDualsOfOffersAreTheLeastThatCover(
        uint48[10] memory drawn,
        uint256 count,
        uint32[8] memory energies,
        uint128[8] memory duals
    ) external view {
        uint48[] memory fees = _first(drawn, count);
        bytes memory edges = _edges(fees);
        bytes memory orders = "";
        bytes memory packed = "";
        for (uint256 i = 0; i < 8; ++i) {
            orders = bytes.concat(orders, bytes32(uint256(energies[i]) << 184));
            packed = bytes.concat(packed, bytes32(uint256(duals[i])));
        }
        uint256 wanted = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 highest = 0;
            for (uint256 k = 0; k < fees.length; ++k) {
                (uint256 offer, uint256 bid) = _pair(k, fees.length);
                uint256 weight = _weight(8, offer, bid, fees[k]);
                if (offer != i || weight <= duals[bid] + highest) continue;
                highest = weight - duals[bid];
            }
            wanted += highest * energies[i];
        }

        VM.assertEq(this.offerDuals(orders, edges, packed), wanted);
    }

    /* LOTS */

    function testALotIsTwoHalvesOfItsFormula(uint256 offer, uint256 bid) external pure {
        (, offer, bid) = _positions(2048, offer, bid);

        VM.assertEq(DualLib.lotOf((offer << 16) | bid), _lot(offer, bid));
    }

    /// @dev Both gain nothing over a line worth nothing: tie-breaks of its lot pass, one less not.
    function testAnIdleLineIsHeldToItsLot(uint256 offer, uint256 bid, uint128 share) external view {
        (, offer, bid) = _positions(2048, offer, bid);
        if (offer == bid) bid = offer == 0 ? 1 : offer - 1;
        bytes memory edge = abi.encode((offer << 240) | (bid << 224) | (1 << 48));
        uint256 other = _lot(offer, bid) - (share % _lot(offer, bid));
        bytes memory orders = new bytes(2048 * 32);
        bytes memory duals = new bytes(2048 * 32);
        WordsLib.store(duals, offer, (_lot(offer, bid) - other) << 128);

        WordsLib.store(duals, bid, other << 128);
        uint256 passed = this.nextBusy(orders, edge, duals);
        WordsLib.store(duals, bid, (other - 1) << 128);
        uint256 refused = this.nextBusy(orders, edge, duals);

        VM.assertEq(passed, 1);
        VM.assertEq(refused, 0);
    }

    /* CALLS WITH CALLDATA */

    function nextBusy(
        bytes calldata orders,
        bytes calldata edges,
        bytes calldata duals
    ) external pure returns (uint256) {
        DualLib.Scan memory scan = DualLib.Scan({
            nodes: new bytes(orders.length),
            entries: orders.length / 32,
            realTimePrice: 0,
            nothing: DualLib.FIRST_SIGN | DualLib.SECOND_SIGN | DualLib.SECOND_MORE,
            signs: DualLib.FIRST_SIGN,
            gains: DualLib.GAINS,
            bounded: DualLib.FIRST_BOUNDED,
            isSellerBest: true
        });
        return DualLib.nextBusy(scan, orders, edges, duals, 0, type(uint256).max);
    }

    function offerDuals(
        bytes calldata orders,
        bytes calldata edges,
        bytes memory duals
    ) external pure returns (uint256) {
        return MatchingLib.offerDuals(orders, edges, duals, MatchingLib.scaleOf(8));
    }

    /* INTERNAL */

    function _isOffer(Book memory book, uint256 i) internal pure returns (bool) {
        return (book.kinds >> i) % 2 == 0 && book.energies[i] % 4 != 0;
    }

    function _isBid(Book memory book, uint256 i) internal pure returns (bool) {
        return (book.kinds >> i) % 2 == 1 && book.energies[i] % 4 != 0;
    }

    /// @dev Participant i + 1 has the order at position i; a quarter has none.
    function _orders(
        Book memory book
    ) internal pure returns (bytes memory orders, bytes memory positions) {
        positions = new bytes(32);
        if (book.ladder.stepMeters == 0) book.ladder.stepMeters = 1;
        book.ladder.baseMicroUsdPerMwhKm %= 2 ** 20;
        for (uint256 i = 0; i < 6; ++i) {
            uint256 price = book.prices[i];
            bool isOffer = _isOffer(book, i);
            Order order = OrderLib.pack(
                isOffer ? OrderLib.OFFER : OrderLib.BID,
                i + 1,
                5000,
                book.energies[i],
                uint48(price),
                0
            );
            bool live = isOffer || _isBid(book, i);
            uint256 mark = isOffer ? (1 << 17) | i : (price << 32) | (1 << 16) | i;
            orders = bytes.concat(orders, bytes32(live ? Order.unwrap(order) : 0));
            positions = bytes.concat(positions, bytes32(live ? mark : 0));
        }
        positions = bytes.concat(positions, new bytes(32 * 4089));
    }

    /// @dev Rows of up to eight lines a word to peers 1 to 6, none to nobody in between; the last
    /// row may be missing.
    function _rows(
        Book memory book,
        uint256 rowWords
    ) internal pure returns (uint256[] memory rows) {
        rows = new uint256[]((book.realTimePrice % 2 == 0 ? 6 : 5) * rowWords);
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 word = 0;
            uint256 length = book.rows[i] % 9;
            if (rowWords == 2 && i % 2 == 0) length = 8;
            for (uint256 k = 0; k < length; ++k) {
                uint256 drawn = book.rows[i] >> (20 + 28 * k);
                uint256 line = ((1 + (drawn % 7)) << 20) | ((drawn >> 3) % 2 ** 20);
                word |= line << (224 - 32 * k);
            }
            rows[i] = word;
        }
    }

    function _first(
        uint48[10] memory drawn,
        uint256 count
    ) internal pure returns (uint48[] memory fees) {
        fees = new uint48[](count % 11);
        for (uint256 i = 0; i < fees.length; ++i) {
            fees[i] = drawn[i];
        }
    }

    /// @dev Ascending edges from eight offers to eight bids.
    function _edges(uint48[] memory fees) internal pure returns (bytes memory edges) {
        for (uint256 k = 0; k < fees.length; ++k) {
            (uint256 offer, uint256 bid) = _pair(k, fees.length);
            edges = bytes.concat(edges, bytes32((offer << 240) | (bid << 224) | fees[k]));
        }
    }

    function _pair(uint256 k, uint256 count) internal pure returns (uint256, uint256) {
        return ((8 * k) / count, (3 * k) % 8);
    }

    function _positions(
        uint256 entries,
        uint256 offer,
        uint256 bid
    ) internal pure returns (uint256, uint256, uint256) {
        entries = _between(entries, 1, 2048);
        return (entries, _between(offer, 0, entries - 1), _between(bid, 0, entries - 1));
    }

    /// @dev ((M − fee) n³ + (n − i)(n − j)) n 2³² + lot.
    function _weight(uint256 n, uint256 i, uint256 j, uint256 fee) internal pure returns (uint256) {
        uint256 free = ((n + 1) * 2 ** 48 - fee) * n ** 3;
        return (free + (n - i) * (n - j)) * n * 2 ** 32 + _mixed(i, j) / 2 ** 224;
    }

    /// @dev The first 40 bits, and the next 40.
    function _lot(uint256 i, uint256 j) internal pure returns (uint256) {
        return (_mixed(i, j) / 2 ** 216) * 2 ** 56 + ((_mixed(i, j) / 2 ** 176) % 2 ** 40);
    }

    function _mixed(uint256 i, uint256 j) internal pure returns (uint256 lot) {
        unchecked {
            lot = (i * 2 ** 16 + j) * FIRST;
            lot = (lot ^ (lot / 2 ** 128)) * SECOND;
        }
    }
}
