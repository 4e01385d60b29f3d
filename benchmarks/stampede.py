"""How often KMS is asked when sixteen threads want the same data key at once and nothing is cached.

The KMS on the loopback interface counts, and takes its time as the real one does.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import TYPE_CHECKING
from unittest.mock import patch

import aws_encryption_sdk
import boto3

import warmkey
from benchmarks import promises
from benchmarks.loopback_kms import loopback_kms_process
from benchmarks.rows import Figure, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.loopback_kms import Endpoint
    from benchmarks.rows import Effort

__all__ = ["measure_stampede"]

THREADS = 16
KMS_SECONDS = 0.02
_CONTEXT = {"purpose": "benchmark"}


def measure_stampede(effort: Effort) -> list[Row]:
    """A row for each operation; ours counts with its worst round, the peer with its median."""
    found: dict[str, tuple[list[int], list[int]]] = {"encrypt": ([], []), "decrypt": ([], [])}
    with loopback_kms_process(KMS_SECONDS) as kms, patch.dict(os.environ, kms.environment()):
        message = _ours(kms)[0](b"text")
        for _ in range(effort.processes):
            for contestant, make in enumerate((_ours, _peer)):
                encrypt, _ = make(kms)
                found["encrypt"][contestant].append(_kms_calls(kms, partial(encrypt, b"text")))
                _, decrypt = make(kms)
                found["decrypt"][contestant].append(_kms_calls(kms, partial(decrypt, message)))
    return [
        Row(
            group="stampede",
            name=f"{THREADS} threads, cold, {operation}",
            figures=(
                Figure(label="peer", value=median(theirs), unit="calls"),
                Figure(label="ours", value=max(ours), unit="calls", bound=promises.STAMPEDE_KMS_CALLS),
            ),
        )
        for operation, (ours, theirs) in found.items()
    ]


def _kms_calls(kms: Endpoint, operation: Callable[[], object]) -> int:
    """How often KMS is asked when all threads do *operation* at once."""
    before = kms.count()
    start = threading.Barrier(THREADS)

    def work() -> None:
        start.wait()
        operation()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work) for _ in range(THREADS)]:
            done.result()
    return kms.count() - before


def _ours(kms: Endpoint) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    keyring = warmkey.AwsKmsKeyring(kms.key_arn, kms_client=boto3.client("kms"))
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(100), max_age=60, keyring=keyring)
    client = warmkey.Client()
    return (
        lambda plaintext: client.encrypt(plaintext, cmm=cmm, encryption_context=_CONTEXT).ciphertext,
        lambda message: client.decrypt(message, cmm=cmm, encryption_context=_CONTEXT).plaintext,
    )


def _peer(kms: Endpoint) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
    cmm = aws_encryption_sdk.CachingCryptoMaterialsManager(
        master_key_provider=aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[kms.key_arn]),
        cache=aws_encryption_sdk.LocalCryptoMaterialsCache(100),
        max_age=60.0,
    )
    client = aws_encryption_sdk.EncryptionSDKClient()
    return (
        lambda plaintext: client.encrypt(source=plaintext, materials_manager=cmm, encryption_context=_CONTEXT)[0],
        lambda message: client.decrypt(source=message, materials_manager=cmm)[0],
    )
