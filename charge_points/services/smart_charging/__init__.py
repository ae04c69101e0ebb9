"""Charging profiles, limits of others, needs of vehicles, limits of charges."""
