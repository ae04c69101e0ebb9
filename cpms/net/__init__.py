"""Outgoing HTTP to addresses that users have set, behind a guard."""
