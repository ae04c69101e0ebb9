"""OCPP 2.0.1: its message set and how it writes meter values."""
