// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {HeldRole} from "./HeldRole.sol";
import {ILineLease} from "./interfaces/ILineLease.sol";
import {CodeTableLib} from "./libraries/CodeTableLib.sol";
import {FeeLadderLib} from "./libraries/FeeLadderLib.sol";
import {LineLib} from "./libraries/LineLib.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {FeeLadder, MAX_PARTICIPANTS, Slot} from "./types/Market.sol";

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

    /// @notice The most lines of all rows together: clearing looks at each that joins two orders,
    /// and the fullest book must clear in one transaction.
    uint256 public constant MAX_LINES = 8192;

    /* STORAGE */

    /// @dev Directory of the rows 160 | words a row 8.
    Checkpoints.Trace224 internal _rows;

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
    function rowsOf(Slot slot) external view returns (uint256[] memory rows, uint256 rowWords) {
        address directory;
        (directory, rowWords) = rowTableOf(slot);
        rows = CodeTableLib.read(directory);
    }

    /// @inheritdoc ILineLease
    function termsOf(
        Slot slot
    ) external view returns (address directory, uint256 rowWords, FeeLadder memory ladder) {
        (directory, rowWords) = rowTableOf(slot);
        ladder = ladderOf(slot);
    }

    /// @inheritdoc ILineLease
    function owner() public view override(ILineLease, Ownable) returns (address) {
        return super.owner();
    }

    /// @inheritdoc ILineLease
    function rowTableOf(Slot slot) public view returns (address directory, uint256 rowWords) {
        uint224 packed = _rows.upperLookupRecent(Slot.unwrap(slot));
        return (address(uint160(packed)), packed >> 160);
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
        for (uint256 i = 0; i < rows.length / rowWords; ++i) {
            lines += _linesOf(rows, i, rowWords);
        }
        if (lines > MAX_LINES) revert TooManyLines(lines, MAX_LINES);
        address directory = CodeTableLib.write(rows);
        _rows.push(Slot.unwrap(from), (uint224(rowWords) << 160) | uint160(directory));
        emit LinesAnnounced(from, directory, rowWords, keccak256(abi.encodePacked(rows)));
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

    /// @dev The number of lines in a row, after checking that there is one line a pair, so that a
    /// trade's fee is one number, and nothing after the row's end.
    function _linesOf(
        uint256[] memory rows,
        uint256 index,
        uint256 rowWords
    ) internal pure returns (uint256 lines) {
        uint256 last = 0;
        bool ended = false;
        for (uint256 i = index * rowWords; i < (index + 1) * rowWords; ++i) {
            uint256 word = rows[i];
            if (ended && word != 0) revert PeersNotAscending(index + 1, word.peerOf(0));
            ended = uint32(word) == 0;
            for (; word != 0; word <<= 32) {
                uint256 peer = word.peerOf(0);
                if (peer <= last || peer == index + 1) revert PeersNotAscending(index + 1, peer);
                if (peer > MAX_PARTICIPANTS) revert NoSuchPeer(index + 1, peer);
                last = peer;
                ++lines;
            }
        }
    }
}
