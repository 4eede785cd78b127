"""Tests of oracle.region."""
