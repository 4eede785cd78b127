"""Transactions that left events."""
