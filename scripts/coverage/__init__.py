"""Which lines and branches of the contracts the tests in Python reach."""
