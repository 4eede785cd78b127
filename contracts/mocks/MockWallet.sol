// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title MockWallet
/// @notice A contract wallet that one key speaks for, and that misbehaves in ways to choose from.
contract MockWallet is IERC1271 {
    /// @notice What the wallet does when it is asked for a signature.
    enum Manner {
        Honest,
        Refusing,
        Reverting,
        BurningGas,
        Junk,
        Flooding,
        Empty,
        Reentrant
    }

    /// @notice The key that signs for the wallet.
    address public immutable key;

    Manner internal _manner;
    address internal _target;
    bytes internal _callback;

    constructor(address key_) {
        key = key_;
    }

    /// @notice Chooses how the wallet behaves; `callback` is what it calls `target` with, if asked.
    function behave(Manner manner, address target, bytes calldata callback) external {
        _manner = manner;
        _target = target;
        _callback = callback;
    }

    /// @notice Calls `target` in the wallet's name.
    function act(address target, bytes calldata call) external {
        Address.functionCall(target, call);
    }

    // solhint-disable code-complexity, reason-string, gas-custom-errors, no-empty-blocks
    /// @inheritdoc IERC1271
    function isValidSignature(
        bytes32 hash,
        bytes calldata signature
    ) external view returns (bytes4) {
        if (_manner == Manner.Refusing) return 0xffffffff;
        if (_manner == Manner.Reverting) revert();
        if (_manner == Manner.BurningGas) {
            for (uint256 i = 1; i > 0; ++i) {}
        }
        if (_manner == Manner.Junk) _answer(type(uint256).max, 32);
        if (_manner == Manner.Flooding) _answer(type(uint256).max, 20_000);
        if (_manner == Manner.Empty) _answer(0, 0);
        if (_manner == Manner.Reentrant) _reenter();
        (address signer, , ) = ECDSA.tryRecover(hash, signature);
        return signer == key ? IERC1271.isValidSignature.selector : bytes4(0);
    }
    // solhint-enable code-complexity, reason-string, gas-custom-errors, no-empty-blocks

    function _answer(uint256 word, uint256 size) internal pure {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let place := mload(0x40)
            mstore(place, word)
            return(place, size)
        }
    }

    /// @dev What is called from a view can change nothing, and whoever tries loses the gas.
    function _reenter() internal view {
        // solhint-disable-next-line avoid-low-level-calls
        (bool done, ) = _target.staticcall(_callback);
        assert(!done);
    }
}
