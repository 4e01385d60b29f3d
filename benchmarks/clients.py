"""The contestants: warmkey and aws-encryption-sdk, each with a warm caching CMM over the same raw AES key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import Algorithm, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

import warmkey
from warmkey.caches import NullCMC
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from warmkey.caches import CryptographicMaterialsCache

__all__ = ["CONTEXT", "Contestant", "fresh", "off", "peer", "warm"]

CONTEXT = {"purpose": "benchmark", "tenant": "tenant-0001"}
_WRAPPING_KEY = os.urandom(32)
_NAMESPACE, _NAME = "benchmark", "wrapping-key"
_MAX_AGE = 3600.0


class Contestant:
    """A client's encrypt and decrypt of whole messages."""

    def __init__(self, encrypt: Callable[[bytes], bytes], decrypt: Callable[[bytes], bytes]) -> None:
        self.encrypt = encrypt
        self.decrypt = decrypt


def warm(suite: warmkey.AlgorithmSuite, *, frame_length: int | Literal["auto"] = 4096) -> Contestant:
    """Warmkey with everything on."""
    return _with_cache(warmkey.LocalCMC(100), suite, frame_length)


def off(suite: warmkey.AlgorithmSuite) -> Contestant:
    """Warmkey with a cache that keeps nothing, as ``WARMKEY_CACHE=off`` makes one: :func:`fresh`, but counted."""
    return _with_cache(NullCMC(), suite)


def _with_cache(
    cache: CryptographicMaterialsCache, suite: warmkey.AlgorithmSuite, frame_length: int | Literal["auto"] = 4096
) -> Contestant:
    keyring = RawAesKeyring(_NAMESPACE, _NAME, _WRAPPING_KEY)
    cmm = warmkey.CachingCMM(cache=cache, max_age=_MAX_AGE, keyring=keyring)
    client = warmkey.Client(max_encrypted_data_keys=5)

    def encrypt(plaintext: bytes) -> bytes:
        return client.encrypt(
            plaintext, cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite, frame_length=frame_length
        ).ciphertext

    def decrypt(ciphertext: bytes) -> bytes:
        return client.decrypt(ciphertext, cmm=cmm, encryption_context=CONTEXT).plaintext

    return Contestant(encrypt, decrypt)


def fresh(suite: warmkey.AlgorithmSuite) -> Contestant:
    """Warmkey without a cache: every message has a data key, and where the suite signs a signing key, of its own."""
    keyring = RawAesKeyring(_NAMESPACE, _NAME, _WRAPPING_KEY)
    client = warmkey.Client(max_encrypted_data_keys=5)

    def encrypt(plaintext: bytes) -> bytes:
        return client.encrypt(plaintext, keyring=keyring, encryption_context=CONTEXT, algorithm_suite=suite).ciphertext

    def decrypt(ciphertext: bytes) -> bytes:
        return client.decrypt(ciphertext, keyring=keyring, encryption_context=CONTEXT).plaintext

    return Contestant(encrypt, decrypt)


class _PeerKeys(RawMasterKeyProvider):  # type: ignore[misc]
    provider_id = _NAMESPACE

    def _get_raw_key(self, key_id: bytes) -> WrappingKey:  # noqa: ARG002 - there is one
        algorithm = WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING
        return WrappingKey(algorithm, _WRAPPING_KEY, EncryptionKeyType.SYMMETRIC)


def peer(suite: warmkey.AlgorithmSuite, *, frame_length: int = 4096, cached: bool = True) -> Contestant:
    """The official Python client, with its cache or without."""
    keys = _PeerKeys()
    keys.add_master_key(_NAME)
    cache = aws_encryption_sdk.LocalCryptoMaterialsCache(100)
    cmm = aws_encryption_sdk.CachingCryptoMaterialsManager(master_key_provider=keys, cache=cache, max_age=_MAX_AGE)
    if not cached:
        cmm = aws_encryption_sdk.DefaultCryptoMaterialsManager(keys)
    client = aws_encryption_sdk.EncryptionSDKClient(max_encrypted_data_keys=5)
    algorithm = Algorithm.get_by_id(suite.value)

    def encrypt(plaintext: bytes) -> bytes:
        ciphertext, _ = client.encrypt(
            source=plaintext,
            materials_manager=cmm,
            encryption_context=CONTEXT,
            algorithm=algorithm,
            frame_length=frame_length,
        )
        return bytes(ciphertext)

    def decrypt(ciphertext: bytes) -> bytes:
        plaintext, _ = client.decrypt(source=ciphertext, materials_manager=cmm)
        return bytes(plaintext)

    return Contestant(encrypt, decrypt)
