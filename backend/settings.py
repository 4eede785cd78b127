"""Settings of the service's process, read once at start-up and passed on."""

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Limits and places of one service; what the market is comes from its manifest."""

    allowed_hosts: tuple[str, ...] = LOOPBACK  # of the Host header, without port
    allowed_origins: tuple[str, ...] = ()  # that browsers may call from; none by default
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For says who asks

    body_limit: int = 64 * 1024  # bytes of a request
    reads_per_window: int = 5_000  # of one client, in a sliding window
    read_window_s: int = 10
    posts_per_window: int = 300  # of one client, good or bad
    post_window_s: int = 60

    outbox_limit: int = 5_000  # signed orders on their way to the chain
    outbox_days: int = 7  # that an order is remembered for after its slot
    attempts_per_slot: int = 4  # transactions that carry something of one participant's
    batch_orders: int = 100  # in one transaction
    batch_wallet_orders: int = 8  # in one transaction, of contract wallets
    batch_delay_s: float = 0.4

    listener_limit: int = 500  # of live updates
    listeners_per_client: int = 200
    listener_queue: int = 256  # heads that a slow listener may fall behind
    replay_limit: int = 1_000  # logs that a returning listener is told again
    heartbeat_s: float = 15.0

    cache_entries: int = 2_000
    cache_bytes: int = 64 * 1024 * 1024
    poll_s: float = 0.1  # how often the index is asked for its head
    ready_lag_blocks: int = 20  # an index further behind than this is not ready
    reader_threads: int = 4  # that answer from the index

    oracle_url: str | None = None  # whose storage plan is passed on
    devnet_file: Path | None = None  # written by the supervisor of a devnet; says the clock's speed
    serves_page: bool = False
