"""Running it: health, readiness, metrics, structured logs."""
