"""Keyrings: who generates, wraps and unwraps data keys."""
