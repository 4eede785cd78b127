"""`wattline devnet`: a node, the market on it, its oracle, service and outside world."""
