"""Tests of the oracle as a service."""
