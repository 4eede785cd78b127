// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Slot} from "../types/Market.sol";

/// @title IStorageLedger
/// @notice What the shared storage did in each slot, checked as a recursion, equation (6):
///
///   stored ← stored + ⌊charge · η_charge⌋ − ⌈discharge / η_discharge⌉
///
/// Both remainders are the storage's loss. Every slot is recorded, idle ones too, in order.
/// @dev Energies in Wh on the grid's side. A record is signed by the storage's meter and submitted
/// by anybody. The contract's owner is the storage provider, who earns the compensation.
interface IStorageLedger {
    /// @param maxSlotWh The most energy charged or discharged in a slot.
    /// @param minStoredWh The least energy that stays stored.
    /// @param maxStoredWh The most energy that can be stored.
    /// @param chargeEfficiencyBps One-way efficiency, in basis points.
    /// @param dischargeEfficiencyBps One-way efficiency, in basis points.
    /// @param compensationMicroUsdPerMwh What the operator pays per MWh of throughput.
    struct StorageRating {
        uint64 maxSlotWh;
        uint64 minStoredWh;
        uint64 maxStoredWh;
        uint16 chargeEfficiencyBps;
        uint16 dischargeEfficiencyBps;
        uint64 compensationMicroUsdPerMwh;
    }

    /// @notice Emitted when a slot has been recorded.
    event StorageRecorded(Slot indexed slot, uint64 chargeWh, uint64 dischargeWh, uint64 storedWh);

    /// @notice Thrown when a rating is impossible or the initial energy is outside its limits.
    error BadRating();

    /// @notice Thrown when a record skips a slot or repeats one.
    error NotNextSlot(Slot slot, Slot next);

    /// @notice Thrown when a slot is recorded before its end.
    error SlotNotOver(Slot slot, uint256 endsAt);

    /// @notice Thrown when a record was not signed by the storage's meter.
    error NotTheStorageMeter(address signer);

    /// @notice Thrown when a slot has both charge and discharge.
    error ChargeAndDischarge(uint64 chargeWh, uint64 dischargeWh);

    /// @notice Thrown when a slot's energy is above the rating.
    error AbovePower(uint64 energyWh, uint64 maxSlotWh);

    /// @notice Thrown when the stored energy would fall below its least.
    error BelowMinimum(uint256 availableWh, uint256 drainWh, uint64 minStoredWh);

    /// @notice Thrown when the stored energy would rise above its most.
    error AboveMaximum(uint256 storedWh, uint64 maxStoredWh);

    /// @notice Records what the storage did in the next slot.
    /// @param slot The slot; must be the one after the last recorded, and over.
    /// @param chargeWh Energy taken from the grid.
    /// @param dischargeWh Energy given to the grid.
    /// @param signature The storage meter's signature of the typed data StorageReading.
    function record(
        Slot slot,
        uint64 chargeWh,
        uint64 dischargeWh,
        bytes calldata signature
    ) external;

    /// @notice What was recorded for `slot`; zeros if nothing was.
    function recordOf(
        Slot slot
    ) external view returns (uint64 chargeWh, uint64 dischargeWh, uint64 storedWh);

    /// @notice The energy stored after the last recorded slot, in Wh.
    function storedWh() external view returns (uint64);

    /// @notice The slot to be recorded next.
    function nextSlot() external view returns (Slot);

    /// @notice The compensation earned since the beginning, in micro-USD, rounded down once.
    function compensationEarned() external view returns (uint256);

    /// @notice Who earns the compensation.
    function owner() external view returns (address);
}
