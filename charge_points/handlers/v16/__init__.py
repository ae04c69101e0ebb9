"""OCPP 1.6 <-> domain: one file per feature profile; routes and outgoing are data."""
