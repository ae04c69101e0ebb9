"""OCPP 1.6: its message set and how it writes meter values."""
