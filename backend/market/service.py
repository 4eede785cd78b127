"""What the market is, from its manifest; and how fast a devnet's clock runs."""

import json
from pathlib import Path

from backend.index_view import (
    GATE_CLOSURE_SECONDS,
    OPEN_SLOTS,
    READING_SECONDS,
    Head,
    gate_closes_at,
    instant,
    starts_at,
)
from backend.market.schemas import (
    ClockRead,
    Constants,
    MarketManifest,
    MarketRead,
    SigningDomain,
    typed_data_types,
)
from oracle.domain.book import MAX_ENERGY, MAX_NONCE, Kind
from oracle.units import SLOT_SECONDS

DOMAIN_NAME = "Wattline Exchange"


def market_read(
    manifest: MarketManifest, devnet_file: Path | None, *, takes_orders: bool
) -> MarketRead:
    return MarketRead(
        manifest=manifest,
        constants=Constants(
            slot_seconds=SLOT_SECONDS,
            gate_closure_seconds=GATE_CLOSURE_SECONDS,
            open_slots=OPEN_SLOTS,
            reading_seconds=READING_SECONDS,
            max_energy_wh=MAX_ENERGY,
            max_nonce=MAX_NONCE,
        ),
        domain=SigningDomain(
            name=DOMAIN_NAME,
            version="1",
            chainId=manifest.chain_id,
            verifyingContract=manifest.addresses["Exchange"],
        ),
        types=typed_data_types(),
        kinds={"offer": int(Kind.OFFER), "bid": int(Kind.BID)},
        devnet=manifest.devnet,
        speed=speed_of(devnet_file),
        takes_orders=takes_orders,
    )


def clock_read(head: Head, devnet_file: Path | None) -> ClockRead:
    return ClockRead(
        chain_time=instant(head.time),
        block=head.number,
        slot=head.slot,
        slot_starts_at=starts_at(head.slot),
        slot_ends_at=starts_at(head.slot + 1),
        next_gate_slot=head.next_gate_slot,
        gate_closes_at=gate_closes_at(head.next_gate_slot),
        last_open_slot=head.last_open_slot,
        speed=speed_of(devnet_file),
    )


def speed_of(devnet_file: Path | None) -> str | None:
    """Return what the supervisor of a devnet says of its clock; None where there is none."""
    if devnet_file is None:
        return None
    try:
        said = json.loads(devnet_file.read_text(encoding="utf-8")).get("speed")
    except (OSError, ValueError, AttributeError):
        return None  # not written yet, or being replaced
    return str(said) if said is not None else None
