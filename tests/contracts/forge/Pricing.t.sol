// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {NashPriceLib} from "../../../contracts/libraries/NashPriceLib.sol";
import {ReputationLib} from "../../../contracts/libraries/ReputationLib.sol";
import {Checks} from "./Checks.sol";

/// @title PricingTest
/// @notice The Nash price and the reputation that enters it.
contract PricingTest is Checks {
    uint256 internal constant BPS = 1e4;
    uint256 internal constant ONE = 32_768;

    /// @dev 1 / (1 − 0.96), in units of 1 / ONE: where s ends up with the longest memory.
    uint256 internal constant MOST = 25 * ONE;

    struct Sample {
        uint48 cost;
        uint48 utility;
        uint32 saturation;
        uint16 weight;
        uint256 served;
        uint16 score;
        uint48 fee;
    }

    /* PRICE */

    function testThePriceIsWithinItsLimits(
        Sample memory sample,
        uint48 low,
        uint48 high
    ) external pure {
        if (low > high) (low, high) = (high, low);

        uint256 price = _price(sample, low, high);

        VM.assertGe(price, low);
        VM.assertLe(price, high);
    }

    function testThePriceIsTheNearestAndHalvesGoDown(Sample memory sample) external pure {
        sample.saturation = uint32(_between(sample.saturation, 1, type(uint32).max));
        sample.weight = uint16(_between(sample.weight, 1, BPS));
        (int256 numerator, int256 divisor) = _exact(sample);

        int256 price = int256(_price(sample, 0, type(uint128).max));

        if (numerator <= 0) {
            VM.assertTrue(price == 0);
        } else {
            VM.assertTrue(2 * (price * divisor - numerator) < divisor);
            VM.assertTrue(2 * (numerator - price * divisor) <= divisor);
        }
    }

    function testClippingIsAllThatLimitsDo(
        Sample memory sample,
        uint48 low,
        uint48 high
    ) external pure {
        sample.saturation = uint32(_between(sample.saturation, 1, type(uint32).max));
        sample.weight = uint16(_between(sample.weight, 1, BPS));
        if (low > high) (low, high) = (high, low);

        uint256 free = _price(sample, 0, type(uint128).max);
        uint256 wanted = free < low ? low : free;

        VM.assertEq(_price(sample, low, high), _min(wanted, high));
    }

    function testABuyerWithoutTastesPaysTheHighestPrice(
        Sample memory sample,
        uint48 high
    ) external pure {
        if (sample.weight != 0 && sample.weight <= BPS) sample.saturation = 0;

        VM.assertEq(_price(sample, 0, high), high);
    }

    function testTheCostIsTheLowest48BitsOfTheTerms(uint96 terms) external pure {
        VM.assertEq(NashPriceLib.costOf(terms), terms % 2 ** 48);
    }

    /* REPUTATION */

    function testAReputationStaysInRange(
        uint256 r,
        uint256 s,
        uint256 memory_,
        uint256 weight,
        uint64 deliveredWh,
        uint64 soldWh
    ) external pure {
        s = _between(s, 0, MOST);
        r = _between(r, 0, s);
        soldWh = uint64(_between(soldWh, 1, type(uint64).max));
        (r, s) = ReputationLib.updated(
            r,
            s,
            _between(memory_, 0, 9600),
            _between(weight, 0, BPS),
            _between(deliveredWh, 0, soldWh),
            soldWh
        );

        VM.assertLe(r, s);
        VM.assertLe(s, MOST);
        VM.assertLt(MOST, 2 ** 20);
        VM.assertGt(ReputationLib.scoreBps(r, s), 0);
        VM.assertLt(ReputationLib.scoreBps(r, s), BPS);
    }

    function testAReputationStaysInRangeForever(
        uint256 score,
        uint256 memory_,
        uint32[] calldata slots
    ) external pure {
        memory_ = _between(memory_, 0, 9600);
        (uint256 r, uint256 s) = ReputationLib.initial(_score(score), memory_);
        for (uint256 i = 0; i < _min(slots.length, 24); ++i) {
            uint256 weight = uint256(slots[i] >> 16) % (BPS + 1);
            uint256 deliveredWh = slots[i] % 1001;
            (r, s) = ReputationLib.updated(r, s, memory_, weight, deliveredWh, 1000);
            VM.assertLe(r, s);
            VM.assertLe(s, (ONE * BPS) / (BPS - memory_));
        }
    }

    function testTheSumsFollowTheirRecursion(
        uint256 r,
        uint256 s,
        uint256 memory_,
        uint256 weight,
        uint64 deliveredWh,
        uint64 soldWh
    ) external pure {
        s = _between(s, 0, MOST);
        r = _between(r, 0, s);
        memory_ = _between(memory_, 0, 9600);
        weight = _between(weight, 0, BPS);
        soldWh = uint64(_between(soldWh, 1, type(uint64).max));
        deliveredWh = uint64(_between(deliveredWh, 0, soldWh));

        (uint256 nextR, uint256 nextS) = ReputationLib.updated(
            r,
            s,
            memory_,
            weight,
            deliveredWh,
            soldWh
        );

        uint256 lost = weight * (BPS - memory_);
        VM.assertEq(nextR, r - _up(r * lost, 1e8) + (weight * ONE * deliveredWh) / (BPS * soldWh));
        VM.assertEq(nextS, s - _up(s * lost, 1e8) + (weight * ONE) / BPS);
    }

    function testTheScoreIsRoundedDown(uint256 r, uint256 s) external pure {
        s = _between(s, 0, 2 ** 20 - 1);
        r = _between(r, 0, s);

        uint256 score = ReputationLib.scoreBps(r, s);

        VM.assertLe(score * (s + 2 * ONE), (r + ONE) * BPS);
        VM.assertGt((score + 1) * (s + 2 * ONE), (r + ONE) * BPS);
    }

    function testDeliveringAllNeverLowersAScoreNorNothingRaisesIt(
        uint256 r,
        uint256 s,
        uint256 memory_,
        uint256 weight
    ) external pure {
        memory_ = _between(memory_, 0, 9600);
        s = _between(s, 0, (ONE * BPS) / (BPS - memory_));
        r = _between(r, 0, s);
        weight = _between(weight, 0, BPS);
        uint256 before = ReputationLib.scoreBps(r, s);

        (uint256 goodR, uint256 goodS) = ReputationLib.updated(r, s, memory_, weight, 9, 9);
        (uint256 badR, uint256 badS) = ReputationLib.updated(r, s, memory_, weight, 0, 9);

        // The sums are rounded down, which may cost one basis point.
        VM.assertGe(ReputationLib.scoreBps(goodR, goodS) + 1, before);
        VM.assertLe(ReputationLib.scoreBps(badR, badS), before + 1);
        VM.assertLe(badR, goodR);
        VM.assertEq(badS, goodS);
    }

    function testAnInitialScoreIsMetWhereTheMemoryAllows(
        uint256 score,
        uint256 memory_
    ) external pure {
        memory_ = _between(memory_, 0, 9600);
        score = _between(score, 500, 9500);
        (uint256 r, uint256 s) = ReputationLib.initial(score, memory_);

        uint256 reached = ReputationLib.scoreBps(r, s);

        VM.assertEq(s, (ONE * BPS) / (BPS - memory_));
        VM.assertLe(r, s);
        if (r == 0) VM.assertGe(reached, score);
        else if (r == s) VM.assertLe(reached, score);
        else VM.assertEq(reached, score);
    }

    function testWhoHasNoRecordBeginsInTheMiddle(uint256 memory_) external pure {
        (uint256 r, uint256 s) = ReputationLib.initial(0, memory_);

        VM.assertEq(r + s, 0);
        VM.assertEq(ReputationLib.scoreBps(r, s), BPS / 2);
    }

    function testAWeightIsTheShareOfTheFullValue(uint128 value, uint56 full) external pure {
        full = uint56(_between(full, 1, type(uint56).max));

        uint256 weight = ReputationLib.weightDown(value, full);

        if (value >= full) {
            VM.assertEq(weight, BPS);
        } else {
            VM.assertLe(weight * full, value * BPS);
            VM.assertGt((weight + 1) * full, value * BPS);
        }
    }

    /* INTERNAL */

    function _score(uint256 value) internal pure returns (uint256) {
        return value % 10 == 0 ? 0 : _between(value, 500, 9500);
    }

    function _up(uint256 value, uint256 divisor) internal pure returns (uint256) {
        return value / divisor + (value % divisor == 0 ? 0 : 1);
    }

    function _price(
        Sample memory sample,
        uint256 low,
        uint256 high
    ) internal pure returns (uint256) {
        sample.served = _between(sample.served, 1, 2 ** 42 - 1);
        uint256 terms =
            (uint256(sample.utility) << 48) | (uint256(sample.saturation) << 16) | sample.weight;
        return
            NashPriceLib.price(
                sample.cost,
                terms,
                sample.served,
                sample.score,
                sample.fee,
                low,
                high
            );
    }

    /// @dev ½ { c + [ k (1 − P / 2 P_sat) + w₂ R / P ] / w₁ − F } as a fraction, checked.
    function _exact(Sample memory sample) internal pure returns (int256 numerator, int256 divisor) {
        sample.served = _between(sample.served, 1, 2 ** 42 - 1);
        int256 served = int256(sample.served);
        int256 saturation = int256(uint256(sample.saturation));
        int256 weight = int256(uint256(sample.weight));
        int256 utility = int256(uint256(sample.utility));
        int256 score = int256(uint256(sample.score));
        int256 own = int256(uint256(sample.cost)) - int256(uint256(sample.fee));
        divisor = 4 * saturation * weight * served;
        numerator =
            (own * divisor) / 2 +
            utility * 1e4 * served * (2 * saturation - served) +
            (1e4 - weight) * score * 1e8 * 2 * saturation;
    }
}
