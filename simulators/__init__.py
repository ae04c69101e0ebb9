"""Outside clients of the system: they use public interfaces only."""
