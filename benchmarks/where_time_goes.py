"""Where the time of a short message goes: its steps one by one, beside the primitives that each can't do without."""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import warmkey
from benchmarks.clients import CONTEXT
from benchmarks.floor import floor_operations
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved
from warmkey.client_apis.decrypt import verified_cipher
from warmkey.client_apis.encrypt import authenticated_header
from warmkey.client_apis.frames import decrypt_body, encrypt_message
from warmkey.cmms.interface import check_decryption_materials, check_encryption_materials
from warmkey.data_format.header_cache import read_cached_header
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import DecryptMaterialsRequest, EncryptionContext, EncryptionMaterialsRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.rows import Effort

    Steps = dict[str, Callable[[], object]]

__all__ = ["measure_steps"]

SUITE = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
FRAME_LENGTH = 4096
# Also what caches cost: alone, and over and over, a step is quicker than in its place.
_REST = "rest: glue code, result, colder CPU caches"


def measure_steps(effort: Effort) -> list[Row]:
    """A row for each step of a 1 KB message, and one for what lies between them."""
    plaintext = os.urandom(1024)
    client = warmkey.Client(max_encrypted_data_keys=5)
    keyring = RawAesKeyring("benchmark", "wrapping-key", os.urandom(32))
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(100), max_age=3600.0, keyring=keyring)
    encrypt = partial(client.encrypt, plaintext, cmm=cmm, encryption_context=CONTEXT, algorithm_suite=SUITE)
    message = encrypt().ciphertext
    decrypt = partial(client.decrypt, message, cmm=cmm, encryption_context=CONTEXT)
    decrypt()
    floor_of_encrypt, floor_of_decrypt = floor_operations(plaintext, signed=False)
    return [
        *_rows("encrypt", encrypt, floor_of_encrypt, _steps_of_encrypt(client, cmm, plaintext), effort),
        *_rows("decrypt", decrypt, floor_of_decrypt, _steps_of_decrypt(client, cmm, message), effort),
    ]


def _steps_of_encrypt(client: warmkey.Client, cmm: warmkey.CachingCMM, plaintext: bytes) -> Steps:
    context = EncryptionContext.of(CONTEXT)
    ask = partial(
        EncryptionMaterialsRequest, context, client.commitment_policy, SUITE, frozenset[str](), len(plaintext)
    )
    request = ask()
    materials = cmm.get_encryption_materials(request)
    header = authenticated_header(materials, FRAME_LENGTH)
    return {
        "encryption context": partial(EncryptionContext.of, CONTEXT),
        "request": ask,
        "caching CMM: look up, check, count": partial(cmm.get_encryption_materials, request),
        "check materials": partial(check_encryption_materials, materials, request),
        "message ID, keys, cipher, header": partial(authenticated_header, materials, FRAME_LENGTH),
        "frame": partial(encrypt_message, header, plaintext, frame_length=FRAME_LENGTH, footer=None),
    }


def _steps_of_decrypt(client: warmkey.Client, cmm: warmkey.CachingCMM, message: bytes) -> Steps:
    header = read_cached_header(message, maximum_keys=client.max_encrypted_data_keys)
    reproduced = EncryptionContext.of(CONTEXT)
    ask = partial(
        DecryptMaterialsRequest,
        SUITE,
        client.commitment_policy,
        header.encrypted_data_keys,
        header.encryption_context,
        reproduced,
    )
    request = ask()
    materials = cmm.decrypt_materials(request)
    header_body = message[: header.body_length]
    aead = verified_cipher(materials, header, header_body)
    return {
        "read header": partial(read_cached_header, message, maximum_keys=client.max_encrypted_data_keys),
        "encryption context": partial(EncryptionContext.of, CONTEXT),
        "request": ask,
        "caching CMM: look up, check, count": partial(cmm.decrypt_materials, request),
        "check materials": partial(check_decryption_materials, materials, request),
        "keys, commitment, cipher, header tag": partial(verified_cipher, materials, header, header_body),
        "frame": partial(decrypt_body, message, header, aead),
    }


def _rows(operation: str, whole: Any, floor: Callable[[], object], steps: Steps, effort: Effort) -> list[Row]:  # noqa: ANN401 - a partial
    found = interleaved({"floor": floor, "whole": whole, **steps}, rounds=2 * effort.rounds, seconds=effort.seconds / 2)
    microseconds = {name: median(values) for name, values in found.items()}
    rest = microseconds["whole"] - sum(microseconds[name] for name in steps)
    shown = {**{name: microseconds[name] for name in steps}, _REST: rest, "total": microseconds["whole"]}
    return [
        Row(
            group=f"where the time goes: {operation}",
            name=name,
            figures=(
                Figure(label=f"{operation} 1 KB", value=value, unit="µs"),
                Figure(label="times the floor", value=value / microseconds["floor"], unit="×"),
            ),
        )
        for name, value in shown.items()
    ]
