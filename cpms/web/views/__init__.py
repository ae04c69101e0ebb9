"""What answers the addresses of the drivers' pages."""
