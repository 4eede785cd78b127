"""The oracle: decides dispatch and prices, and settles them on the chain."""
