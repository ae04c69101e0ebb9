"""OCPP 2.0.1 <-> domain: one file per functional block; routes and outgoing are data."""
