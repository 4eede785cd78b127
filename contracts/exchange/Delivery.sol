// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {TypedDataLib} from "../libraries/TypedDataLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {MAX_PARTICIPANTS, Phase, Reading, Rules, Slot} from "../types/Market.sol";
import {Clearing} from "./Clearing.sol";

/// @title Delivery
/// @notice Records what the meters say, and what the grid operator says against them, as a rolling
/// hash like the book's: marks of the slot remember who has spoken.
/// @dev A reading is final when its slot is settled: at once, or where the market's rules give the
/// grid operator time to correct it, after that time.
abstract contract Delivery is Clearing {
    using SlotLib for Slot;
    using WordsLib for bytes;
    using WordsLib for uint256[];

    /* CONSTANTS */

    /// @dev Set in the entry of a meter that signed two values.
    uint256 internal constant CONTRADICTION = 1 << 255;

    /// @dev Set in the entry of the grid operator's reading.
    uint256 internal constant COUNTER_READING = 1 << 254;

    /// @dev Set in the statement of a meter that said more than the grid operator's reading.
    uint256 internal constant OVERSTATED = 1 << 253;

    /// @dev The bits of a statement that are one more than an energy.
    uint256 internal constant ENERGY = type(uint64).max;

    /// @dev No market may keep its traders waiting for their money for longer.
    uint256 internal constant MAX_CHALLENGE_SECONDS = 7 days;

    /// @dev The marks of counter-readings come after those of the meters, two a participant.
    uint256 internal constant COUNTERED = 1 << 16;

    /* IMMUTABLES */

    /// @notice How long after the readings' deadline a counter-reading may come, in seconds.
    uint32 public immutable challengeSeconds;

    /* CONSTRUCTOR */

    constructor(Rules memory rules) {
        if (rules.challengeSeconds > MAX_CHALLENGE_SECONDS) revert BadRules();
        challengeSeconds = rules.challengeSeconds;
    }

    /* READINGS */

    /// @inheritdoc IExchange
    function recordReadings(Slot slot, Reading[] calldata readings) external {
        _requireReadingTime(slot);
        bytes32 domain = _domainSeparatorV4();
        uint256[] memory meters = CodeTableLib.read(registry.meterTableOf(slot));
        uint256[] memory entries = new uint256[](readings.length);
        uint256 count = 0;
        for (uint256 i = 0; i < readings.length; ++i) {
            uint256 entry = _heard(domain, slot, readings[i], meters);
            if (_mark(slot, 2 * (entry >> 32))) entries[count++] = entry;
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(entries, count)
        }
        if (count != 0) _appendReadings(slot, entries);
    }

    /// @inheritdoc IExchange
    function reportContradiction(Slot slot, Reading calldata one, Reading calldata other) external {
        _requireReadingTime(slot);
        bytes32 domain = _domainSeparatorV4();
        uint256[] memory meters = CodeTableLib.read(registry.meterTableOf(slot));
        uint256 first = _heard(domain, slot, one, meters);
        uint256 second = _heard(domain, slot, other, meters);
        bool contradict = first >> 32 == second >> 32 && first != second;
        if (!contradict || !_mark(slot, 2 * (first >> 32) + 1)) {
            revert NoContradiction(one.participant);
        }
        _appendReading(slot, CONTRADICTION | ((first >> 32) << 32));
    }

    /// @inheritdoc IExchange
    function correctReading(Slot slot, uint16 participant, uint32 energyWh) external onlyOwner {
        if (challengeSeconds == 0) revert NoChallenges();
        _requireTime(slot, slot.endsAt(), _finalAt(slot));
        if (participant == 0 || participant > MAX_PARTICIPANTS) {
            revert IRegistry.NoSuchParticipant(participant);
        }
        if (!_mark(slot, COUNTERED + participant)) revert AlreadyCorrected(slot, participant);
        _appendReading(slot, COUNTER_READING | (uint256(participant) << 32) | energyWh);
    }

    /* INTERNAL */

    function _appendReading(Slot slot, uint256 entry) internal {
        uint256[] memory entries = new uint256[](1);
        entries[0] = entry;
        _appendReadings(slot, entries);
    }

    function _appendReadings(Slot slot, uint256[] memory entries) internal {
        bytes32 hash = _slots[slot].readings;
        for (uint256 i = 0; i < entries.length; ++i) {
            hash = Hashes.efficientKeccak256(hash, bytes32(entries.load(i)));
        }
        _slots[slot].readings = hash;

        emit ReadingsRecorded(slot, entries);
    }

    /// @dev When no counter-reading may come any more.
    function _finalAt(Slot slot) internal view returns (uint256) {
        return slot.endsAt() + SlotLib.READING_SECONDS + challengeSeconds;
    }

    function _requireReadingTime(Slot slot) internal view {
        uint256 opensAt = slot.endsAt();
        _requireTime(slot, opensAt, opensAt + SlotLib.READING_SECONDS);
    }

    function _requireTime(Slot slot, uint256 opensAt, uint256 closesAt) internal view {
        if (block.timestamp < opensAt || block.timestamp >= closesAt) {
            revert OutsideReadingTime(slot, opensAt, closesAt);
        }
        if (_slots[slot].outcome == SETTLED) revert WrongPhase(slot, Phase.Settled);
    }

    /// @dev The entry of a reading, after checking that its participant's meter signed it.
    function _heard(
        bytes32 domain,
        Slot slot,
        Reading calldata reading,
        uint256[] memory meters
    ) internal pure returns (uint256 entry) {
        uint256 participant = reading.participant;
        uint256 energyWh = reading.energyWh;
        bytes32 hash = TypedDataLib.hashOf(domain, slot, participant, energyWh);
        (address signer, , ) = ECDSA.tryRecover(hash, reading.r, reading.vs);
        bool known = participant != 0 && participant <= meters.length && signer != address(0);
        unchecked {
            if (!known || uint160(signer) != meters.load(participant - 1)) {
                revert WrongMeter(uint16(participant), signer);
            }
            return (participant << 32) | energyWh;
        }
    }

    /// @dev What is known of each participant's energy: one more than the energy, zero where nobody
    /// has spoken, with the marks CONTRADICTION, COUNTER_READING and OVERSTATED.
    function _statements(
        Slot slot,
        uint256[] calldata entries
    ) internal view returns (bytes memory statements) {
        statements = WordsLib.zeros(MAX_PARTICIPANTS + 1);
        bytes32 hash = 0;
        uint256 count = entries.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 entry = entries.read(i);
            hash = Hashes.efficientKeccak256(hash, bytes32(entry));
            uint256 participant = (entry >> 32) & type(uint16).max;
            if (participant > MAX_PARTICIPANTS) break;
            uint256 statement = statements.load(participant);
            statements.store(participant, _amended(statement, entry));
        }
        bytes32 recorded = _slots[slot].readings;
        if (hash != recorded) revert ReadingsMismatch(hash, recorded);
    }

    /// @dev Amends the statements by readings that were not recorded, but are given to settle, and
    /// returns their entries.
    function _hear(
        Slot slot,
        Reading[] calldata readings,
        bytes memory statements
    ) internal view returns (uint256[] memory entries) {
        entries = new uint256[](readings.length);
        if (readings.length == 0) return entries;
        _requireReadingTime(slot);
        bytes32 domain = _domainSeparatorV4();
        uint256[] memory meters = CodeTableLib.read(registry.meterTableOf(slot));
        for (uint256 i = 0; i < readings.length; ++i) {
            uint256 entry = _heard(domain, slot, readings[i], meters);
            uint256 participant = entry >> 32;
            statements.store(participant, _amended(statements.load(participant), entry));
            entries[i] = entry;
        }
    }

    /// @dev A meter is heard once, and not after the grid operator.
    function _amended(uint256 statement, uint256 entry) internal pure returns (uint256) {
        uint256 energy;
        unchecked {
            energy = (entry & type(uint32).max) + 1;
        }
        if (entry & CONTRADICTION != 0) return statement | CONTRADICTION;
        if (entry & COUNTER_READING != 0) {
            uint256 mark =
                statement & ENERGY > energy ? COUNTER_READING | OVERSTATED : COUNTER_READING;
            return mark | energy;
        }
        return statement & ENERGY == 0 ? statement | energy : statement;
    }
}
