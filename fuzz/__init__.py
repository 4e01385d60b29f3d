"""Bytes that a fuzzer comes up with, and what must not happen to them."""
