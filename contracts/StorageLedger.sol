// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {HeldRole} from "./HeldRole.sol";
import {IStorageLedger} from "./interfaces/IStorageLedger.sol";
import {AmountLib} from "./libraries/AmountLib.sol";
import {SlotLib} from "./libraries/SlotLib.sol";
import {Slot} from "./types/Market.sol";

/// @title StorageLedger
/// @notice See {IStorageLedger}.
/// @dev Holds no money: the compensation moves inside the exchange.
contract StorageLedger is IStorageLedger, HeldRole, EIP712 {
    /* TYPES */

    struct Entry {
        uint64 chargeWh;
        uint64 dischargeWh;
        uint64 storedWh;
    }

    /// @dev One word: what the next record needs.
    struct State {
        uint64 storedWh;
        uint32 nextSlot;
        uint128 throughputWh;
    }

    /* CONSTANTS */

    uint256 internal constant BPS = 1e4;
    bytes32 internal constant READING_TYPEHASH = keccak256(
        "StorageReading(uint32 slot,uint64 chargeWh,uint64 dischargeWh)"
    );

    /* IMMUTABLES */

    /// @notice The key that signs the records.
    address public immutable meter;

    /// @notice The most energy charged or discharged in a slot, in Wh.
    uint64 public immutable maxSlotWh;

    /// @notice The least energy that stays stored, in Wh.
    uint64 public immutable minStoredWh;

    /// @notice The most energy that can be stored, in Wh.
    uint64 public immutable maxStoredWh;

    /// @notice One-way efficiency of charging, in basis points.
    uint16 public immutable chargeEfficiencyBps;

    /// @notice One-way efficiency of discharging, in basis points.
    uint16 public immutable dischargeEfficiencyBps;

    /// @notice What the operator pays per MWh of throughput, in micro-USD.
    uint64 public immutable compensationMicroUsdPerMwh;

    /* STORAGE */

    State internal _state;
    mapping(Slot slot => Entry) internal _entries;

    /* CONSTRUCTOR */

    /// @param provider Who earns the compensation.
    /// @param storageMeter The key that signs the records.
    /// @param rating Limits, efficiencies and compensation.
    /// @param initialWh The energy stored before the first slot.
    /// @param firstSlot The first slot to be recorded.
    constructor(
        address provider,
        address storageMeter,
        StorageRating memory rating,
        uint64 initialWh,
        Slot firstSlot
    ) Ownable(provider) EIP712("Wattline StorageLedger", "1") {
        bool lossless = rating.chargeEfficiencyBps <= BPS && rating.dischargeEfficiencyBps <= BPS;
        bool inside = rating.minStoredWh <= initialWh && initialWh <= rating.maxStoredWh;
        if (!lossless || !inside || rating.dischargeEfficiencyBps == 0) revert BadRating();
        meter = storageMeter;
        maxSlotWh = rating.maxSlotWh;
        minStoredWh = rating.minStoredWh;
        maxStoredWh = rating.maxStoredWh;
        chargeEfficiencyBps = rating.chargeEfficiencyBps;
        dischargeEfficiencyBps = rating.dischargeEfficiencyBps;
        compensationMicroUsdPerMwh = rating.compensationMicroUsdPerMwh;
        _state = State(initialWh, Slot.unwrap(firstSlot), 0);
    }

    /* RECORDS */

    /// @inheritdoc IStorageLedger
    function record(
        Slot slot,
        uint64 chargeWh,
        uint64 dischargeWh,
        bytes calldata signature
    ) external {
        State memory state = _state;
        if (Slot.unwrap(slot) != state.nextSlot) {
            revert NotNextSlot(slot, Slot.wrap(state.nextSlot));
        }
        if (block.timestamp < SlotLib.endsAt(slot)) revert SlotNotOver(slot, SlotLib.endsAt(slot));
        _requireMeter(slot, chargeWh, dischargeWh, signature);

        uint64 stored = _storedAfter(state.storedWh, chargeWh, dischargeWh);
        _state = State(stored, state.nextSlot + 1, state.throughputWh + chargeWh + dischargeWh);
        _entries[slot] = Entry(chargeWh, dischargeWh, stored);

        emit StorageRecorded(slot, chargeWh, dischargeWh, stored);
    }

    /* VIEWS */

    /// @inheritdoc IStorageLedger
    function recordOf(Slot slot) external view returns (uint64, uint64, uint64) {
        Entry memory entry = _entries[slot];
        return (entry.chargeWh, entry.dischargeWh, entry.storedWh);
    }

    /// @inheritdoc IStorageLedger
    function storedWh() external view returns (uint64) {
        return _state.storedWh;
    }

    /// @inheritdoc IStorageLedger
    function nextSlot() external view returns (Slot) {
        return Slot.wrap(_state.nextSlot);
    }

    /// @inheritdoc IStorageLedger
    function compensationEarned() external view returns (uint256) {
        return AmountLib.amountDown(_state.throughputWh, compensationMicroUsdPerMwh);
    }

    /// @inheritdoc IStorageLedger
    function owner() public view override(IStorageLedger, Ownable) returns (address) {
        return super.owner();
    }

    /* INTERNAL */

    function _requireMeter(
        Slot slot,
        uint64 chargeWh,
        uint64 dischargeWh,
        bytes calldata signature
    ) internal view {
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(READING_TYPEHASH, slot, chargeWh, dischargeWh))
        );
        (address signer, , ) = ECDSA.tryRecover(digest, signature);
        if (signer != meter || signer == address(0)) revert NotTheStorageMeter(signer);
    }

    /// @dev Equation (6) in integers; the gain is rounded down and the drain up.
    function _storedAfter(
        uint64 before,
        uint64 chargeWh,
        uint64 dischargeWh
    ) internal view returns (uint64) {
        if (chargeWh != 0 && dischargeWh != 0) revert ChargeAndDischarge(chargeWh, dischargeWh);
        uint64 energy = chargeWh + dischargeWh;
        if (energy > maxSlotWh) revert AbovePower(energy, maxSlotWh);
        uint256 filled = before + (uint256(chargeWh) * chargeEfficiencyBps) / BPS;
        uint256 drain =
            (uint256(dischargeWh) * BPS + dischargeEfficiencyBps - 1) / dischargeEfficiencyBps;
        if (filled > maxStoredWh) revert AboveMaximum(filled, maxStoredWh);
        if (filled < drain + minStoredWh) revert BelowMinimum(filled, drain, minStoredWh);
        return uint64(filled - drain);
    }
}
