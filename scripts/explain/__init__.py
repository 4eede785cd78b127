"""`wattline explain`: why an order traded or did not."""
