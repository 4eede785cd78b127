"""Who takes part, and how reliable they are."""
