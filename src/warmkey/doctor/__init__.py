"""Examine a deployment without touching anything: settings, packages, network, permissions, time-outs and caches.

Permissions are asked for by dry runs, which generate and decrypt nothing. Nothing here shows a key or a value of an
encryption context.
"""
