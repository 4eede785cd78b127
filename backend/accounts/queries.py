"""Accounts from the index: sums of their movements."""

from typing import Any

from sqlalchemy import func, select

from backend.accounts.schemas import AccountFilter, AccountRead, EntryFilter, EntryRead
from backend.index.tables import AccountEntry, Block, Participant
from backend.index_view import View, instant
from backend.pagination import cut, decoded_as, equal_to, read_page

FREE, LOCKED = (
    func.sum(AccountEntry.free_micro_usd).label("free"),
    func.sum(AccountEntry.locked_micro_usd).label("locked"),
)


def accounts(view: View, query: AccountFilter) -> tuple[list[AccountRead], str | None]:
    """Return a page of accounts, by owner."""
    owner = AccountEntry.owner
    statement = select(owner, FREE, LOCKED).group_by(owner).order_by(owner)
    if query.cursor is not None:
        statement = statement.where(owner > decoded_as(query.cursor, (str,))[0])
    rows, cursor = cut(
        view.session.execute(statement.limit(query.limit + 1)).all(),
        query.limit,
        lambda row: [row.owner],
    )
    return _accounts(view, rows), cursor


def account(view: View, owner: str) -> AccountRead | None:
    """Return an account; None of who never moved money and takes no part."""
    row = view.session.execute(
        select(AccountEntry.owner, FREE, LOCKED)
        .where(AccountEntry.owner == owner)
        .group_by(AccountEntry.owner)
    ).first()
    if row is not None:
        return _accounts(view, [row])[0]
    known = view.session.scalars(select(Participant).where(Participant.owner == owner)).first()
    if known is None:
        return None
    return AccountRead(
        owner=owner,
        participant=known.number,
        name=known.name,
        free_micro_usd=0,
        locked_micro_usd=0,
    )


def free_money(view: View, owner: str) -> int:
    """Return what an owner can withdraw, in micro-USD."""
    free = view.session.scalar(
        select(func.sum(AccountEntry.free_micro_usd)).where(AccountEntry.owner == owner)
    )
    return int(free or 0)


def entries(view: View, owner: str, query: EntryFilter) -> tuple[list[EntryRead], str | None]:
    """Return a page of an account's movements, the latest first."""
    statement = (
        select(AccountEntry, Block.time)
        .join(Block, Block.number == AccountEntry.block)
        .where(*equal_to(AccountEntry, owner=owner, slot=query.slot, cause=query.cause))
    )
    key = (AccountEntry.block, AccountEntry.log_index, AccountEntry.sequence)
    rows, cursor = read_page(view.session, statement, key, query, descending=True)
    return [_entry(entry, time) for entry, time in rows], cursor


def _accounts(view: View, rows: Any) -> list[AccountRead]:
    owners = [row.owner for row in rows]
    known = {
        one.owner: one
        for one in view.session.scalars(select(Participant).where(Participant.owner.in_(owners)))
    }
    return [
        AccountRead(
            owner=row.owner,
            participant=known[row.owner].number if row.owner in known else None,
            name=known[row.owner].name if row.owner in known else None,
            free_micro_usd=int(row.free),
            locked_micro_usd=int(row.locked),
        )
        for row in rows
    ]


def _entry(entry: AccountEntry, time: int) -> EntryRead:
    return EntryRead.model_construct(
        block=entry.block,
        log_index=entry.log_index,
        sequence=entry.sequence,
        at=instant(time),
        slot=entry.slot,
        cause=entry.cause,
        free_micro_usd=entry.free_micro_usd,
        locked_micro_usd=entry.locked_micro_usd,
        transaction_hash=entry.transaction_hash,
    )
