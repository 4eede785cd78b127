// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {HeldRole} from "./HeldRole.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {CodeTableLib} from "./libraries/CodeTableLib.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {LengthsDiffer, MAX_PARTICIPANTS, Slot} from "./types/Market.sol";

/// @title Registry
/// @notice See {IRegistry}.
contract Registry is IRegistry, HeldRole {
    using Checkpoints for Checkpoints.Trace224;
    using SlotLib for Slot;

    /* TYPES */

    struct Entry {
        uint16 participant;
        uint16 initialScoreBps;
        uint32 from;
    }

    /* CONSTANTS */

    uint256 internal constant MIN_SCORE_BPS = 500;
    uint256 internal constant MAX_SCORE_BPS = 9500;

    /* STORAGE */

    /// @inheritdoc IRegistry
    address public ownerTable;

    mapping(address owner => Entry) internal _entries;
    Checkpoints.Trace224 internal _meterTables;

    /* CONSTRUCTOR */

    /// @param registrar Who registers participants.
    /// @param founders Participants that may order from the first slot on.
    constructor(address registrar, Participant[] memory founders) Ownable(registrar) {
        _register(founders, Slot.wrap(0));
    }

    /* REGISTRATION */

    /// @inheritdoc IRegistry
    function register(Participant[] calldata joining, Slot from) external onlyOwner {
        from.requireUnopened();
        _register(joining, from);
    }

    /// @inheritdoc IRegistry
    function announceMeters(
        uint16[] calldata participants,
        address[] calldata meters,
        Slot from
    ) external onlyOwner {
        from.requireUnopened();
        if (participants.length != meters.length) {
            revert LengthsDiffer(participants.length, meters.length);
        }
        uint256[] memory table = CodeTableLib.read(address(uint160(_meterTables.latest())));
        for (uint256 i = 0; i < participants.length; ++i) {
            uint16 participant = participants[i];
            if (participant == 0 || participant > table.length) {
                revert UnknownParticipant(participant);
            }
            table[participant - 1] = uint160(meters[i]);
            emit MeterAnnounced(participant, meters[i], from);
        }
        _meterTables.push(Slot.unwrap(from), uint160(CodeTableLib.write(table)));
    }

    /* VIEWS */

    /// @inheritdoc IRegistry
    function participantOf(address owner) external view returns (uint16, Slot, uint16) {
        Entry memory entry = _entries[owner];
        return (entry.participant, Slot.wrap(entry.from), entry.initialScoreBps);
    }

    /// @inheritdoc IRegistry
    function owners() external view returns (uint256[] memory) {
        return CodeTableLib.read(ownerTable);
    }

    /// @inheritdoc IRegistry
    function metersOf(Slot slot) external view returns (uint256[] memory) {
        return CodeTableLib.read(meterTableOf(slot));
    }

    /// @inheritdoc IRegistry
    function meterTableOf(Slot slot) public view returns (address) {
        return address(uint160(_meterTables.upperLookupRecent(Slot.unwrap(slot))));
    }

    /* INTERNAL */

    function _register(Participant[] memory joining, Slot from) internal {
        bool first = ownerTable == address(0);
        uint256[] memory known = first ? new uint256[](0) : CodeTableLib.read(ownerTable);
        uint256 total = known.length + joining.length;
        if (total > MAX_PARTICIPANTS) revert TooManyParticipants(total, MAX_PARTICIPANTS);
        uint256[] memory meters = _extended(
            first ? known : CodeTableLib.read(address(uint160(_meterTables.latest()))),
            total
        );
        uint256[] memory table = _extended(known, total);
        for (uint256 i = known.length; i < total; ++i) {
            Participant memory one = joining[i - known.length];
            _enter(one, uint16(i + 1), from);
            table[i] = uint160(one.owner);
            meters[i] = uint160(one.meter);
        }
        ownerTable = CodeTableLib.write(table);
        _meterTables.push(Slot.unwrap(from), uint160(CodeTableLib.write(meters)));
    }

    function _enter(Participant memory one, uint16 participant, Slot from) internal {
        if (one.owner == address(0) || _entries[one.owner].participant != 0) {
            revert BadOwner(one.owner);
        }
        uint256 score = one.initialScoreBps;
        if (score != 0 && (score < MIN_SCORE_BPS || score > MAX_SCORE_BPS)) {
            revert BadScore(one.initialScoreBps);
        }
        _entries[one.owner] = Entry(participant, one.initialScoreBps, Slot.unwrap(from));
        emit ParticipantRegistered(participant, one.owner, one.meter, one.initialScoreBps, from);
    }

    function _extended(
        uint256[] memory words,
        uint256 length
    ) internal pure returns (uint256[] memory longer) {
        longer = new uint256[](length);
        for (uint256 i = 0; i < words.length; ++i) {
            longer[i] = words[i];
        }
    }
}
