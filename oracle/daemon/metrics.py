"""What Prometheus is told of the oracle; one registry each, so that two may share a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SOLVE_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Metrics:
    """The oracle's counters and gauges."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.slots = Counter(
            "wattline_oracle_slots",
            "Slots that this oracle cleared, settled or voided",
            ["step"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "wattline_oracle_refusals",
            "Calls refused because somebody else was faster, by the contract's error",
            ["error"],
            registry=self.registry,
        )
        self.failures = Counter(
            "wattline_oracle_failures",
            "What went wrong and is tried again, by the kind of failure",
            ["kind"],
            registry=self.registry,
        )
        self.gas = Counter(
            "wattline_oracle_gas", "Gas used, by function", ["function"], registry=self.registry
        )
        self.reorganisations = Counter(
            "wattline_oracle_reorganisations",
            "How often blocks that were read were gone",
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "wattline_oracle_fallbacks",
            "Set-points that are not of the rolling dispatch, by what they are of instead",
            ["source"],
            registry=self.registry,
        )
        self.seconds_behind = Gauge(
            "wattline_oracle_seconds_behind",
            "Chain seconds since the oldest step that is not done yet was due",
            registry=self.registry,
        )
        self.chain_head = Gauge(
            "wattline_oracle_chain_head", "Number of the latest block", registry=self.registry
        )
        self.chain_time = Gauge(
            "wattline_oracle_chain_time_seconds",
            "Time of the latest block, Unix seconds",
            registry=self.registry,
        )
        self.solve_seconds = Histogram(
            "wattline_oracle_solve_seconds",
            "Wall seconds to compute a set-point",
            buckets=SOLVE_BUCKETS,
            registry=self.registry,
        )
