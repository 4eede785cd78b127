"""Tests of readings on their way to the chain."""
