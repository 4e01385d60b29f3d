"""How fast warmkey is, beside the official client and the sum of the primitives that nobody can skip.

``make bench`` for minutes, ``make bench-full`` for more sizes and rounds, ``make bench-check`` before a release.
"""
