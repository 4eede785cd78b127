"""Cleared and void slots, with their certificates."""
