"""Inputs that strangers can send, changed by code that knows their form, and what must not happen to them."""
