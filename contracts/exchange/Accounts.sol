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
import {Account, AccountPair, MAX_PARTICIPANTS, Slot} from "../types/Market.sol";

/// @title Accounts
/// @notice Money in, money out, and half a word per participant's account.
/// @dev A pause stops deposits and new orders; what is recorded goes its way, and money out.
abstract contract Accounts is IExchange, HeldRole, Pausable, ReentrancyGuardTransient {
    using AccountLib for Account;
    using AccountLib for AccountPair;
    using SafeERC20 for IERC20;

    /* TYPES */

    /// @dev A word that can be pointed at, so that its place is computed once.
    struct Cell {
        AccountPair pair;
    }

    /// @dev What an address has besides its participant's account, or without one. `free` is the
    /// money of who is no participant.
    struct Holder {
        uint64 free;
        uint32 nonce;
        uint16 participant;
        Slot firstSlot;
    }

    /* IMMUTABLES */

    /// @notice The ERC-20 with 6 decimals that everything is paid in.
    IERC20 public immutable token;

    /// @notice The participants.
    IRegistry public immutable registry;

    /// @notice The share of a reputation's past that a full-value slot keeps, in basis points.
    uint16 public immutable memoryBps;

    /* STORAGE */

    mapping(address owner => Holder) internal _holders;
    Cell[MAX_PARTICIPANTS / 2] internal _cells;

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

        _enroll(msg.sender);
        _credit(msg.sender, arrived);

        emit Deposited(msg.sender, arrived);
    }

    /// @inheritdoc IExchange
    function withdraw(uint256 amount) external nonReentrant {
        _debit(msg.sender, amount);

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
    ) external view returns (uint256 free, uint256 participant, uint256 scoreBps) {
        (uint256 r, uint256 s) = reputationOf(owner);
        return (_freeOf(owner), _holders[owner].participant, ReputationLib.scoreBps(r, s));
    }

    /// @inheritdoc IExchange
    function nonceOf(address owner) external view returns (uint256) {
        return _holders[owner].nonce;
    }

    /// @inheritdoc IExchange
    function reputationOf(address owner) public view returns (uint256 r, uint256 s) {
        uint256 participant = _holders[owner].participant;
        return participant == 0 ? (0, 0) : _accountOf(participant).reputation();
    }

    /* INTERNAL */

    /// @dev Where a participant's account lies.
    function _cellOf(uint256 participant) internal view returns (Cell storage) {
        unchecked {
            return _cells[(participant - 1) >> 1];
        }
    }

    function _accountOf(uint256 participant) internal view returns (Account) {
        return _cellOf(participant).pair.get(participant);
    }

    function _setAccount(uint256 participant, Account account) internal {
        Cell storage cell = _cellOf(participant);
        cell.pair = cell.pair.set(participant, account);
    }

    function _freeOf(address owner) internal view returns (uint256) {
        uint256 participant = _holders[owner].participant;
        return participant == 0 ? _holders[owner].free : _accountOf(participant).free();
    }

    /// @dev Assumes that the money fits.
    function _setFree(address owner, uint256 money) internal {
        uint256 participant = _holders[owner].participant;
        if (participant == 0) {
            _holders[owner].free = uint64(money);
        } else {
            _setAccount(participant, _accountOf(participant).withFree(money));
        }
    }

    function _credit(address owner, uint256 amount) internal {
        _setFree(owner, AccountLib.sum(_freeOf(owner), amount));
    }

    function _debit(address owner, uint256 amount) internal {
        _setFree(owner, AccountLib.difference(_freeOf(owner), amount));
    }

    /// @dev The participant's number, zero if there is none. Opens its account where it has none
    /// yet, with what money it has and the reputation it joins with.
    function _enroll(address owner) internal returns (uint256 participant) {
        Holder storage holder = _holders[owner];
        participant = holder.participant;
        if (participant != 0) return participant;
        uint16 initialScoreBps;
        Slot firstSlot;
        (participant, firstSlot, initialScoreBps) = registry.participantOf(owner);
        if (participant == 0) return 0;
        (uint256 r, uint256 s) = ReputationLib.initial(initialScoreBps, memoryBps);
        _setAccount(participant, AccountLib.opened(holder.free, r, s));
        holder.free = 0;
        holder.participant = uint16(participant);
        holder.firstSlot = firstSlot;

        emit Enrolled(owner, uint16(participant), r, s);
    }

    /// @dev The caller's number, if it may order for `slot`.
    function _requireParticipant(Slot slot) internal returns (uint256 participant) {
        Holder storage holder = _holders[msg.sender];
        Slot firstSlot = holder.firstSlot;
        participant = holder.participant;
        if (participant == 0) {
            participant = _enroll(msg.sender);
            if (participant == 0) revert NotAParticipant(msg.sender);
            firstSlot = holder.firstSlot;
        }
        if (Slot.unwrap(slot) < Slot.unwrap(firstSlot)) revert NotYetParticipant(slot, firstSlot);
    }
}
