"""The wattline command and the maintenance scripts of the project."""
