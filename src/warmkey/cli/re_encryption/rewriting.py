"""Decrypt a message and encrypt it again under the target keys: whole, or as a stream; verified before it is used.

What carries over exactly: the plaintext, which for sealed records and tokens includes what they are bound to and when
they expire; the encryption context, the kind in it included; pairs that were authenticated without being stored;
whether the message is signed; the frame length.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.choices import Choice
from warmkey.client_apis.buffered_source import BATCH_LENGTH, HEADER_GUESS, BufferedSource
from warmkey.client_apis.client import DEFAULT_FRAME_LENGTH, Client
from warmkey.cmms.required_encryption_context import RequiredEncryptionContextCMM
from warmkey.data_format.message_header import read_header
from warmkey.exceptions import WarmkeyError
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID
from warmkey.safe_repr import safe_repr
from warmkey.structures import KIND_KEY, PUBLIC_KEY_FIELD, EncryptionContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from warmkey.client_apis.buffered_source import Source
    from warmkey.client_apis.streams import MessageStream
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["ComparisonFailed", "Rewriter", "Signing", "TargetFailed", "front_of"]

_SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
_UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY


class TargetFailed(Exception):
    """The old message is in order, and no new one could be made of it or read again."""


class ComparisonFailed(TargetFailed):
    """The new message is not what the old one was, so it is not used. It means that warmkey has a fault."""


class Signing(Choice, Enum):
    """Say which new messages are signed."""

    AS_BEFORE = "as before"
    ALL = "all"
    NONE = "none"


class _Carried(NamedTuple):
    """What a new message has in common with the old one.

    :ivar stored: the pairs that the message stores, without the kind
    :ivar only_authenticated: the pairs that it does not store
    """

    stored: dict[str, str]
    only_authenticated: dict[str, str]
    kind: str | None

    @property
    def all_pairs(self) -> dict[str, str]:
        return {**self.stored, **self.only_authenticated, **self.kind_pair}

    @property
    def kind_pair(self) -> dict[str, str]:
        return {} if self.kind is None else {KIND_KEY: self.kind}


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriter:
    """Turns messages under any of the source's keys into messages under the target's.

    :ivar source: decrypts old messages
    :ivar target: encrypts new ones and decrypts them again; it must know the target keys only
    :ivar key_arns: the target keys: each new message has an encrypted data key of each of them
    :ivar expected: pairs that every old message must have been encrypted with, stored or not
    :ivar reading: reads old messages, with the policy and limits for them
    """

    source: CryptographicMaterialsManager
    target: CryptographicMaterialsManager
    key_arns: frozenset[str]
    signing: Signing
    expected: Mapping[str, str]
    reading: Client
    max_body_length: int | None = None

    def is_current(self, header: MessageHeader) -> bool:
        """Return whether a message is as a new one would be, going by its header, which nobody has verified."""
        return self._is_new_message_for(header, header)

    def _is_new_message_for(self, old: MessageHeader, new: MessageHeader) -> bool:
        keys = [
            key.key_provider_info.decode(errors="replace")
            for key in new.encrypted_data_keys
            if key.key_provider_id == AWS_KMS_PROVIDER_ID
        ]
        return (
            len(keys) == len(new.encrypted_data_keys) == len(self.key_arns)
            and self.key_arns == set(keys)
            and new.algorithm_suite is self._suite(old)
            and new.frame_length == _frame_length(old)
        )

    def rewrite(self, message: bytes) -> bytes | None:
        """Return the new message for *message*, verified; ``None`` if it is current.

        :raises WarmkeyError: it can't be decrypted
        :raises TargetFailed: the new message can't be made or read, or differs from the old one
        """
        header = read_header(message)
        if self.is_current(header):
            return None
        carried = self._carried(header)
        old = self.reading.decrypt(message, cmm=self.source, encryption_context={**self.expected, **carried.kind_pair})
        with _naming_the_target():
            new = self._encrypt(old.plaintext, header, carried)
            read = _WRITING.decrypt(new, cmm=self.target, encryption_context=carried.all_pairs)
        if read.plaintext != old.plaintext:
            raise ComparisonFailed("the new message has another plaintext")
        self._compare(header, read.header)
        return new

    def _encrypt(self, plaintext: bytes, header: MessageHeader, carried: _Carried) -> bytes:
        return _WRITING.encrypt(
            plaintext,
            cmm=self._writing_cmm(carried),
            encryption_context={**carried.stored, **carried.only_authenticated},
            algorithm_suite=self._suite(header),
            frame_length=_frame_length(header),
        ).ciphertext

    def rewrite_stream(
        self, header: MessageHeader, source: Source, *, most_bytes: int, write: Callable[[bytes], object]
    ) -> None:
        """Write the new message of what is in *source*. Only when this returns is it known to be good.

        :param header: that of *source*, see :func:`front_of`
        :param most_bytes: an upper bound of the message's length
        :raises WarmkeyError: see :meth:`rewrite`
        :raises TargetFailed: see :meth:`rewrite`
        """
        carried = self._carried(header)
        old = _Hashing(self._old_stream(carried, source))
        new = _WRITING.encrypt_stream(
            old,
            cmm=self._writing_cmm(carried),
            encryption_context={**carried.stored, **carried.only_authenticated},
            algorithm_suite=self._suite(header),
            frame_length=_frame_length(header),
            plaintext_length=most_bytes,
        )
        read = _Hashing(
            _WRITING.decrypt_stream(
                _Tee(new, write),
                cmm=self.target,
                encryption_context=carried.all_pairs,
                max_body_length=self.max_body_length,
            )
        )
        with _naming_the_target(unless=lambda: old.failure):
            while read.read(BATCH_LENGTH):
                pass
        if read.digest() != old.digest():
            raise ComparisonFailed("the new message has another plaintext")
        self._compare(header, read.stream.header)

    def rehearse(self, header: MessageHeader, source: Source) -> None:
        """Check that the data key of what is in *source* can be decrypted, and a message like it be written and read.

        The header is verified, and no more than the start of *source* is read.

        :raises WarmkeyError: see :meth:`rewrite`
        :raises TargetFailed: see :meth:`rewrite`
        """
        carried = self._carried(header)
        self._old_stream(carried, source).header  # noqa: B018 - asks for the data key and verifies the header
        with _naming_the_target():
            new = self._encrypt(b"", header, carried)
            _WRITING.decrypt(new, cmm=self.target, encryption_context=carried.all_pairs)

    def _old_stream(self, carried: _Carried, source: Source) -> MessageStream:
        return self.reading.decrypt_stream(
            source,
            cmm=self.source,
            encryption_context={**self.expected, **carried.kind_pair},
            max_body_length=self.max_body_length,
        )

    def _suite(self, header: MessageHeader) -> AlgorithmSuite:
        is_signed = header.algorithm_suite.signature is not None
        signs = is_signed if self.signing is Signing.AS_BEFORE else self.signing is Signing.ALL
        return _SIGNED if signs else _UNSIGNED

    def _carried(self, header: MessageHeader) -> _Carried:
        stored = _without_signing_key(header.encryption_context)
        kind = stored.pop(KIND_KEY, None)
        return _Carried(
            stored=stored,
            only_authenticated={key: value for key, value in self.expected.items() if key not in stored},
            kind=kind,
        )

    def _writing_cmm(self, carried: _Carried) -> CryptographicMaterialsManager:
        cmm = self.target
        if carried.kind is not None:
            cmm = _KindCMM(cmm, carried.kind)
        if carried.only_authenticated:
            cmm = RequiredEncryptionContextCMM(list(carried.only_authenticated), cmm=cmm)
        return cmm

    def _compare(self, old: MessageHeader, new: MessageHeader) -> None:
        if _without_signing_key(old.encryption_context) != _without_signing_key(new.encryption_context):
            raise ComparisonFailed("the new message has another encryption context")
        if not self._is_new_message_for(old, new):
            raise ComparisonFailed("the new message has other keys, another suite or another frame length")


# What the target's readers accept by default.
_WRITING = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def front_of(source: Source) -> tuple[MessageHeader, Source]:
    """Return the header at the front of *source*, unverified, and a source that has it again.

    :raises MalformedMessage: there is none
    """
    buffered = BufferedSource(source)
    header = buffered.parse(read_header, guess=HEADER_GUESS)
    return header, _Rest(buffered)


@contextmanager
def _naming_the_target(unless: Callable[[], BaseException | None] = lambda: None) -> Iterator[None]:
    """Turn an error into one of the new message, unless it is the one that *unless* returns."""
    try:
        yield
    except WarmkeyError as error:
        if error is unless():
            raise
        raise TargetFailed(f"the new message can't be made, or not be read: {error}") from error


def _frame_length(header: MessageHeader) -> int:
    return header.frame_length or DEFAULT_FRAME_LENGTH


def _without_signing_key(context: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in context.items() if key != PUBLIC_KEY_FIELD}


class _KindCMM:
    """Adds the pair of a kind of message, which callers of encrypt can't give."""

    def __init__(self, cmm: CryptographicMaterialsManager, kind: str) -> None:
        self._cmm = cmm
        self._kind = kind

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        context = EncryptionContext.of(request.encryption_context).with_pair(KIND_KEY, self._kind)
        return self._cmm.get_encryption_materials(replace(request, encryption_context=context))

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        return self._cmm.decrypt_materials(request)


class _Rest:
    """Reads what a buffered source holds, and then on."""

    def __init__(self, buffered: BufferedSource) -> None:
        self._buffered = buffered

    def read(self, length: int, /) -> bytes:
        self._buffered.fill(1, length)
        with self._buffered.data[:length] as front:
            chunk = bytes(front)
        self._buffered.consume(len(chunk))
        return chunk


class _Hashing:
    """Reads a stream and hashes what it gives."""

    def __init__(self, stream: MessageStream) -> None:
        self.stream = stream
        self.failure: BaseException | None = None
        self._hash = hashlib.sha384()

    def read(self, length: int, /) -> bytes:
        try:
            chunk = self.stream.read(length)
        except BaseException as error:
            self.failure = error
            raise
        self._hash.update(chunk)
        return chunk

    def digest(self) -> bytes:
        return self._hash.digest()


class _Tee:
    """Reads a stream and writes what it gives."""

    def __init__(self, stream: MessageStream, write: Callable[[bytes], object]) -> None:
        self._stream = stream
        self._write = write

    def read(self, length: int, /) -> bytes:
        chunk = self._stream.read(length)
        self._write(chunk)
        return chunk
