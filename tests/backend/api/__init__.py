"""Tests of the API: on markets of a real node, over SQLite and PostgreSQL."""
