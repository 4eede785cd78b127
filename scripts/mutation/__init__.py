"""Changing the contracts at one place at a time, to see whether a test notices."""
