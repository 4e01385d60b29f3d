"""Run turns of named operations for whoever asks on standard input; one process for each version of warmkey.

Each line names an operation and a number of repetitions; the answer is the microseconds of one repetition.
Only what every version has is used.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

import warmkey
from warmkey.testing import FakeKms

try:
    from warmkey.keyrings import RawAesKeyring
except ImportError:  # version 0.1.0
    from warmkey import RawAesKeyring  # type: ignore[attr-defined,no-redef]

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = {"purpose": "benchmark", "tenant": "tenant-0001"}
KEY = os.urandom(32)
KILOBYTE, MEGABYTE = os.urandom(2**10), os.urandom(2**20)
STREAM = os.urandom(2**23)
UNSIGNED = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
SIGNED = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384

# Metrics go to standard output.
ANSWERS, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until the end

client = warmkey.Client(max_encrypted_data_keys=5)
keyring = RawAesKeyring("benchmark", "wrapping-key", KEY)
cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(100), max_age=3600.0, keyring=keyring)


def encrypt(plaintext: bytes, suite: warmkey.AlgorithmSuite, **source: Any) -> bytes:  # noqa: ANN401 - cmm or keyring
    """Return the message of *plaintext* under *suite*."""
    materials = source or {"cmm": cmm}
    return client.encrypt(plaintext, encryption_context=CONTEXT, algorithm_suite=suite, **materials).ciphertext


def decrypt(message: bytes, **source: Any) -> bytes:  # noqa: ANN401 - cmm or keyring
    """Return the plaintext of *message*."""
    return client.decrypt(message, encryption_context=CONTEXT, **(source or {"cmm": cmm})).plaintext


def drain(stream: io.BufferedIOBase) -> None:
    """Read *stream* to its end, 64 KB at a time."""
    with stream:
        while stream.read(2**16):
            pass


def encrypt_stream() -> None:
    """Encrypt 8 MB from memory."""
    drain(
        client.encrypt_stream(
            io.BytesIO(STREAM),
            cmm=cmm,
            encryption_context=CONTEXT,
            algorithm_suite=UNSIGNED,
            plaintext_length=len(STREAM),
        )
    )


def use_helpers() -> None:
    """Let the functions of :mod:`warmkey` use a KMS in this process; metrics are on, as by default."""
    kms = FakeKms()
    warmkey.configure(kms_client=kms, kms_key_arns=kms.create_key(), algorithm_suite=UNSIGNED.value)


use_helpers()
short, long = encrypt(KILOBYTE, UNSIGNED), encrypt(MEGABYTE, UNSIGNED)
signed, whole = encrypt(KILOBYTE, SIGNED), encrypt(STREAM, UNSIGNED)
by_helper = warmkey.encrypt(KILOBYTE, CONTEXT)

OPERATIONS = {
    "1 KB encrypt": lambda: encrypt(KILOBYTE, UNSIGNED),
    "1 KB decrypt": lambda: decrypt(short),
    "1 KB encrypt, signed": lambda: encrypt(KILOBYTE, SIGNED),
    "1 KB decrypt, signed": lambda: decrypt(signed),
    "1 MB encrypt": lambda: encrypt(MEGABYTE, UNSIGNED),
    "1 MB decrypt": lambda: decrypt(long),
    "8 MB encrypt, stream": encrypt_stream,
    "8 MB decrypt, stream": lambda: drain(
        client.decrypt_stream(io.BytesIO(whole), cmm=cmm, encryption_context=CONTEXT)
    ),
    "1 KB encrypt, helper": lambda: warmkey.encrypt(KILOBYTE, CONTEXT),
    "1 KB decrypt, helper": lambda: warmkey.decrypt(by_helper, CONTEXT),
    "1 KB encrypt, no cache": lambda: encrypt(KILOBYTE, UNSIGNED, keyring=keyring),
    "1 KB decrypt, no cache": lambda: decrypt(short, keyring=keyring),
}


def turn(operation: Callable[[], object], repetitions: int) -> float:
    """Return the microseconds of one repetition."""
    started = perf_counter()
    for _ in range(repetitions):
        operation()
    return (perf_counter() - started) / repetitions * 1e6


def main() -> None:
    """Answer until the input ends."""
    gc.disable()
    for line in sys.stdin:
        name, repetitions = line.rstrip("\n").split("\t")
        print(warmkey.instrument(turn)(OPERATIONS[name], int(repetitions)), file=ANSWERS, flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
