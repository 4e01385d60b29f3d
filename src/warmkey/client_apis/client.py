"""The client: commitment policy and limits that encrypt and decrypt share.

Source: client-apis/client.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.boundary import PENDING, leave, mark_boundary
from warmkey.client_apis.decrypt import decrypt
from warmkey.client_apis.encrypt import DEFAULT_FRAME_LENGTH, encrypt
from warmkey.cmms.default import DefaultCMM
from warmkey.cmms.interface import check_cmm
from warmkey.events import Operation, ignore
from warmkey.exceptions import ConfigurationError, InvalidRequest
from warmkey.message_ends import counted_message, message_of
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrub_traceback, scrubbed
from warmkey.validation import choose_one, integer, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.buffered_source import Source
    from warmkey.client_apis.decrypt_stream import DecryptStream
    from warmkey.client_apis.encrypt import FrameLength
    from warmkey.client_apis.encrypt_stream import EncryptStream
    from warmkey.client_apis.results import DecryptResult, EncryptResult
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.keyrings.interface import Keyring

__all__ = ["DEFAULT_FRAME_LENGTH", "Client"]


@safe_repr
class Client:
    """Encrypts and decrypts messages in the AWS Encryption SDK's format.

    :param commitment_policy: which suites may be used; its name works too
    :param max_encrypted_data_keys: messages with more are refused before any key service is asked; ``None``: no limit
    :raises ConfigurationError: an argument can't be used

    Source: client-apis/client.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        *,
        # spec: client-apis/client.md#initialization e2c4 4342
        commitment_policy: CommitmentPolicy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
        # spec: client-apis/client.md#initialization e2c4 4666
        # spec: client-apis/client.md#maximum-number-of-encrypted-data-keys 4705
        max_encrypted_data_keys: int | None = None,
    ) -> None:
        # spec: client-apis/client.md#commitment-policy 8cf8
        self._commitment_policy = _policy(commitment_policy)
        if max_encrypted_data_keys is not None:
            integer("max_encrypted_data_keys", max_encrypted_data_keys, 1)
        self._max_encrypted_data_keys = max_encrypted_data_keys

    # spec: client-apis/client.md#initialization d2c6
    @property
    def commitment_policy(self) -> CommitmentPolicy:
        """Return which suites may be used; it never changes."""
        return self._commitment_policy

    @property
    def max_encrypted_data_keys(self) -> int | None:
        """Return how many encrypted data keys a message may have, or ``None`` for any number."""
        return self._max_encrypted_data_keys

    def __repr__(self) -> str:
        policy, maximum = self._commitment_policy.name, self._max_encrypted_data_keys
        return f"Client(commitment_policy={policy}, max_encrypted_data_keys={maximum})"

    # The two operations of a hit do by hand what ``scrubbed`` does, whose ``*args, **kwargs`` take 3 % of it.
    # spec: client-apis/client.md#encrypt b0c0
    @mark_boundary
    def encrypt(
        self,
        # spec: client-apis/encrypt.md#input 36a0
        plaintext: BytesLike,
        *,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        # spec: client-apis/encrypt.md#input 0f18
        encryption_context: Mapping[str, str] | None = None,
        algorithm_suite: AlgorithmSuite | None = None,
        frame_length: FrameLength = DEFAULT_FRAME_LENGTH,
    ) -> EncryptResult:
        """Encrypt *plaintext* with materials of *cmm*, or of a default CMM over *keyring*.

        :param plaintext: bytes, anything with a buffer (an array, a memory map), or boto3's ``Binary``
        :param encryption_context: text pairs that are authenticated and stored unencrypted with the message
        :param algorithm_suite: the suite to use instead of the commitment policy's default
        :param frame_length: bytes of plaintext per frame, 1 to 2^32 - 1; or ``auto``: 64 KiB where *plaintext* has more
            than 4,096 bytes, which is faster and as readable
        :raises InvalidRequest: an argument can't be used
        :raises ConfigurationError: *cmm* or *keyring* is something else
        :raises PolicyRefused: the commitment policy or the limit on encrypted data keys forbids it
        :raises KeyUnavailable: no data key could be had

        Source: client-apis/encrypt.md
        """
        message = None
        try:
            emit = getattr(cmm, "emit", ignore)
            if emit is not ignore:  # a block that does nothing takes 2 % of a hit
                message = counted_message(emit, Operation.ENCRYPT)
                if message is not None:
                    message.begin()
            result = encrypt(
                plaintext,
                cmm=cmm if cmm is not None and keyring is None else _chosen(cmm, keyring),
                commitment_policy=self._commitment_policy,
                max_encrypted_data_keys=self._max_encrypted_data_keys,
                encryption_context=encryption_context,
                algorithm_suite=algorithm_suite if type(algorithm_suite) is AlgorithmSuite else _suite(algorithm_suite),
                frame_length=frame_length,
            )
            if message is not None:
                message.finish()
            return result  # noqa: TRY300 - the variables are cleared below
        except BaseException as error:  # noqa: BLE001 - raised again
            if message is not None:
                message.finish(error)
            raise scrub_traceback(error)  # noqa: B904 - its cause is set already
        finally:
            plaintext = cmm = keyring = encryption_context = algorithm_suite = frame_length = result = None  # type: ignore[assignment]
            if PENDING:
                leave()

    # spec: client-apis/encrypt.md#plaintext e20d
    # spec: client-apis/encrypt.md#encrypted-message 85a4
    # spec: client-apis/streaming.md#overview e6c4
    @scrubbed
    def encrypt_stream(
        self,
        source: Source | BytesLike,
        *,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        encryption_context: Mapping[str, str] | None = None,
        algorithm_suite: AlgorithmSuite | None = None,
        frame_length: FrameLength = DEFAULT_FRAME_LENGTH,
        # spec: client-apis/encrypt.md#input 16d6
        plaintext_length: int | None = None,
    ) -> EncryptStream:
        """Return a readable binary file: the message of what *source* has, made while it is read.

        Takes the memory of one frame, or of a few hundred kilobytes where frames are small. Nothing is read and no key
        is asked for before the first read or the first look at its ``header``, ``encryption_context`` or
        ``algorithm_suite``. Closing it does not close *source*.

        :param source: anything with ``read(length)``: an open binary file, an S3 ``StreamingBody``, another stream
        :param frame_length: as for :meth:`encrypt`; ``auto`` takes a plaintext of unknown length for a large one
        :param plaintext_length: an upper bound of the bytes that *source* has. With it, data keys can come from the
            cache, and the bound is what counts against their limits; without it, the cache is bypassed. Ignored for
            bytes, whose length is known
        :raises InvalidRequest: an argument can't be used; on reading: *source* has more than *plaintext_length*
        :raises PolicyRefused: the commitment policy forbids *algorithm_suite*

        Reading raises what :meth:`encrypt` raises, and what *source* raises; then nothing more can be read.

        Source: client-apis/encrypt.md, client-apis/streaming.md
        """
        from warmkey.client_apis.encrypt_stream import encrypt_stream  # noqa: PLC0415 - 2 ms that few functions need

        message = message_of(cmm, Operation.ENCRYPT)
        try:
            stream = encrypt_stream(
                source,
                cmm=_chosen(cmm, keyring),
                commitment_policy=self._commitment_policy,
                max_encrypted_data_keys=self._max_encrypted_data_keys,
                encryption_context=encryption_context,
                algorithm_suite=algorithm_suite if type(algorithm_suite) is AlgorithmSuite else _suite(algorithm_suite),
                frame_length=frame_length,
                plaintext_length=plaintext_length,
            )
        except BaseException as error:
            message.end(error)
            raise
        return stream.count_as(message)

    # spec: client-apis/client.md#decrypt 77f1
    @mark_boundary
    def decrypt(
        self,
        # spec: client-apis/decrypt.md#input 7dc8
        ciphertext: BytesLike,
        *,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        # spec: client-apis/decrypt.md#input ec1f
        encryption_context: Mapping[str, str] | None = None,
    ) -> DecryptResult:
        """Decrypt *ciphertext* with materials of *cmm*, or of a default CMM over *keyring*.

        Nothing is returned before header, every frame and the signature are verified. A sealed record, a token or a
        checkpoint is refused unless *encryption_context* has its pair ``warmkey-kind``.

        :param ciphertext: bytes, anything with a buffer (an array, a memory map), or boto3's ``Binary``
        :param encryption_context: pairs to insist on: a key that the message stores must have this value, any other
            pair must have been authenticated without being stored
        :raises MalformedMessage: the bytes are not a message
        :raises AuthenticationFailed: commitment, a tag or the signature does not verify
        :raises PolicyRefused: commitment policy, number of encrypted data keys or encryption context
        :raises KeyUnavailable: no encrypted data key could be decrypted
        :raises InvalidRequest: an argument can't be used
        :raises ConfigurationError: *cmm* or *keyring* is something else

        Source: client-apis/decrypt.md
        """
        message = None
        try:
            emit = getattr(cmm, "emit", ignore)
            if emit is not ignore:
                message = counted_message(emit, Operation.DECRYPT)
                if message is not None:
                    message.begin()
            result = decrypt(
                ciphertext,
                cmm=cmm if cmm is not None and keyring is None else _chosen(cmm, keyring),
                commitment_policy=self._commitment_policy,
                max_encrypted_data_keys=self._max_encrypted_data_keys,
                encryption_context=encryption_context,
            )
            if message is not None:
                message.finish()
            return result  # noqa: TRY300 - the variables are cleared below
        except BaseException as error:  # noqa: BLE001 - raised again
            if message is not None:
                message.finish(error)
            raise scrub_traceback(error)  # noqa: B904 - its cause is set already
        finally:
            ciphertext = encryption_context = cmm = keyring = result = None  # type: ignore[assignment]
            if PENDING:
                leave()

    # spec: client-apis/decrypt.md#encrypted-message e20d
    # spec: client-apis/decrypt.md#plaintext fcce
    @scrubbed
    def decrypt_stream(
        self,
        source: Source | BytesLike,
        *,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        encryption_context: Mapping[str, str] | None = None,
        unsigned_only: bool = False,
        max_body_length: int | None = None,
    ) -> DecryptStream:
        """Return a readable binary file: the plaintext of the message in *source*, decrypted while it is read.

        What is read is authentic, frame by frame; that it is complete, and in a signed message that it comes from the
        signer, is known only when ``read()`` gives no more. Closing a signed message's stream before that raises
        :class:`AuthenticationFailed`, unless an exception is already on its way out of the ``with`` block.

        Nothing is read and no key is asked for before the first read or the first look at its ``header``,
        ``encryption_context`` or ``algorithm_suite``, which are there once the header is verified. Closing it does not
        close *source*. Takes the memory of one frame twice, or of a few hundred kilobytes where frames are small.

        :param source: anything with ``read(length)``: an open binary file, an S3 ``StreamingBody``, another stream
        :param encryption_context: pairs to insist on, as for :meth:`decrypt`
        :param unsigned_only: refuse signed messages, so that no plaintext is released ahead of its signature
        :param max_body_length: the most bytes that a non-framed body or a single frame may have, because they are held
            in memory until their tag is verified; ``None``: 64 MiB
        :raises InvalidRequest: an argument can't be used

        Reading raises what :meth:`decrypt` raises, and what *source* raises; then nothing more can be read, and what
        was read has to be discarded.

        Source: client-apis/decrypt.md, client-apis/streaming.md
        """
        from warmkey.client_apis.decrypt_stream import decrypt_stream  # noqa: PLC0415 - 2 ms that few functions need

        message = message_of(cmm, Operation.DECRYPT)
        try:
            stream = decrypt_stream(
                source,
                cmm=_chosen(cmm, keyring),
                commitment_policy=self._commitment_policy,
                max_encrypted_data_keys=self._max_encrypted_data_keys,
                encryption_context=encryption_context,
                unsigned_only=unsigned_only,
                max_body_length=max_body_length,
            )
        except BaseException as error:
            message.end(error)
            raise
        return stream.count_as(message)


def _chosen(cmm: CryptographicMaterialsManager | None, keyring: Keyring | None) -> CryptographicMaterialsManager:
    # spec: client-apis/encrypt.md#input 36a0
    # spec: client-apis/decrypt.md#input 43a1
    if (cmm is None) == (keyring is None):
        raise InvalidRequest(choose_one("cmm", "keyring", both=cmm is not None))
    if cmm is None:
        # spec: client-apis/encrypt.md#get-the-encryption-materials 4c22
        # spec: client-apis/decrypt.md#keyring 3241
        # spec: client-apis/decrypt.md#get-the-decryption-materials 4b75
        return DefaultCMM.of(keyring)  # type: ignore[arg-type]
    check_cmm(cmm)
    return cmm


def _suite(value: object) -> AlgorithmSuite | None:
    if value is None:
        return None
    # An enum's own errors show the value, which may be a key that went astray.
    for suite in AlgorithmSuite:
        if value in (suite, suite.value):
            return suite
    # spec: client-apis/encrypt.md#algorithm-suite 4d6f
    # spec: client-apis/encrypt.md#algorithm-suite-1 4d6f
    # spec: client-apis/encrypt.md#get-the-encryption-materials 8442
    raise InvalidRequest(f"algorithm_suite must be a member of AlgorithmSuite, not {shown(value)}")


def _policy(value: object) -> CommitmentPolicy:
    for policy in CommitmentPolicy:
        if value in (policy, policy.name):
            return policy
    names = ", ".join(policy.name for policy in CommitmentPolicy)
    raise ConfigurationError(f"commitment_policy must be one of {names}, not {shown(value)}")
