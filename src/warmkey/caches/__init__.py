"""Cryptographic materials caches (CMC): where the caching CMM keeps materials."""
