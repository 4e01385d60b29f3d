"""The promise that is put to the test: any bytes give a message or an error of ours, and no more than their share.

Each target takes bytes and raises :class:`BrokenPromiseError`, or whatever got out, when the promise is broken.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.vectors.forge import KEY_NAME, NAMESPACE, SUITES, WRAPPING_KEY, Forgery
from warmkey import (
    Client,
    CommitmentPolicy,
    DefaultCMM,
    EncryptedDataKey,
    EncryptionContext,
    MalformedMessage,
    WarmkeyError,
)
from warmkey.client_apis import decrypt as decrypt_module
from warmkey.client_apis import decrypt_stream as stream_module
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey import DecryptionMaterials, EncryptionMaterials

__all__ = ["TARGETS", "BrokenPromiseError", "seeds"]

_PLAINTEXT = b"plaintext!" * 5
_CLIENT = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
_KEYRING = RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY)


class BrokenPromiseError(Exception):
    """What must not happen happened."""


def seeds() -> list[bytes]:
    """Authentic messages: every suite, framed and not, with and without a context."""
    return [
        Forgery(suite_id=suite_id, framed=framed, pairs=pairs).message(plaintext)
        for suite_id in SUITES
        for framed in (True, False)
        for pairs in ([], [(b"purpose", b"test"), ("ключ".encode(), b"")])
        for plaintext in (b"", _PLAINTEXT)
    ]


_AUTHENTIC = frozenset(seeds())


def real(data: bytes) -> None:
    """Decrypt for real: nothing is accepted but the seeds."""
    plaintext = _plaintext(lambda: _CLIENT.decrypt(data, keyring=_KEYRING).plaintext)
    streamed = _plaintext(lambda: _read_in_pieces(_CLIENT.decrypt_stream(io.BytesIO(data), keyring=_KEYRING)))
    if plaintext is not None and data not in _AUTHENTIC:
        raise BrokenPromiseError("accepted a message that nobody wrote")
    if plaintext != streamed:
        raise BrokenPromiseError("whole and as a stream are not the same")


def gullible(data: bytes) -> None:
    """The same without cryptography: every key fits, every tag and signature verifies, so all of it gets parsed."""
    with _Gullibility():
        plaintext = _plaintext(lambda: _CLIENT.decrypt(data, cmm=_GullibleCMM()).plaintext)
        streamed = _plaintext(lambda: _read_in_pieces(_CLIENT.decrypt_stream(io.BytesIO(data), cmm=_GullibleCMM())))
    if plaintext is not None and len(plaintext) > len(data):
        raise BrokenPromiseError("more came out than went in")
    if plaintext != streamed:
        raise BrokenPromiseError("whole and as a stream are not the same")


TARGETS: dict[str, Callable[[bytes], None]] = {"real": real, "gullible": gullible}


def _plaintext(decrypt: Callable[[], bytes]) -> bytes | None:
    try:
        return decrypt()
    except MalformedMessage as error:
        if error.offset < 0 or not error.where:
            raise BrokenPromiseError("an error that points nowhere") from error
        return None
    except WarmkeyError:
        return None


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


class _Gullibility:
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
