"""`wattline bench`: what the market costs and how fast it is, measured."""
