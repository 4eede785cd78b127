"""Why an order of a recorded slot traded as it did, found by clearing the slot again."""
