// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AmountLib} from "../../../contracts/libraries/AmountLib.sol";
import {FeeLadderLib} from "../../../contracts/libraries/FeeLadderLib.sol";
import {FeeLadder} from "../../../contracts/types/Market.sol";
import {Checks} from "./Checks.sol";

/// @title AmountsTest
/// @notice Money for energy, and the fee of a line.
contract AmountsTest is Checks {
    using FeeLadderLib for FeeLadder;

    uint256 internal constant MAX_METERS = 2 ** 20 - 1;

    /* AMOUNTS */

    function testRoundsDownByLessThanOne(uint64 energyWh, uint64 price) external pure {
        uint256 exact = uint256(energyWh) * price;

        uint256 amount = AmountLib.amountDown(energyWh, price);

        VM.assertLe(amount * 1e6, exact);
        VM.assertGt((amount + 1) * 1e6, exact);
    }

    function testRoundsUpByLessThanOne(uint64 energyWh, uint64 price) external pure {
        uint256 exact = uint256(energyWh) * price;

        uint256 amount = AmountLib.amountUp(energyWh, price);

        VM.assertGe(amount * 1e6, exact);
        VM.assertLt(amount * 1e6, exact + 1e6);
    }

    function testALockCoversGoodsAndFeesOfAllItsParts(
        uint32[] calldata energies,
        uint48[] calldata prices,
        uint48 fee
    ) external pure {
        uint256 count = _min(16, _min(energies.length, prices.length));
        uint256 energyWh = 0;
        uint256 highest = 0;
        uint256 paid = 0;
        for (uint256 i = 0; i < count; ++i) {
            energyWh += energies[i];
            highest = highest < prices[i] ? prices[i] : highest;
            paid += AmountLib.amountDown(energies[i], prices[i]);
            paid += AmountLib.amountDown(energies[i], fee);
        }

        VM.assertLe(paid, AmountLib.amountUp(energyWh, highest + fee));
    }

    function testABondCoversTheCompensationsOfAllItsParts(
        uint32[] calldata missing,
        uint48 bond,
        uint48 compensation
    ) external pure {
        compensation = uint48(_between(compensation, 0, bond));
        missing = missing[:_min(missing.length, 16)];
        uint256 energyWh = 0;
        uint256 paid = 0;
        for (uint256 i = 0; i < missing.length; ++i) {
            energyWh += missing[i];
            paid += AmountLib.amountDown(missing[i], compensation);
        }

        VM.assertLe(paid, AmountLib.amountUp(energyWh, bond));
    }

    /* FEES */

    function testTheFeeIsTheSumOverItsIntervals(
        FeeLadder memory ladder,
        uint256 distance
    ) external pure {
        distance = _between(distance, 0, MAX_METERS);
        ladder.stepMeters = uint32(
            _between(ladder.stepMeters, distance / 100 + 1, type(uint32).max)
        );

        uint256 scaled = 0;
        uint256 pricePerKm = 1e4;
        for (uint256 left = distance; left != 0; pricePerKm += ladder.growthBps) {
            uint256 part = _min(left, ladder.stepMeters);
            scaled += ladder.baseMicroUsdPerMwhKm * pricePerKm * part;
            left -= part;
        }
        uint256 wanted = scaled / 1e7 + (scaled % 1e7 == 0 ? 0 : 1);

        VM.assertEq(ladder.feeUp(distance), wanted);
    }

    function testEachMetreCostsThePriceOfItsInterval(
        uint256 stepMeters,
        uint16 growthBps,
        uint256 distance
    ) external pure {
        stepMeters = _between(stepMeters, 1, type(uint32).max);
        distance = _between(distance, 0, MAX_METERS - 1);
        FeeLadder memory ladder = FeeLadder(1e7, uint32(stepMeters), growthBps);

        uint256 price = ladder.feeUp(distance + 1) - ladder.feeUp(distance);

        VM.assertEq(price, 1e4 + growthBps * (distance / stepMeters));
        VM.assertEq(ladder.feeUp(0), 0);
    }

    function testTheFeeIsRoundedUpByLessThanOne(
        FeeLadder memory ladder,
        uint256 distance
    ) external pure {
        _settle(ladder);
        distance = _between(distance, 0, MAX_METERS);
        FeeLadder memory unit = FeeLadder(1e7, ladder.stepMeters, ladder.growthBps);
        uint256 exact = ladder.baseMicroUsdPerMwhKm * unit.feeUp(distance);

        uint256 fee = ladder.feeUp(distance);

        VM.assertGe(fee * 1e7, exact);
        VM.assertLt(fee * 1e7, exact + 1e7);
    }

    function testALongerLineIsNeverCheaper(
        FeeLadder memory ladder,
        uint256 nearer,
        uint256 farther
    ) external pure {
        _settle(ladder);
        farther = _between(farther, 0, MAX_METERS);
        nearer = _between(nearer, 0, farther);

        VM.assertLe(ladder.feeUp(nearer), ladder.feeUp(farther));
    }

    function _settle(FeeLadder memory ladder) internal pure {
        if (ladder.stepMeters == 0) ladder.stepMeters = 1;
    }
}
