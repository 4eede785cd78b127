"""Lines, their lease fees, and the ladder these follow."""
