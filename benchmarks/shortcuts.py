"""What each shortcut saves a short message: the time with it, without it, and how many times as long that takes.

A comment in the source that gives such a figure names its row.
"""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import warmkey
from benchmarks.clients import CONTEXT
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.client_apis import frames
from warmkey.cmms.cache_entry_identifier import (
    DecryptIdentifiers,
    EncryptIdentifiers,
    decrypt_identifier,
    encrypt_identifier,
)
from warmkey.crypto.signatures import EcdsaSigningKey
from warmkey.data_format.header_cache import read_cached_header
from warmkey.data_format.message_header import read_header
from warmkey.fork_safety import PROCESS_MARK, generation
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import EncryptionContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.rows import Effort

    Pair = tuple[Callable[[], object], Callable[[], object]]

__all__ = ["measure_shortcuts"]

_SUITE = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
_PARTITION = "partition"
_TWO_FRAMES = bytes(5000)


def measure_shortcuts(effort: Effort) -> list[Row]:
    """Return a row for each shortcut."""
    return [_row(name, *pair, effort) for name, pair in _pairs().items()]


def _pairs() -> dict[str, Pair]:
    client = warmkey.Client()
    keyring = RawAesKeyring("benchmark", "wrapping-key", os.urandom(32))
    message = client.encrypt(b"", keyring=keyring, encryption_context=CONTEXT, algorithm_suite=_SUITE).ciphertext
    client.decrypt(message, keyring=keyring)  # from now on its header is remembered
    header = read_cached_header(message)
    keys, serialized = header.encrypted_data_keys, header.encryption_context.serialized
    encrypting, decrypting = EncryptIdentifiers(_PARTITION), DecryptIdentifiers(_PARTITION)
    return {
        "header": (partial(read_cached_header, message), partial(read_header, message)),
        "encryption context": (partial(EncryptionContext.of, CONTEXT), partial(EncryptionContext, CONTEXT)),
        "encrypt identifier": (
            lambda: encrypting[_SUITE, serialized],
            partial(encrypt_identifier, _PARTITION, _SUITE, serialized),
        ),
        "decrypt identifier": (
            lambda: decrypting[_SUITE, keys, serialized],
            partial(decrypt_identifier, _PARTITION, _SUITE, keys, serialized),
        ),
        "decompress a point": _decompressions(),
        "few frames": _few_frames(client, keyring),
        "process mark": (partial(PROCESS_MARK.__getitem__, 0), os.getpid),
        "generation": (generation, os.getpid),
    }


def _few_frames(client: warmkey.Client, keyring: RawAesKeyring) -> Pair:
    """A message of two frames there and back, its pieces joined, and each written to where it belongs."""
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(2), max_age=3600, keyring=keyring)

    def there_and_back(few: int) -> None:
        frames._FEW_FRAMES = few  # noqa: SLF001 - what is compared
        message = client.encrypt(_TWO_FRAMES, cmm=cmm, encryption_context=CONTEXT, algorithm_suite=_SUITE).ciphertext
        client.decrypt(message, cmm=cmm)

    return partial(there_and_back, frames._FEW_FRAMES), partial(there_and_back, 0)  # noqa: SLF001 - as above


def _decompressions() -> Pair:
    """OpenSSL's square root, which an awscrt key of a message is loaded with, and that of Python's pow."""
    from warmkey.crypto.ecdsa_by_awscrt import decompressed  # noqa: PLC0415 - loads awscrt

    algorithm, p = SignatureAlgorithm.ECDSA_P384, 2**384 - 2**128 - 2**96 + 2**32 - 1
    b = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
    point = EcdsaSigningKey(algorithm).verification_key

    def in_python() -> tuple[int, int]:
        x = int.from_bytes(point[1:], "big")
        square = (x * x * x - 3 * x + b) % p
        y = pow(square, (p + 1) // 4, p)
        if y * y % p != square:
            raise ValueError("there is no such point")
        return x, y if y % 2 == point[0] % 2 else p - y

    if in_python() != decompressed(algorithm, point):
        raise AssertionError("two points of one x")
    return partial(decompressed, algorithm, point), in_python


def _row(name: str, shortcut: Callable[[], object], detour: Callable[[], object], effort: Effort) -> Row:
    found = interleaved({"with": shortcut, "without": detour}, rounds=effort.rounds, seconds=effort.seconds / 10)
    return Row(
        group="shortcuts",
        name=name,
        figures=(
            Figure(label="with it", value=median(found["with"]), unit="µs"),
            Figure(label="without", value=median(found["without"]), unit="µs"),
            Figure(label="as long without", value=median_ratio(found["without"], found["with"]), unit="×"),
        ),
    )
