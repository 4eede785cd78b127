"""Tests of the export as files."""
