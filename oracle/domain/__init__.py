"""Frozen records that the oracle computes with; pure."""
