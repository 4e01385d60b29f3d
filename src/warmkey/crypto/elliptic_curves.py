"""Generate private keys on elliptic curves."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["fresh_private_key"]


def fresh_private_key(curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    """Generate a private key from the operating system's randomness, which a snapshot or a forked child does not share.

    Drawing 64 bits more than the order has makes the bias of the remainder negligible (FIPS 186-5, A.2.1).
    """
    drawn = int.from_bytes(os.urandom((curve.group_order.bit_length() + 7) // 8 + 8), "big")
    return ec.derive_private_key(drawn % (curve.group_order - 1) + 1, curve)
