"""The floor: what no implementation can skip, each primitive through its fastest public Python API.

Nothing is parsed, checked, looked up or put together here, so no client can be faster; how near one comes is the
cost of everything else that it does.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FRAME_LENGTH", "floor_operations"]

FRAME_LENGTH = 4096
_SHA512 = hashes.SHA512()
_SIGNATURE = ec.ECDSA(utils.Prehashed(hashes.SHA384()))
_HEADER = os.urandom(300)
_FRAME_AAD = os.urandom(72)
_ZERO_IV = bytes(12)


def _derive(data_key: bytes, message_id: bytes) -> AESGCM:
    extract = hmac.HMAC(message_id, _SHA512)
    extract.update(data_key)
    expand = hmac.HMAC(extract.finalize(), _SHA512)
    commit = expand.copy()
    expand.update(b"\x04\x78DERIVEKEY\x01")
    commit.update(b"COMMITKEY\x01")
    commit.finalize()
    return AESGCM(expand.finalize()[:32])


def _signatures() -> tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], object]]:
    private_key = ec.generate_private_key(ec.SECP384R1())
    public_key = private_key.public_key()
    return (
        lambda digest: private_key.sign(digest, _SIGNATURE),
        lambda digest, signature: public_key.verify(signature, digest, _SIGNATURE),
    )


def _awscrt_signatures() -> tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], object]]:
    from awscrt.crypto import EC, ECType  # noqa: PLC0415 - not in every function, nor for every benchmark

    key = EC.new_generate(ECType.P_384)
    return key.sign, key.verify


def floor_operations(
    plaintext: bytes, *, signed: bool, by_awscrt: bool = False
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Encrypt and decrypt of *plaintext* in frames of 4,096 bytes, primitives only.

    :param by_awscrt: whether awscrt signs and verifies, and not cryptography
    """
    data_key, message_id = os.urandom(32), os.urandom(32)
    sign, verify = _awscrt_signatures() if by_awscrt else _signatures()
    full = max(len(plaintext) - 1, 0) // FRAME_LENGTH
    last_length = len(plaintext) - full * FRAME_LENGTH
    ivs = [number.to_bytes(12, "big") for number in range(1, full + 2)]
    source = memoryview(plaintext)
    slices = [source[start * FRAME_LENGTH : (start + 1) * FRAME_LENGTH] for start in range(full)]
    tail = plaintext[full * FRAME_LENGTH :]
    out = memoryview(bytearray(full * (FRAME_LENGTH + 32) + FRAME_LENGTH + 64))
    targets = [out[n * (FRAME_LENGTH + 32) : n * (FRAME_LENGTH + 32) + FRAME_LENGTH + 16] for n in range(full)]
    plain_targets = [out[n * (FRAME_LENGTH + 32) : n * (FRAME_LENGTH + 32) + FRAME_LENGTH] for n in range(full)]
    cipher = _derive(data_key, message_id)
    header_tag = cipher.encrypt(_ZERO_IV, b"", _HEADER)
    sealed = [cipher.encrypt(iv, piece, _FRAME_AAD) for iv, piece in zip(ivs, slices, strict=False)]
    sealed_tail = cipher.encrypt(ivs[full], tail, _FRAME_AAD)
    message = bytes(len(_HEADER) + full * (FRAME_LENGTH + 32) + last_length + 36)
    signature = sign(hashlib.sha384(message).digest())

    def encrypt() -> None:
        aead = _derive(data_key, os.urandom(32))
        aead.encrypt(_ZERO_IV, b"", _HEADER)
        for iv, piece, target in zip(ivs, slices, targets, strict=False):
            aead.encrypt_into(iv, piece, _FRAME_AAD, target)
        aead.encrypt(ivs[full], tail, _FRAME_AAD)
        if signed:
            sign(hashlib.sha384(message).digest())

    def decrypt() -> None:
        aead = _derive(data_key, message_id)
        aead.decrypt(_ZERO_IV, header_tag, _HEADER)
        for iv, piece, target in zip(ivs, sealed, plain_targets, strict=False):
            aead.decrypt_into(iv, piece, _FRAME_AAD, target)
        aead.decrypt(ivs[full], sealed_tail, _FRAME_AAD)
        if signed:
            verify(hashlib.sha384(message).digest(), signature)

    return encrypt, decrypt
