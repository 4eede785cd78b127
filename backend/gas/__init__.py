"""What transactions cost."""
