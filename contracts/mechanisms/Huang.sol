// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMechanism} from "../interfaces/IMechanism.sol";
import {CrossingLib} from "../libraries/CrossingLib.sol";
import {PoolLib} from "../libraries/PoolLib.sol";
import {WordsLib} from "../libraries/WordsLib.sol";

/// @title Huang
/// @notice A double auction of several units (Huang, Scheller-Wolf and Sycara, "Design of a
/// multi-unit double auction e-market", Computational Intelligence 18(4), 2002). The offer K and
/// the bid L of the last Wh at which supply and demand cross are excluded: buyers ahead of L pay
/// b_L, sellers ahead of K get s_K. The volume is the smaller sum of what remains. On the long side
/// each order is cut by the same energy, one with no more than that altogether; what that leaves to
/// be cut, one Wh each of the latest of the others.
/// @dev The certificate names the pivots, offer K and bid L, as {CrossingLib} reads them, then the
/// cut in four bytes: the largest with which no more than the excess is cut, zero where nothing
/// trades. oracle/market/huang.py is the twin.
contract Huang is IMechanism {
    using WordsLib for bytes;

    /* TYPES */

    /// @dev What one side loses: the cut, and how many of the orders that have more than it, the
    /// earliest, lose no Wh besides.
    struct Ration {
        uint256 cutWh;
        uint256 spared;
    }

    /* CONSTANTS */

    uint256 internal constant CERTIFICATE_BYTES = 12;

    /* ERRORS */

    /// @notice Thrown when the cut is not the one that the excess of the long side takes.
    error WrongCut(uint256 cutWh, uint256 excessWh);

    /* VERIFICATION */

    /// @inheritdoc IMechanism
    function verify(
        bytes calldata orders,
        bytes calldata,
        bytes calldata spokes,
        bytes calldata trades,
        uint256 realTimePrice,
        bytes calldata certificate
    ) external pure {
        if (certificate.length != CERTIFICATE_BYTES) {
            revert BadCertificate(certificate.length, CERTIFICATE_BYTES);
        }
        CrossingLib.Crossing memory crossing = CrossingLib.crossingAt(
            orders,
            spokes,
            realTimePrice,
            0,
            certificate
        );
        // The pivots agree, or both their prices are zero.
        (bytes memory fills, ) = PoolLib.fillsOf(
            orders,
            spokes,
            trades,
            crossing.offerPrice,
            crossing.bidPrice - crossing.offerPrice
        );
        Ration memory ration = _rationOf(
            orders,
            spokes,
            realTimePrice,
            crossing,
            uint32(bytes4(certificate[CrossingLib.PIVOT_BYTES:]))
        );
        _requireFills(orders, spokes, fills, realTimePrice, crossing, ration);
    }

    /// @inheritdoc IMechanism
    function parameters() external pure returns (uint256[] memory) {
        return new uint256[](0);
    }

    /* INTERNAL */

    /// @dev Nothing overflows: energies have 32 bits.
    function _rationOf(
        bytes calldata orders,
        bytes calldata spokes,
        uint256 realTimePrice,
        CrossingLib.Crossing memory crossing,
        uint256 cutWh
    ) internal pure returns (Ration memory ration) {
        bool ofOffers = crossing.supplyWh > crossing.demandWh;
        uint256 pivot = ofOffers ? crossing.offerRank : crossing.bidRank;
        uint256 entries = orders.count();
        uint256 borneWh = 0;
        uint256 bearers = 0;
        unchecked {
            uint256 excessWh =
                ofOffers
                    ? crossing.supplyWh - crossing.demandWh
                    : crossing.demandWh - crossing.supplyWh;
            if (excessWh == 0 || crossing.supplyWh == 0 || crossing.demandWh == 0) {
                if (cutWh != 0) revert WrongCut(cutWh, excessWh);
                return Ration({cutWh: 0, spared: type(uint256).max});
            }
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 energyWh, , uint256 rank) = CrossingLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice,
                    0
                );
                if (isOffer != ofOffers || rank >= pivot) continue;
                if (energyWh > cutWh) {
                    ++bearers;
                    borneWh += cutWh;
                } else borneWh += energyWh;
            }
            if (borneWh > excessWh || excessWh - borneWh >= bearers) {
                revert WrongCut(cutWh, excessWh);
            }
            return Ration({cutWh: cutWh, spared: bearers - (excessWh - borneWh)});
        }
    }

    function _requireFills(
        bytes calldata orders,
        bytes calldata spokes,
        bytes memory fills,
        uint256 realTimePrice,
        CrossingLib.Crossing memory crossing,
        Ration memory ration
    ) internal pure {
        bool ofOffers = crossing.supplyWh > crossing.demandWh;
        bool isNothing = crossing.supplyWh == 0 || crossing.demandWh == 0;
        uint256 entries = orders.count();
        uint256 bearers = 0;
        unchecked {
            for (uint256 k = 0; k < entries; ++k) {
                (bool isOffer, uint256 expectedWh, , uint256 rank) = CrossingLib.orderAt(
                    orders,
                    spokes,
                    k,
                    realTimePrice,
                    0
                );
                uint256 pivot = isOffer ? crossing.offerRank : crossing.bidRank;
                if (isNothing || rank >= pivot) expectedWh = 0;
                if (expectedWh != 0 && isOffer == ofOffers) {
                    if (expectedWh > ration.cutWh) {
                        expectedWh -= ration.cutWh;
                        if (++bearers > ration.spared) --expectedWh;
                    } else expectedWh = 0;
                }
                uint256 filledWh = fills.load(k);
                if (filledWh != expectedWh) revert PoolLib.WrongFill(k, filledWh, expectedWh);
            }
        }
    }
}
