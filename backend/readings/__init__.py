"""What meters said."""
