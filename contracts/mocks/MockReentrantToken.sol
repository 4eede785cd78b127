// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title MockReentrantToken
/// @notice A token that owns an account of the exchange and calls back during every transfer.
contract MockReentrantToken is ERC20("Reentrant", "RE") {
    bytes internal _callback;

    /// @notice Gives `amount` to `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Calls `exchange` in the token's own name; `callback` follows during the transfers.
    function act(address exchange, bytes calldata call, bytes calldata callback) external {
        _approve(address(this), exchange, type(uint256).max);
        _callback = callback;
        Address.functionCall(exchange, call);
        _callback = "";
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_callback.length != 0) Address.functionCall(msg.sender, _callback);
    }
}
