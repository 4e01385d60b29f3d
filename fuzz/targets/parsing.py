"""Decrypt in a world without cryptography, whole and as a stream, so that every field of a message gets parsed."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fuzz.message_mutation import changed_message
from fuzz.promise import BrokenPromiseError, attempt, check
from fuzz.target import Target
from fuzz.targets.messages import seeds
from tests.vectors.readers import COMMITTING
from warmkey import DefaultCMM, EncryptionContext
from warmkey.client_apis import decrypt as decrypt_module
from warmkey.client_apis import decrypt_stream as stream_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = ["TARGET", "Gullibility", "test"]


def test(data: bytes) -> None:
    """Every key fits, every tag and signature verifies: no more comes out than went in, whole or as a stream."""
    whole = attempt(lambda: bytes(COMMITTING.decrypt(data, cmm=_GullibleCMM()).plaintext))
    streamed = attempt(lambda: _read_in_pieces(COMMITTING.decrypt_stream(io.BytesIO(data), cmm=_GullibleCMM())))
    check(not isinstance(whole.value, bytes) or len(whole.value) <= len(data), "more came out than went in")
    check(whole.value == streamed.value, "whole and as a stream are not the same")


def _read_in_pieces(stream: Any) -> bytes:  # noqa: ANN401 - a stream of either kind
    with stream:
        return b"".join(iter(lambda: stream.read(7), b""))


# --- a world without cryptography


class _GullibleCipher:
    def __init__(self, key: bytes) -> None:
        """Any key will do."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:  # noqa: ARG002
        return bytes(data[:-16])

    def decrypt_into(self, nonce: bytes, data: bytes, associated_data: bytes | None, buffer: Any) -> int:  # noqa: ARG002, ANN401
        if len(buffer) != len(data) - 16:
            raise ValueError("buffer must be as long as the plaintext")
        buffer[:] = data[:-16]
        return len(data) - 16


class _GullibleKey:
    def verify(self, signature: bytes, digest: bytes, /) -> None:
        """Any signature will do."""


class _GullibleKeyring:
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        return materials

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        if not encrypted_data_keys:
            raise BrokenPromiseError("a message without encrypted data keys")
        return replace(materials, plaintext_data_key=bytes(materials.algorithm_suite.data_key_length))


class _GullibleCMM(DefaultCMM):
    def __init__(self) -> None:
        super().__init__(_GullibleKeyring())

    def decrypt_materials(self, request: Any, /) -> DecryptionMaterials:  # noqa: ANN401 - as the default CMM's
        materials = super().decrypt_materials(request)
        if type(materials.encryption_context) is not EncryptionContext:
            raise BrokenPromiseError("a context that was never checked")
        return replace(materials, verification_key=materials.verification_key and _GullibleKey())


class Gullibility:
    """Ciphers and commitment give way as long as the block lasts."""

    def __enter__(self) -> None:
        self._saved = [(module, name, getattr(module, name)) for module, name in _places()]
        for module, name, _value in self._saved:
            setattr(module, name, _GullibleCipher if name == "AESGCM" else lambda *_: None)

    def __exit__(self, *_: object) -> None:
        for module, name, value in self._saved:
            setattr(module, name, value)


def _places() -> list[tuple[Any, str]]:
    names = ("AESGCM", "check_commitment")
    return [(module, name) for module in (decrypt_module, stream_module) for name in names if hasattr(module, name)]


TARGET = Target(seeds=seeds, change=changed_message, test=test, world=Gullibility)
