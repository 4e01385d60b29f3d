"""Uses of the default client and CMM without the helpers."""

from __future__ import annotations

import io
from typing import Any

import warmkey

__all__ = ["decrypt", "decrypt_stream", "encrypt"]


def encrypt(context: Any) -> bytes:
    return warmkey.default_client().encrypt(b"x", cmm=warmkey.default_cmm(), encryption_context=context).ciphertext


def decrypt(message: bytes, context: Any) -> bytes:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    return client.decrypt(message, cmm=cmm, encryption_context=context).plaintext


def decrypt_stream(message: bytes, context: Any) -> bytes:
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    return client.decrypt_stream(io.BytesIO(message), cmm=cmm, encryption_context=context).read()
