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

    mapping(address owner => Entry) internal _entries;
    Checkpoints.Trace224 internal _ownerTables;
    Checkpoints.Trace224 internal _meterTables;
    uint16 internal _count;

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
            uint256 index = _indexOf(participants[i], table);
            table[index] = uint160(meters[i]);
            emit MeterAnnounced(participants[i], meters[i], from);
        }
        _meterTables.push(Slot.unwrap(from), uint160(CodeTableLib.write(table)));
    }

    /// @inheritdoc IRegistry
    function announceGroups(
        uint16[] calldata participants,
        uint16[] calldata groups,
        Slot from
    ) external onlyOwner {
        from.requireUnopened();
        if (participants.length != groups.length) {
            revert LengthsDiffer(participants.length, groups.length);
        }
        uint256[] memory table = CodeTableLib.read(address(uint160(_ownerTables.latest())));
        for (uint256 i = 0; i < participants.length; ++i) {
            uint256 index = _indexOf(participants[i], table);
            table[index] = _ownerWord(address(uint160(table[index])), groups[i]);
            emit GroupAnnounced(participants[i], groups[i], from);
        }
        _ownerTables.push(Slot.unwrap(from), uint160(CodeTableLib.write(table)));
    }

    /* VIEWS */

    /// @inheritdoc IRegistry
    function participantOf(address owner) external view returns (uint16, Slot, uint16) {
        Entry memory entry = _entries[owner];
        return (entry.participant, Slot.wrap(entry.from), entry.initialScoreBps);
    }

    /// @inheritdoc IRegistry
    function ownersOf(Slot slot) external view returns (uint256[] memory) {
        return CodeTableLib.read(ownerTableOf(slot));
    }

    /// @inheritdoc IRegistry
    function metersOf(Slot slot) external view returns (uint256[] memory) {
        return CodeTableLib.read(meterTableOf(slot));
    }

    /// @inheritdoc IRegistry
    function ownerTableOf(Slot slot) public view returns (address) {
        return address(uint160(_ownerTables.upperLookupRecent(Slot.unwrap(slot))));
    }

    /// @inheritdoc IRegistry
    function meterTableOf(Slot slot) public view returns (address) {
        return address(uint160(_meterTables.upperLookupRecent(Slot.unwrap(slot))));
    }

    /* INTERNAL */

    function _register(Participant[] memory joining, Slot from) internal {
        uint256 total = _count + joining.length;
        if (total > MAX_PARTICIPANTS) revert TooManyParticipants(total, MAX_PARTICIPANTS);
        uint256[] memory owners = new uint256[](joining.length);
        uint256[] memory meters = new uint256[](joining.length);
        for (uint256 i = 0; i < joining.length; ++i) {
            Participant memory one = joining[i];
            _enter(one, uint16(_count + i + 1), from);
            owners[i] = _ownerWord(one.owner, one.group);
            meters[i] = uint160(one.meter);
        }
        _count = uint16(total);
        _append(_ownerTables, owners, from);
        _append(_meterTables, meters, from);
    }

    function _append(
        Checkpoints.Trace224 storage tables,
        uint256[] memory words,
        Slot from
    ) internal {
        address latest = address(uint160(tables.latest()));
        tables.push(Slot.unwrap(from), uint160(CodeTableLib.append(latest, words)));
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
        emit ParticipantRegistered(
            participant,
            one.owner,
            one.meter,
            one.group,
            one.initialScoreBps,
            from
        );
    }

    function _ownerWord(address owner_, uint16 group) internal pure returns (uint256) {
        return (uint256(group) << 160) | uint160(owner_);
    }

    function _indexOf(uint16 participant, uint256[] memory table) internal pure returns (uint256) {
        if (participant == 0 || participant > table.length) revert NoSuchParticipant(participant);
        return participant - 1;
    }
}
