"""Slots, and the book of each."""
