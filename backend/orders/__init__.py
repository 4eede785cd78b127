"""Entries of order books, and signed orders on their way into them."""
