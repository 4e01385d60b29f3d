"""Measure the memory of a cache entry, for both suites, encrypting and decrypting.

    python -m benchmarks.entry_memory [--entries 10000]

Each figure is the growth of resident memory while the cache fills, divided by the number of entries, in its own
process. Before that, as many entries are put into another cache, which stays alive, so that the measured entries do not
reuse freed memory.
"""

from __future__ import annotations

import argparse
import gc
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import warmkey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["bytes_per_entry", "main"]

SUITES = (
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
)
_KEY_ARN = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_CIPHERTEXT_LENGTH = 184  # of a data key, as KMS encrypts it
_DATA_KEY_LENGTH = 32


class _ForgetfulKms:
    """Stand in for KMS, and keep nothing: the ciphertext of a data key contains the data key."""

    def generate_data_key(self, **_request: object) -> dict[str, object]:
        """Return a new data key."""
        data_key = os.urandom(_DATA_KEY_LENGTH)
        return {
            "Plaintext": data_key,
            "CiphertextBlob": data_key.ljust(_CIPHERTEXT_LENGTH, b"\0"),
            "KeyId": _KEY_ARN,
        }

    def decrypt(self, *, CiphertextBlob: bytes, **_request: object) -> dict[str, object]:  # noqa: N803 - as boto3 calls it
        """Return the data key in *CiphertextBlob*."""
        return {"Plaintext": bytes(CiphertextBlob[:_DATA_KEY_LENGTH]), "KeyId": _KEY_ARN}


def bytes_per_entry(suite: warmkey.AlgorithmSuite, operation: str, entries: int) -> float:
    """Return the resident memory of one of *entries* cache entries, in bytes.

    :param operation: ``encrypt`` or ``decrypt``
    """
    client = warmkey.Client()
    keyring = warmkey.AwsKmsKeyring(_KEY_ARN, kms_client=_ForgetfulKms())
    caches = [warmkey.CachingCMM(cache=warmkey.LocalCMC(entries), keyring=keyring, max_age=3600) for _ in range(2)]
    contexts = [{"tenant": f"tenant-{number:06}"} for number in range(entries)]
    fill: Callable[[warmkey.CachingCMM], None]
    if operation == "encrypt":

        def fill(cmm: warmkey.CachingCMM) -> None:
            for context in contexts:
                client.encrypt(b"", cmm=cmm, encryption_context=context, algorithm_suite=suite)
    else:
        messages = [
            client.encrypt(b"", keyring=keyring, encryption_context=context, algorithm_suite=suite).ciphertext
            for context in contexts
        ]

        def fill(cmm: warmkey.CachingCMM) -> None:
            for message in messages:
                client.decrypt(message, cmm=cmm)

    unmeasured, measured = caches
    fill(unmeasured)
    before = _resident_bytes()
    fill(measured)
    return (_resident_bytes() - before) / entries


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each suite and operation."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.entry_memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--entries", type=int, default=10_000, help="entries to measure; default: %(default)s")
    entries = parser.parse_args(arguments).entries
    with ProcessPoolExecutor(max_workers=1, max_tasks_per_child=1) as fresh_process:
        for suite in SUITES:
            for operation in ("encrypt", "decrypt"):
                kilobytes = fresh_process.submit(bytes_per_entry, suite, operation, entries).result() / 1000
                print(f"0x{suite.value:04x} {operation}: {kilobytes:.1f} KB per entry", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
