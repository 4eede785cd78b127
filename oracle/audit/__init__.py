"""Re-derives an export without chain, solver or trust; records in, counts or a Divergence out."""
