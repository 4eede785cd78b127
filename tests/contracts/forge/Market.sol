// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Exchange} from "../../../contracts/Exchange.sol";
import {LineLease} from "../../../contracts/LineLease.sol";
import {Registry} from "../../../contracts/Registry.sol";
import {SealedExchange} from "../../../contracts/SealedExchange.sol";
import {StorageLedger} from "../../../contracts/StorageLedger.sol";
import {TestDollar} from "../../../contracts/TestDollar.sol";
import {IRegistry} from "../../../contracts/interfaces/IRegistry.sol";
import {IStorageLedger} from "../../../contracts/interfaces/IStorageLedger.sol";
import {FeeLadder, Reading, Rules} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title Market
/// @notice A whole market of four participants, the first two and the last two neighbours in one
/// word, and a guest, who has money and is no participant until it joins as the fifth: everything
/// but the exchange is deployed here. The contracts come from their artifacts, so that no test
/// compiles them a second time.
abstract contract Market is Checks {
    uint256 internal constant PROSUMERS = 4;
    uint256 internal constant GUEST = 5;
    uint32 internal constant FIRST = 1_900_000;
    uint48 internal constant REAL_TIME_PRICE = 300e6;
    uint48 internal constant PRICE_CAP = 1000e6;
    uint48 internal constant BOND = 100e6;
    uint48 internal constant COMPENSATION = 60e6;
    uint16 internal constant MEMORY = 9000;
    uint56 internal constant FULL_VALUE = 2e6;
    uint56 internal constant SEAL_BOND = 250_001;
    uint32 internal constant CHALLENGE = 1200;
    uint256 internal constant STORAGE_KEY = 0x5707;

    address internal immutable OPERATOR = makeAddress("operator");
    address internal immutable PROVIDER = makeAddress("provider");
    address internal immutable REGISTRAR = makeAddress("registrar");
    address internal immutable STRANGER = makeAddress("stranger");

    TestDollar internal dollar;
    Registry internal registry;
    LineLease internal lineLease;
    StorageLedger internal storageLedger;
    address internal mechanism;

    address[6] internal _owners = [
        address(0),
        VM.addr(_ownerKey(1)),
        VM.addr(_ownerKey(2)),
        VM.addr(_ownerKey(3)),
        VM.addr(_ownerKey(4)),
        VM.addr(_ownerKey(5))
    ];

    /// @dev Everything but the exchange, at the beginning of slot {FIRST}.
    function _deployTheRest() internal {
        VM.warp(uint256(FIRST) * 900);
        dollar = TestDollar(VM.deployCode("TestDollar.sol:TestDollar"));
        registry = Registry(
            VM.deployCode("Registry.sol:Registry", abi.encode(REGISTRAR, _founders()))
        );
        lineLease = LineLease(
            VM.deployCode("LineLease.sol:LineLease", abi.encode(PROVIDER, _ladder(), _rows(), 1))
        );
        storageLedger = StorageLedger(
            VM.deployCode(
                "StorageLedger.sol:StorageLedger",
                abi.encode(PROVIDER, VM.addr(STORAGE_KEY), _rating(), 40_000, FIRST)
            )
        );
        mechanism = VM.deployCode("PairwiseNash.sol:PairwiseNash");
    }

    function _deployOpen(uint32 challengeSeconds) internal returns (Exchange) {
        return Exchange(VM.deployCode("Exchange.sol:Exchange", _arguments(challengeSeconds)));
    }

    function _deploySealed(uint32 challengeSeconds) internal returns (SealedExchange) {
        return
            SealedExchange(
                VM.deployCode(
                    "SealedExchange.sol:SealedExchange",
                    bytes.concat(_arguments(challengeSeconds), abi.encode(SEAL_BOND))
                )
            );
    }

    function makeAddress(string memory name) internal pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(name)))));
    }

    /* PEOPLE AND THINGS */

    function _ownerKey(uint256 participant) internal pure returns (uint256) {
        return 0xA110 + participant;
    }

    function _meterKey(uint256 participant) internal pure returns (uint256) {
        return 0xBE70 + participant;
    }

    function _owner(uint256 participant) internal view returns (address) {
        return _owners[participant];
    }

    /// @dev The third and fourth belong together; the second joins with a record.
    function _founders() internal view returns (IRegistry.Participant[] memory founders) {
        founders = new IRegistry.Participant[](PROSUMERS);
        for (uint256 i = 0; i < PROSUMERS; ++i) {
            founders[i] = IRegistry.Participant({
                owner: _owner(i + 1),
                meter: VM.addr(_meterKey(i + 1)),
                group: i < 2 ? 0 : 7,
                initialScoreBps: i == 1 ? 8000 : 0
            });
        }
    }

    function _ladder() internal pure returns (FeeLadder memory) {
        return FeeLadder({baseMicroUsdPerMwhKm: 1_500_003, stepMeters: 2000, growthBps: 1234});
    }

    /// @dev Everyone has a line to everyone, but the fourth none to the first.
    function _rows() internal pure returns (uint256[] memory rows) {
        rows = new uint256[](PROSUMERS);
        for (uint256 i = 1; i <= PROSUMERS; ++i) {
            uint256 shift = 224;
            for (uint256 peer = 1; peer <= PROSUMERS; ++peer) {
                if (peer == i || (i == 4 && peer == 1)) continue;
                rows[i - 1] |= ((peer << 20) | _distance(i, peer)) << shift;
                shift -= 32;
            }
        }
    }

    function _distance(uint256 seller, uint256 buyer) internal pure returns (uint256) {
        return 777 * seller + 1501 * buyer;
    }

    function _rating() internal pure returns (IStorageLedger.StorageRating memory) {
        return
            IStorageLedger.StorageRating({
                maxSlotWh: 10_000,
                minStoredWh: 10_000,
                maxStoredWh: 90_000,
                chargeEfficiencyBps: 9300,
                dischargeEfficiencyBps: 9100,
                compensationMicroUsdPerMwh: 55e6
            });
    }

    function _rules(uint32 challengeSeconds) internal pure returns (Rules memory) {
        return
            Rules({
                priceCapMicroUsdPerMwh: PRICE_CAP,
                bondMicroUsdPerMwh: BOND,
                compensationMicroUsdPerMwh: COMPENSATION,
                memoryBps: MEMORY,
                fullValueMicroUsd: FULL_VALUE,
                challengeSeconds: challengeSeconds
            });
    }

    function _arguments(uint32 challengeSeconds) internal view returns (bytes memory) {
        return
            bytes.concat(
                abi.encode(OPERATOR, dollar, registry, lineLease, storageLedger, mechanism),
                abi.encode(REAL_TIME_PRICE, _rules(challengeSeconds))
            );
    }

    /* SIGNATURES */

    function _domain(string memory name, address target) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,string version,uint256 chainId,"
                        "address verifyingContract)"
                    ),
                    keccak256(bytes(name)),
                    keccak256("1"),
                    block.chainid,
                    target
                )
            );
    }

    function _digest(bytes32 domain, bytes memory encoded) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(encoded)));
    }

    function _reading(
        address exchange,
        uint32 slot,
        uint256 participant,
        uint256 energyWh,
        uint256 key
    ) internal view returns (Reading memory) {
        bytes32 digest = _digest(
            _domain("Wattline Exchange", exchange),
            abi.encode(
                keccak256("Reading(uint32 slot,uint16 participant,uint32 energyWh)"),
                slot,
                participant,
                energyWh
            )
        );
        (bytes32 r, bytes32 vs) = VM.signCompact(key, digest);
        return Reading(uint16(participant), uint32(energyWh), r, vs);
    }

    function _storageSignature(
        uint32 slot,
        uint64 chargeWh,
        uint64 dischargeWh
    ) internal view returns (bytes memory) {
        bytes32 digest = _digest(
            _domain("Wattline StorageLedger", address(storageLedger)),
            abi.encode(
                keccak256("StorageReading(uint32 slot,uint64 chargeWh,uint64 dischargeWh)"),
                slot,
                chargeWh,
                dischargeWh
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(STORAGE_KEY, digest);
        return abi.encodePacked(r, s, v);
    }
}
