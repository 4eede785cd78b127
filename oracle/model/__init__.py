"""Models: pure functions, numbers in, numbers out."""
