"""Market mechanisms: one file each, clear() and its integer verify()."""
