"""The oracle as a service: it follows the chain and does what is due, for as long as it runs."""
