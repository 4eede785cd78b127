"""What the storage did, and is planned to do."""
