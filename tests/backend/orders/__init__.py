"""Tests of orders on their way to the chain."""
