"""
The desk where signed orders are handed in: looked at in order of cost, then kept for the chain.

Nothing here decides what the contract does not decide again; an order that passes can still be
skipped there, and `GET /orders/{id}` says so.
"""

from threading import Lock

from sqlalchemy import select

from backend.accounts.queries import free_money
from backend.chain import ChainRelay, OrderToPost
from backend.errors import (
    AttemptsSpent,
    ChainUnavailable,
    ForeignChain,
    GateClosed,
    InsufficientFunds,
    InvalidRequest,
    NonceSpent,
    NotAParticipant,
    NotOpenYet,
    OrderExists,
    OutboxFull,
    PriceAboveCap,
    WrongSignature,
    ZeroEnergy,
)
from backend.index.database import Database
from backend.index.tables import OutboxOrder, Participant
from backend.index_view import IndexReader, View, gate_closes_at
from backend.market.schemas import MarketManifest
from backend.market.service import DOMAIN_NAME
from backend.orders.outbox import attempts_of, on_their_way, others_of, promised, word_of
from backend.orders.queries import has_ordered, outbox_read
from backend.orders.schemas import OrderPost, OutboxRead
from backend.participants.queries import lowest_nonce
from oracle.audit.typed_data import domain_hash, order_digest, signer_of
from oracle.domain.book import MAX_TERMS, Kind, Order
from oracle.units import MicroUsdPerMwh, Slot, Wh

RETRY_S = 5
KEY_SIGNATURE_BYTES = 65


class OrderDesk:
    """Takes signed orders for one market; safe to share between threads."""

    def __init__(
        self,
        manifest: MarketManifest,
        database: Database,
        index: IndexReader,
        relay: ChainRelay | None,
        *,
        outbox_limit: int,
        attempts_per_slot: int,
    ) -> None:
        self._manifest = manifest
        self._database = database
        self._index = index
        self._relay = relay
        self._limit = outbox_limit
        self._attempts = attempts_per_slot
        self._bond = MicroUsdPerMwh(manifest.settings.bond_micro_usd_per_mwh)
        self._domain = domain_hash(
            DOMAIN_NAME, manifest.chain_id, manifest.addresses["Exchange"].lower()
        )
        self._turn = Lock()

    def take(self, body: OrderPost) -> OutboxRead:
        """
        Keep an order for the chain.

        Raises
        ------
        ServiceError
            The first reason there is not to.
        """
        require_here(body.chain_id, body.exchange, self._manifest)
        order = self._order(body)
        if self._relay is None:
            raise ChainUnavailable(
                "no orders are posted here: no key pays for it, or the market's are sealed"
            )
        with self._index.view() as view:
            _require_open(view, body.slot)
            owner = _owner(view, body.slot, order.participant)
            signed = OrderToPost(
                slot=Slot(body.slot), order=order, signature=signature_bytes(body.signature)
            )
            digest, is_wallets = self._require_signed(self._relay, owner, signed)
            self._require_new(view, owner, signed)
        row = OutboxOrder(
            id=f"0x{digest.hex()}",
            slot=body.slot,
            participant=order.participant,
            order_word=word_of(order),
            signature=f"0x{signed.signature.hex()}",
            is_wallets=is_wallets,
            state="waiting",
            reason=None,
            created_block=view.head.number,
            posting=None,
        )
        self._keep(row, owner, order)
        with self._index.view() as view:
            return outbox_read(view, row)

    def _order(self, body: OrderPost) -> Order:
        terms = int(body.terms)
        if terms > MAX_TERMS:
            raise InvalidRequest(f"terms: expected a number of 96 bits, at most {MAX_TERMS}")
        if body.energy_wh == 0:
            raise ZeroEnergy("energy_wh: expected more than 0")
        cap = self._manifest.settings.price_cap_micro_usd_per_mwh
        if body.price_micro_usd_per_mwh > cap:
            raise PriceAboveCap(
                f"price_micro_usd_per_mwh: expected at most {cap}",
                extensions={"price_cap_micro_usd_per_mwh": cap},
            )
        return Order(
            kind=Kind[body.kind.upper()],
            participant=body.participant,
            energy=Wh(body.energy_wh),
            price=MicroUsdPerMwh(body.price_micro_usd_per_mwh),
            nonce=body.nonce,
            terms=terms,
        )

    def _require_signed(
        self, relay: ChainRelay, owner: str, signed: OrderToPost
    ) -> tuple[bytes, bool]:
        """Return the digest that the owner has signed, and whether as a contract wallet."""
        digest = order_digest(self._domain, signed.slot, signed.order)
        is_wallets = signer_of(digest, signed.signature) != owner
        if is_wallets and not relay.is_signed(owner, signed):
            raise WrongSignature(
                f"expected a signature by {owner}, the owner of participant "
                f"{signed.order.participant}, of exactly this order",
                extensions={"owner": owner},
            )
        return digest, is_wallets

    def _require_new(self, view: View, owner: str, signed: OrderToPost) -> None:
        order = signed.order
        lowest = lowest_nonce(view, owner)
        if order.nonce < lowest:
            raise NonceSpent(
                f"expected a nonce of at least {lowest}, got {order.nonce}",
                extensions={"lowest_nonce": lowest},
            )
        if has_ordered(view, signed.slot, order.participant):
            raise OrderExists(
                f"participant {order.participant} has ordered for slot {signed.slot} already"
            )

    def _keep(self, row: OutboxOrder, owner: str, order: Order) -> None:
        """Put an order into the outbox, unless its participant or the outbox has no room for it."""
        with self._turn, self._database.writing() as session:
            known = session.get(OutboxOrder, row.id)
            others = others_of(session, row)
            if others or (known is not None and known.state in ("waiting", "posted", "recorded")):
                raise OrderExists(
                    f"participant {row.participant} has handed in an order for slot {row.slot}",
                    extensions={"order_id": others[0] if others else row.id},
                )
            row.attempts = known.attempts if known is not None else 0
            if attempts_of(session, row.participant, row.slot) >= self._attempts:
                raise AttemptsSpent(
                    f"{self._attempts} transactions have carried orders of participant "
                    f"{row.participant} for slot {row.slot}, none of them into its book",
                    extensions={"attempts": self._attempts},
                )
            if on_their_way(session) >= self._limit:
                raise OutboxFull(
                    f"{self._limit} orders wait for the chain",
                    headers={"Retry-After": str(RETRY_S)},
                )
            with self._index.view() as view:
                free = free_money(view, owner)
            free -= promised(session, order.participant, self._bond)
            needed = order.lock(self._bond)
            if needed > free:
                raise InsufficientFunds(
                    f"expected {needed} micro-USD of free money, got {max(free, 0)}",
                    extensions={"needed_micro_usd": needed, "free_micro_usd": max(free, 0)},
                )
            session.merge(row)


def require_here(chain_id: int, exchange: str, manifest: MarketManifest) -> None:
    """Refuse what was signed for another chain or another exchange."""
    expected = manifest.addresses["Exchange"]
    if chain_id != manifest.chain_id or exchange.lower() != expected.lower():
        raise ForeignChain(
            f"expected exchange {expected} on chain {manifest.chain_id}",
            extensions={"chain_id": manifest.chain_id, "exchange": expected},
        )


def signature_bytes(text: str) -> bytes:
    """Return a signature; some wallets write the parity of a key's as 0 or 1."""
    signature = bytes.fromhex(text.removeprefix("0x"))
    if len(signature) == KEY_SIGNATURE_BYTES and signature[-1] < 2:
        return signature[:-1] + bytes([signature[-1] + 27])
    return signature


def _require_open(view: View, slot: int) -> None:
    if slot < view.head.next_gate_slot:
        raise GateClosed(
            f"slot {slot}: its gate closed at {gate_closes_at(slot).isoformat()}; "
            f"the next is {view.head.next_gate_slot}",
            extensions={"next_gate_slot": view.head.next_gate_slot},
        )
    if slot > view.head.last_open_slot:
        raise NotOpenYet(
            f"slot {slot}: expected at most {view.head.last_open_slot}, the last that is open",
            extensions={"last_open_slot": view.head.last_open_slot},
        )


def _owner(view: View, slot: int, participant: int) -> str:
    """Return the owner of a participant of a slot."""
    owner = view.session.scalar(
        select(Participant.owner).where(
            Participant.number == participant, Participant.first_slot <= slot
        )
    )
    if owner is None:
        raise NotAParticipant(f"nobody has the number {participant} in slot {slot}")
    return owner
