"""Commands of settlement."""
