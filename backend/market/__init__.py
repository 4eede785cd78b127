"""What the market is, and its clock."""
