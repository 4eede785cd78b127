"""Figures for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What one service counts; each has its own registry, so that many fit a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wattline_requests",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "wattline_request_seconds",
            "Time until an answer has begun, in seconds",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.kept = Counter(
            "wattline_answers_from_memory", "Answers that were still good", registry=self.registry
        )
        self.listeners = Gauge(
            "wattline_listeners", "Listeners of live updates", registry=self.registry
        )
        self.outbox = Gauge(
            "wattline_outbox_orders", "Signed orders by state", ["state"], registry=self.registry
        )
        self.index_block = Gauge(
            "wattline_index_block", "Newest indexed block", registry=self.registry
        )
        self.index_lag = Gauge(
            "wattline_index_lag_blocks",
            "Blocks of the chain that the index does not have; -1 where the chain is away",
            registry=self.registry,
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)
