"""Readers of the files of a scenario folder: syntax, ranges and where each fault stands."""
