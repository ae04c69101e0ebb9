"""Template filters of the drivers' pages."""
