"""
The desk where signed readings are handed in: checked here, recorded together with others.

Whoever hands one in waits for its transaction, so that nothing has to be remembered here. The
contract passes over a reading of a meter that has spoken already, without a word: only the entries
that a transaction recorded say which it took.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass

import structlog
from anyio.to_thread import run_sync
from sqlalchemy import select

from backend.chain import Posted, ReadingToPost
from backend.errors import (
    AttemptsSpent,
    ChainUnavailable,
    InternalError,
    NotAParticipant,
    OutboxFull,
    OutsideReadingTime,
    ReadingExists,
    ServiceError,
    WrongMeter,
)
from backend.index.tables import Reading, Settlement
from backend.index_view import READING_SECONDS, IndexReader, View, instant
from backend.market.schemas import MarketManifest
from backend.market.service import DOMAIN_NAME
from backend.orders.desk import RETRY_S, require_here, signature_bytes
from backend.participants.queries import meter_of
from backend.postings import Postings
from backend.readings.schemas import ReadingPost, ReadingPosted
from oracle.audit.typed_data import domain_hash, reading_digest, signer_of
from oracle.errors import ChainError, ContractRevert
from oracle.units import SLOT_SECONDS, Slot, Wh

log = structlog.get_logger("wattline.service")

TOGETHER = 100  # in one transaction
OF_THE_SLOT = frozenset({"OutsideReadingTime", "WrongPhase"})  # whoever's readings they are
READ_SLOTS = 8  # that may still take readings, at most


@dataclass(frozen=True, slots=True)
class _Waiting:
    reading: ReadingToPost
    answer: asyncio.Future[Posted]


class ReadingDesk:
    """Takes signed readings for one market."""

    def __init__(
        self,
        manifest: MarketManifest,
        index: IndexReader,
        postings: Postings | None,
        *,
        limit: int,
        attempts_per_slot: int,
        delay_s: float,
    ) -> None:
        self._manifest = manifest
        self._index = index
        self._postings = postings
        self._limit = limit
        self._attempts = attempts_per_slot
        self._delay_s = delay_s
        self._domain = domain_hash(
            DOMAIN_NAME, manifest.chain_id, manifest.addresses["Exchange"].lower()
        )
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._carried: Counter[tuple[int, int]] = Counter()  # by slot and participant

    async def take(self, body: ReadingPost) -> ReadingPosted:
        """
        Record a reading, and wait for its transaction.

        Raises
        ------
        ServiceError
            The first reason not to; the contract's, if it is the first to find one.
        """
        require_here(body.chain_id, body.exchange, self._manifest)
        if self._postings is None:
            raise ChainUnavailable("this service was started without a key that pays for posting")
        reading = ReadingToPost(
            slot=Slot(body.slot),
            participant=body.participant,
            energy=Wh(body.energy_wh),
            signature=signature_bytes(body.signature),
        )
        await self._index.read(lambda view: self._require_good(view, reading))
        posted = await self._recorded(reading)
        return ReadingPosted(
            slot=body.slot,
            participant=body.participant,
            energy_wh=body.energy_wh,
            state="recorded",
            transaction_hash=posted.transaction,
        )

    async def run(self) -> None:
        """Record what waits, a batch after the other, until cancelled."""
        while True:
            await asyncio.sleep(self._delay_s)
            by_slot: dict[Slot, list[_Waiting]] = defaultdict(list)
            for one in self._waiting.values():
                by_slot[one.reading.slot].append(one)
            for slot, waiting in by_slot.items():
                await self._record(slot, waiting[:TOGETHER])

    def _require_attempts(self, reading: ReadingToPost) -> None:
        slot, participant = int(reading.slot), reading.participant
        if self._carried[slot, participant] >= self._attempts:
            raise AttemptsSpent(
                f"{self._attempts} transactions have carried readings of participant {participant}"
                f" for slot {slot}",
                extensions={"attempts": self._attempts},
            )

    async def _recorded(self, reading: ReadingToPost) -> Posted:
        key = int(reading.slot), reading.participant
        if key in self._waiting:
            raise ReadingExists("a reading of this meter for this slot is being recorded")
        self._require_attempts(reading)
        if len(self._waiting) >= self._limit:
            headers = {"Retry-After": str(RETRY_S)}
            raise OutboxFull(f"{self._limit} readings wait for the chain", headers=headers)
        answer: asyncio.Future[Posted] = asyncio.get_running_loop().create_future()
        self._waiting[key] = _Waiting(reading, answer)
        try:
            return await answer
        finally:
            self._waiting.pop(key, None)

    async def _record(self, slot: Slot, waiting: list[_Waiting]) -> None:
        """Record readings of a slot, in halves where all together are refused."""
        assert self._postings is not None  # noqa: S101  # nothing waits without them
        try:
            posted = await run_sync(self._postings.readings, slot, [one.reading for one in waiting])
        except ContractRevert as error:
            if len(waiting) > 1 and error.name not in OF_THE_SLOT:
                await self._record_halves(slot, waiting)
            else:
                _answer_all(waiting, _refusal(error))
        except Exception as error:  # whatever it is, those who wait are told, and others go on
            if not isinstance(error, ChainError):
                log.exception("readings not recorded")
            _answer_all(waiting, _refusal(error) if isinstance(error, ChainError) else error)
        else:
            self._count(slot, waiting)
            if posted.refusal is None:
                for one in waiting:
                    _answer(one, posted)
            elif len(waiting) > 1 and posted.refusal.name not in OF_THE_SLOT:
                await self._record_halves(slot, waiting)
            else:
                _answer_all(waiting, _named(posted.refusal.name, posted.refusal.text))

    async def _record_halves(self, slot: Slot, waiting: list[_Waiting]) -> None:
        middle = len(waiting) // 2
        await self._record(slot, waiting[:middle])
        await self._record(slot, waiting[middle:])

    def _count(self, slot: Slot, waiting: list[_Waiting]) -> None:
        for known in [key for key in self._carried if key[0] < slot - READ_SLOTS]:
            del self._carried[known]
        self._carried.update((int(slot), one.reading.participant) for one in waiting)

    def _require_good(self, view: View, reading: ReadingToPost) -> None:
        slot, participant = reading.slot, reading.participant
        opens_at = (slot + 1) * SLOT_SECONDS
        settled = view.session.get(Settlement, int(slot)) is not None
        if settled or not opens_at <= view.head.time < opens_at + READING_SECONDS:
            said = "it is settled" if settled else f"it is {instant(view.head.time).isoformat()}"
            raise OutsideReadingTime(
                f"slot {slot}: readings are taken from {instant(opens_at).isoformat()} for "
                f"{READING_SECONDS} s, or until it is settled; {said}"
            )
        meter = meter_of(view, participant, slot)
        if meter is None:
            raise NotAParticipant(f"nobody has the number {participant} in slot {slot}")
        digest = reading_digest(
            self._domain, slot=slot, participant=participant, energy=reading.energy
        )
        if signer_of(digest, reading.signature) != meter:
            raise WrongMeter(
                f"expected a signature by {meter}, the meter of participant {participant}, of "
                "exactly this reading",
                extensions={"meter": meter},
            )
        known = select(Reading.slot).where(
            Reading.slot == int(slot), Reading.participant == participant
        )
        if view.session.scalars(known).first() is not None:
            raise ReadingExists(f"slot {slot} has a reading of participant {participant} already")


def _answer(one: _Waiting, posted: Posted) -> None:
    if one.answer.done():
        return
    if one.reading.participant in posted.recorded:
        one.answer.set_result(posted)
    else:
        one.answer.set_exception(
            ReadingExists(
                f"slot {one.reading.slot} has a reading of participant {one.reading.participant} "
                f"already: transaction {posted.transaction} passed over this one"
            )
        )


def _answer_all(waiting: list[_Waiting], error: Exception) -> None:
    for one in waiting:
        if not one.answer.done():
            one.answer.set_exception(error)


def _refusal(error: ChainError) -> ServiceError:
    if isinstance(error, ContractRevert):
        return _named(error.name, str(error))
    return ChainUnavailable("the chain does not answer; look at /readings before a second attempt")


def _named(name: str, text: str) -> ServiceError:
    if name in OF_THE_SLOT:
        return OutsideReadingTime(text)
    return WrongMeter(text) if name == "WrongMeter" else InternalError(text)
