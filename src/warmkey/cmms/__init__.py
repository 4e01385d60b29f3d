"""Cryptographic materials managers (CMM): default, caching, required encryption context."""
