"""CPMS: a charge point management system for many small operators."""
