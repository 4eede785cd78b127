// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {CodeTableLib} from "../libraries/CodeTableLib.sol";
import {SlotLib} from "../libraries/SlotLib.sol";
import {MAX_PARTICIPANTS, Reading, Slot} from "../types/Market.sol";
import {Clearing} from "./Clearing.sol";

/// @title Delivery
/// @notice Records what the meters say, as a rolling hash like the book's: two bits a participant
/// remember that its meter has spoken, and that it has contradicted itself.
abstract contract Delivery is Clearing, EIP712 {
    using SlotLib for Slot;

    /* CONSTANTS */

    bytes32 internal constant READING_TYPEHASH = keccak256(
        "Reading(uint32 slot,uint16 participant,uint32 energyWh)"
    );

    /// @dev Set in the entry of a meter that signed two values.
    uint256 internal constant CONTRADICTION = 1 << 255;

    /* CONSTRUCTOR */

    constructor() EIP712("Wattline Exchange", "1") {}

    /* READINGS */

    /// @inheritdoc IExchange
    function recordReadings(Slot slot, Reading[] calldata readings) external {
        _requireReadingTime(slot);
        uint256[] memory meters = CodeTableLib.read(registry.meterTableOf(slot));
        uint256[] memory entries = new uint256[](readings.length);
        uint256 count = 0;
        for (uint256 i = 0; i < readings.length; ++i) {
            _requireMeter(slot, readings[i], meters);
            if (!_mark(slot, 2 * uint256(readings[i].participant))) continue;
            entries[count++] = (uint256(readings[i].participant) << 32) | readings[i].energyWh;
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(entries, count)
        }
        _appendReadings(slot, entries);
    }

    /// @inheritdoc IExchange
    function reportContradiction(Slot slot, Reading calldata one, Reading calldata other) external {
        _requireReadingTime(slot);
        uint256[] memory meters = CodeTableLib.read(registry.meterTableOf(slot));
        _requireMeter(slot, one, meters);
        _requireMeter(slot, other, meters);
        bool contradict = one.participant == other.participant && one.energyWh != other.energyWh;
        if (!contradict || !_mark(slot, 2 * uint256(one.participant) + 1)) {
            revert NoContradiction(one.participant);
        }
        uint256[] memory entries = new uint256[](1);
        entries[0] = CONTRADICTION | (uint256(one.participant) << 32);
        _appendReadings(slot, entries);
    }

    /* INTERNAL */

    function _appendReadings(Slot slot, uint256[] memory entries) internal {
        bytes32 hash = _slots[slot].readings;
        for (uint256 i = 0; i < entries.length; ++i) {
            hash = Hashes.efficientKeccak256(hash, bytes32(entries[i]));
        }
        _slots[slot].readings = hash;

        emit ReadingsRecorded(slot, entries);
    }

    /// @dev Sets a bit of the slot, and says whether it was clear.
    function _mark(Slot slot, uint256 position) internal returns (bool) {
        uint256 bit = 1 << (position % 256);
        mapping(uint256 => uint256) storage words = _slots[slot].readingBits;
        uint256 word = words[position / 256];
        if (word & bit != 0) return false;
        words[position / 256] = word | bit;
        return true;
    }

    function _requireReadingTime(Slot slot) internal view {
        uint256 opensAt = slot.endsAt();
        uint256 closesAt = opensAt + SlotLib.READING_SECONDS;
        if (block.timestamp < opensAt || block.timestamp >= closesAt) {
            revert OutsideReadingTime(slot, opensAt, closesAt);
        }
    }

    function _requireMeter(
        Slot slot,
        Reading calldata reading,
        uint256[] memory meters
    ) internal view {
        uint16 participant = reading.participant;
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(READING_TYPEHASH, slot, participant, reading.energyWh))
        );
        (address signer, , ) = ECDSA.tryRecover(digest, reading.signature);
        bool known = participant != 0 && participant <= meters.length && signer != address(0);
        if (!known || uint160(signer) != meters[participant - 1]) {
            revert WrongMeter(participant, signer);
        }
    }

    /// @dev For each participant one more than the energy its meter says, zero where it has not
    /// spoken; and 2 ** 255 where it has contradicted itself.
    function _statements(
        Slot slot,
        uint256[] calldata readings
    ) internal view returns (uint256[] memory statements) {
        statements = new uint256[](MAX_PARTICIPANTS + 1);
        bytes32 hash = 0;
        for (uint256 i = 0; i < readings.length; ++i) {
            uint256 entry = readings[i];
            hash = Hashes.efficientKeccak256(hash, bytes32(entry));
            uint256 participant = (entry & ~CONTRADICTION) >> 32;
            if (participant > MAX_PARTICIPANTS) break;
            if (entry & CONTRADICTION != 0) statements[participant] = CONTRADICTION;
            else if (statements[participant] == 0) {
                statements[participant] = (entry & type(uint32).max) + 1;
            }
        }
        bytes32 recorded = _slots[slot].readings;
        if (hash != recorded) revert ReadingsMismatch(hash, recorded);
    }
}
