"""What was delivered of trades."""
