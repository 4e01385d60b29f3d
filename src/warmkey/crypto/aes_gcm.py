"""Offer AES-GCM as ``cryptography`` has it: the cipher of every suite and of the raw AES keyring.

Its one-shot object is used directly, because one more call would show on every frame.

Source: framework/algorithm-suites.md#gcm
"""

from cryptography.exceptions import InvalidTag

# spec: framework/algorithm-suites.md#gcm 479e
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["AESGCM", "MAX_CONTENT_LENGTH", "InvalidTag"]

# What ``cryptography`` takes at once, less a tag. For more it raises OverflowError, or panics: nobody may ask.
MAX_CONTENT_LENGTH = 2**31 - 1 - 16
