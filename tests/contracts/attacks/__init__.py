"""Attacks on the contracts, each told by its name, as a stranger with money would try them."""
