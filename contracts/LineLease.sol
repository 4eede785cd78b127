// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {HeldRole} from "./HeldRole.sol";
import {ILineLease} from "./interfaces/ILineLease.sol";
import {EdgeLib} from "./libraries/EdgeLib.sol";
import {CodeTableLib} from "./libraries/CodeTableLib.sol";
import {FeeLadderLib} from "./libraries/FeeLadderLib.sol";
import {LineLib} from "./libraries/LineLib.sol";
import {SpokeLib} from "./libraries/SpokeLib.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {FeeLadder, LineTerms, MAX_MANAGERS, MAX_PARTICIPANTS, Slot} from "./types/Market.sol";

/// @title LineLease
/// @notice See {ILineLease}.
contract LineLease is ILineLease, HeldRole {
    using Checkpoints for Checkpoints.Trace224;
    using SlotLib for Slot;
    using FeeLadderLib for FeeLadder;
    using LineLib for uint256;

    /* CONSTANTS */

    /// @notice The most words that a row has.
    uint256 public constant MAX_ROW_WORDS = 2;

    /// @dev Set in the packed rows where a line leads to a manager.
    uint224 internal constant HAS_MANAGERS = 1 << 168;

    /// @notice The most lines of all rows together: clearing looks at each that joins two orders,
    /// and the fullest book must clear in one transaction.
    uint256 public constant MAX_LINES = 8192;

    /// @notice The most lines of all rows together that have a capacity: a full line may carry a
    /// trade that no other line spares, and each trade has to be settled.
    uint256 public constant MAX_LIMITED_LINES = 1024;

    /* STORAGE */

    /// @dev Unused 55 | whether a line leads to a manager 1 | words a row 8 | directory of the
    /// rows 160.
    Checkpoints.Trace224 internal _rows;

    /// @dev Directory of the capacities, zero for none.
    Checkpoints.Trace224 internal _capacities;

    /// @dev Base 64 | step 32 | growth 16.
    Checkpoints.Trace224 internal _ladders;

    /* CONSTRUCTOR */

    /// @param lineOwner Who sets the lines and earns the fees.
    /// @param ladder The ladder that holds from the first slot on.
    /// @param rows The lines that hold from the first slot on.
    /// @param rowWords The words a row has.
    constructor(
        address lineOwner,
        FeeLadder memory ladder,
        uint256[] memory rows,
        uint256 rowWords
    ) Ownable(lineOwner) {
        _setLadder(ladder, Slot.wrap(0));
        _setLines(rows, rowWords, Slot.wrap(0));
    }

    /* ANNOUNCEMENTS */

    /// @inheritdoc ILineLease
    function announceLines(
        uint256[] calldata rows,
        uint256 rowWords,
        Slot from
    ) external onlyOwner {
        from.requireUnopened();
        _setLines(rows, rowWords, from);
    }

    /// @inheritdoc ILineLease
    function announceCapacities(uint256[] calldata capacities, Slot from) external onlyOwner {
        from.requireUnopened();
        (, uint32 since, ) = _rows.latestCheckpoint();
        if (Slot.unwrap(from) < since) revert Checkpoints.CheckpointUnorderedInsertion();
        address directory = address(0);
        if (capacities.length != 0) {
            _requireCapacities(capacities, from);
            directory = CodeTableLib.write(capacities);
        }
        _capacities.push(Slot.unwrap(from), uint160(directory));
        emit CapacitiesAnnounced(from, directory, keccak256(abi.encodePacked(capacities)));
    }

    /// @inheritdoc ILineLease
    function announceLadder(FeeLadder calldata ladder, Slot from) external onlyOwner {
        from.requireUnopened();
        _setLadder(ladder, from);
    }

    /* VIEWS */

    /// @inheritdoc ILineLease
    function feeOf(Slot slot, uint16 seller, uint16 buyer) external view returns (uint256) {
        (address directory, uint256 rowWords) = rowTableOf(slot);
        uint256[] memory rows = CodeTableLib.read(directory);
        uint256 end = uint256(seller) * rowWords;
        if (seller == 0 || buyer == 0 || end > rows.length) revert NoLineBetween(seller, buyer);
        for (uint256 i = 0; i < rowWords * LineLib.LINES_PER_WORD; ++i) {
            uint256 word = rows[end - rowWords + i / LineLib.LINES_PER_WORD];
            uint256 position = i % LineLib.LINES_PER_WORD;
            if (word.peerOf(position) == buyer) {
                return ladderOf(slot).feeUp(word.distanceOf(position));
            }
        }
        revert NoLineBetween(seller, buyer);
    }

    /// @inheritdoc ILineLease
    function routesOf(
        Slot slot,
        bytes calldata orders,
        bytes calldata edges
    ) external view returns (bytes memory limited, bytes memory spokes) {
        uint224 packed = _rows.upperLookupRecent(Slot.unwrap(slot));
        uint256[] memory rows = CodeTableLib.read(address(uint160(packed)));
        uint256[] memory capacities = capacitiesOf(slot);
        uint256 rowWords = uint8(packed >> 160);
        limited = edges;
        if (capacities.length != 0) EdgeLib.limit(limited, orders, rows, rowWords, capacities);
        if (packed & HAS_MANAGERS != 0) {
            spokes = SpokeLib.spokesOf(orders, rows, rowWords, capacities, ladderOf(slot));
        }
    }

    /// @inheritdoc ILineLease
    function rowsOf(Slot slot) external view returns (uint256[] memory rows, uint256 rowWords) {
        address directory;
        (directory, rowWords) = rowTableOf(slot);
        rows = CodeTableLib.read(directory);
    }

    /// @inheritdoc ILineLease
    function capacitiesOf(Slot slot) public view returns (uint256[] memory capacities) {
        address directory = _capacityTableOf(slot);
        if (directory != address(0)) capacities = CodeTableLib.read(directory);
    }

    /// @inheritdoc ILineLease
    function termsOf(Slot slot) external view returns (LineTerms memory terms) {
        uint224 packed = _rows.upperLookupRecent(Slot.unwrap(slot));
        terms.rows = address(uint160(packed));
        terms.rowWords = uint8(packed >> 160);
        terms.areMore = packed & HAS_MANAGERS != 0 || _capacityTableOf(slot) != address(0);
        terms.ladder = ladderOf(slot);
    }

    /// @inheritdoc ILineLease
    function owner() public view override(ILineLease, Ownable) returns (address) {
        return super.owner();
    }

    /// @inheritdoc ILineLease
    function rowTableOf(Slot slot) public view returns (address directory, uint256 rowWords) {
        uint224 packed = _rows.upperLookupRecent(Slot.unwrap(slot));
        return (address(uint160(packed)), uint8(packed >> 160));
    }

    /// @inheritdoc ILineLease
    function ladderOf(Slot slot) public view returns (FeeLadder memory) {
        uint224 packed = _ladders.upperLookupRecent(Slot.unwrap(slot));
        return FeeLadder(uint64(packed >> 48), uint32(packed >> 16), uint16(packed));
    }

    /* INTERNAL */

    function _setLines(uint256[] memory rows, uint256 rowWords, Slot from) internal {
        if (rowWords == 0 || rowWords > MAX_ROW_WORDS || rows.length % rowWords != 0) {
            revert BadRows(rows.length, rowWords);
        }
        uint256 lines = 0;
        uint224 marks = 0;
        for (uint256 i = 0; i < rows.length / rowWords; ++i) {
            (uint256 ofRow, uint256 last) = _linesOf(rows, i, rowWords);
            lines += ofRow;
            if (last > MAX_PARTICIPANTS) marks = HAS_MANAGERS;
        }
        if (lines > MAX_LINES) revert TooManyLines(lines, MAX_LINES);
        address directory = CodeTableLib.write(rows);
        _rows.push(Slot.unwrap(from), marks | (uint224(rowWords) << 160) | uint160(directory));
        // Refuses, too, to go before capacities that were announced for other lines.
        if (_capacities.length() != 0) _capacities.push(Slot.unwrap(from), 0);
        emit LinesAnnounced(from, directory, rowWords, keccak256(abi.encodePacked(rows)));
    }

    /// @dev As many words as the rows, nothing where no line is, and few enough limits.
    function _requireCapacities(uint256[] calldata capacities, Slot from) internal view {
        (address directory, ) = rowTableOf(from);
        uint256[] memory rows = CodeTableLib.read(directory);
        if (capacities.length != rows.length) revert BadCapacities(capacities.length, rows.length);
        uint256 limits = 0;
        for (uint256 i = 0; i < rows.length; ++i) {
            uint256 word = capacities[i];
            for (uint256 k = 0; k < LineLib.LINES_PER_WORD; ++k) {
                uint256 capacity = word.capacityOf(k);
                if (rows[i].peerOf(k) == 0) {
                    if (capacity != 0) revert CapacityOfNoLine(i, k);
                } else if (capacity != LineLib.NO_LIMIT) {
                    ++limits;
                }
            }
        }
        if (limits > MAX_LIMITED_LINES) revert TooManyCapacities(limits, MAX_LIMITED_LINES);
    }

    function _setLadder(FeeLadder memory ladder, Slot from) internal {
        uint256 highest = ladder.stepMeters == 0 ? 0 : ladder.feeUp(LineLib.MAX_DISTANCE_METERS);
        if (ladder.stepMeters == 0 || highest > type(uint48).max) {
            revert BadLadder(ladder.stepMeters, highest);
        }
        _ladders.push(
            Slot.unwrap(from),
            (uint224(ladder.baseMicroUsdPerMwhKm) << 48) |
                (uint224(ladder.stepMeters) << 16) |
                ladder.growthBps
        );
        emit LadderAnnounced(
            from,
            ladder.baseMicroUsdPerMwhKm,
            ladder.stepMeters,
            ladder.growthBps
        );
    }

    function _capacityTableOf(Slot slot) internal view returns (address) {
        return address(uint160(_capacities.upperLookupRecent(Slot.unwrap(slot))));
    }

    /// @dev The number of lines in a row and its last peer, after checking that there is one line a
    /// pair, so that a trade's fee is one number, one manager, and nothing after the row's end.
    function _linesOf(
        uint256[] memory rows,
        uint256 index,
        uint256 rowWords
    ) internal pure returns (uint256 lines, uint256 last) {
        bool ended = false;
        for (uint256 i = index * rowWords; i < (index + 1) * rowWords; ++i) {
            uint256 word = rows[i];
            if (ended && word != 0) revert PeersNotAscending(index + 1, word.peerOf(0));
            ended = uint32(word) == 0;
            for (; word != 0; word <<= 32) {
                uint256 peer = word.peerOf(0);
                if (peer <= last || last > MAX_PARTICIPANTS || peer == index + 1) {
                    revert PeersNotAscending(index + 1, peer);
                }
                if (peer > MAX_PARTICIPANTS + MAX_MANAGERS) revert NoSuchPeer(index + 1, peer);
                last = peer;
                ++lines;
            }
        }
    }
}
