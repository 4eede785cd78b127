// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SealedExchange} from "../SealedExchange.sol";
import {ILineLease} from "../interfaces/ILineLease.sol";
import {IMechanism} from "../interfaces/IMechanism.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {IStorageLedger} from "../interfaces/IStorageLedger.sol";
import {WordsLib} from "../libraries/WordsLib.sol";
import {FeeLadder, Order, Rules, Slot, Trade} from "../types/Market.sol";
import {MockLineLease} from "./MockLineLease.sol";

/// @title ClearingHarness
/// @notice The checks of {Clearing} on any book and any lines, without a slot that holds them.
/// @dev {SealedExchange} leaves room for it in a contract, {Exchange} does not.
contract ClearingHarness is SealedExchange {
    using WordsLib for Trade[];

    /// @notice A book and what else a round depends on.
    struct Round {
        Order[] book;
        uint256[] rows;
        uint256 rowWords;
        uint256[] capacities;
        FeeLadder ladder;
        uint48 realTimePrice;
    }

    /// @notice An outcome of a round.
    struct Outcome {
        Trade[] trades;
        bytes certificate;
    }

    /// @param lineLease A {MockLineLease}.
    /// @param mechanism The mechanism that judges.
    /// @param rules The constants.
    constructor(
        ILineLease lineLease,
        address mechanism,
        Rules memory rules
    )
        SealedExchange(
            msg.sender,
            IERC20(address(0)),
            IRegistry(address(0)),
            lineLease,
            IStorageLedger(address(0)),
            mechanism,
            0,
            rules,
            1
        )
    {}

    /// @notice The live orders, the edges and the spokes of a round, 32 bytes each.
    function roundOf(
        Round calldata round
    ) external returns (bytes memory orders, bytes memory edges, bytes memory spokes) {
        _setLines(round);
        return _roundOf(Slot.wrap(0), round.book, round.realTimePrice);
    }

    /// @notice What each outcome of a round is refused with; nothing where it is accepted.
    function refusals(
        Round calldata round,
        Outcome[] calldata outcomes
    ) external returns (bytes[] memory errors) {
        _setLines(round);
        errors = new bytes[](outcomes.length);
        for (uint256 i = 0; i < outcomes.length; ++i) {
            // solhint-disable-next-line avoid-low-level-calls
            (, errors[i]) = address(this).call(abi.encodeCall(this.check, (round, outcomes[i])));
        }
    }

    /// @notice Reverts as {Clearing} does unless the outcome is the round's.
    function check(Round calldata round, Outcome calldata outcome) external view {
        (bytes memory orders, bytes memory edges, bytes memory spokes) = _roundOf(
            Slot.wrap(0),
            round.book,
            round.realTimePrice
        );
        _requireFeasible(orders, edges, spokes, outcome.trades, round.realTimePrice);
        IMechanism(mechanismOf(Slot.wrap(0))).verify(
            orders,
            edges,
            spokes,
            outcome.trades.asBytes(),
            round.realTimePrice,
            outcome.certificate
        );
    }

    function _setLines(Round calldata round) internal {
        MockLineLease(address(lineLease)).set(
            round.rows,
            round.rowWords,
            round.capacities,
            round.ladder
        );
    }
}
