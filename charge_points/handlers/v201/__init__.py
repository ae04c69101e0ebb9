"""OCPP 2.0.1 <-> domain: one file per functional block; tables are data."""
