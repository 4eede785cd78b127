"""Accounts, their movements, and what trading was worth."""
