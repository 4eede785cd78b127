// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {HeldRole} from "../HeldRole.sol";
import {IExchange} from "../interfaces/IExchange.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {AccountLib} from "../libraries/AccountLib.sol";
import {ReputationLib} from "../libraries/ReputationLib.sol";
import {Account, Slot} from "../types/Market.sol";

/// @title Accounts
/// @notice Money in, money out, and one word per account.
/// @dev A pause stops deposits and new orders; what is recorded goes its way, and money out.
abstract contract Accounts is IExchange, HeldRole, Pausable, ReentrancyGuardTransient {
    using AccountLib for Account;
    using SafeERC20 for IERC20;

    /* TYPES */

    /// @dev A word that can be pointed at, so that its place is computed once.
    struct Holder {
        Account account;
    }

    /* IMMUTABLES */

    /// @notice The ERC-20 with 6 decimals that everything is paid in.
    IERC20 public immutable token;

    /// @notice The participants.
    IRegistry public immutable registry;

    /// @notice The share of a reputation's past that a full-value slot keeps, in basis points.
    uint16 public immutable memoryBps;

    /* STORAGE */

    mapping(address owner => Holder) internal _accounts;

    /* CONSTRUCTOR */

    constructor(IERC20 token_, IRegistry registry_, uint16 memoryBps_) {
        if (memoryBps_ > ReputationLib.MAX_MEMORY_BPS) revert BadRules();
        token = token_;
        registry = registry_;
        memoryBps = memoryBps_;
    }

    /* MONEY */

    /// @inheritdoc IExchange
    function deposit(uint256 amount) external nonReentrant whenNotPaused {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = token.balanceOf(address(this));
        if (held > AccountLib.MAX_MONEY) revert ExchangeFull(held, AccountLib.MAX_MONEY);
        uint256 arrived = held - before;

        Holder storage holder = _accounts[msg.sender];
        Account account = holder.account;
        _keep(msg.sender, holder, account, _enrolled(msg.sender, account).credit(arrived));

        emit Deposited(msg.sender, arrived);
    }

    /// @inheritdoc IExchange
    function withdraw(uint256 amount) external nonReentrant {
        _accounts[msg.sender].account = _accounts[msg.sender].account.debit(amount);

        emit Withdrawn(msg.sender, amount);

        token.safeTransfer(msg.sender, amount);
    }

    /* PAUSE */

    /// @inheritdoc IExchange
    function pause() external onlyOwner {
        _pause();
    }

    /// @inheritdoc IExchange
    function unpause() external onlyOwner {
        _unpause();
    }

    /* VIEWS */

    /// @inheritdoc IExchange
    function accountOf(
        address owner
    ) external view returns (uint256 free, uint256 locked, uint256 participant, uint256 scoreBps) {
        Account account = _accounts[owner].account;
        (uint256 r, uint256 s) = account.reputation();
        return (account.free(), account.locked(), account.id(), ReputationLib.scoreBps(r, s));
    }

    /// @inheritdoc IExchange
    function nonceOf(address owner) external view returns (uint256) {
        return _accounts[owner].account.nonce();
    }

    /// @inheritdoc IExchange
    function reputationOf(address owner) external view returns (uint256 r, uint256 s) {
        return _accounts[owner].account.reputation();
    }

    /// @inheritdoc IExchange
    function hasOrder(address owner, Slot slot) external view returns (bool) {
        return _accounts[owner].account.hasOrder(slot);
    }

    /* INTERNAL */

    /// @dev The account with its participant's number and reputation, if its owner has one.
    function _enrolled(address owner, Account account) internal view returns (Account) {
        if (account.id() != 0) return account;
        (uint16 participant, Slot from, uint16 initialScoreBps) = registry.participantOf(owner);
        if (participant == 0) return account;
        (uint256 r, uint256 s) = ReputationLib.initial(initialScoreBps, memoryBps);
        return account.enrolled(participant, from, r, s);
    }

    /// @dev Stores an account, and says so where it has become that of a participant.
    function _keep(address owner, Holder storage holder, Account before, Account account) internal {
        holder.account = account;
        if (before.id() == account.id()) return;
        (uint256 r, uint256 s) = account.reputation();
        emit Enrolled(owner, uint16(account.id()), r, s);
    }
}
