"""Pages of settlement for operators and platform staff."""
