"""`wattline compare`: market mechanisms side by side."""
