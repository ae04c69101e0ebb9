"""Settlement's books for other programs: exact decimals, nothing rounded."""
