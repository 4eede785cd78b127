"""Mechanisms side by side, on one book or on a scenario's days."""
