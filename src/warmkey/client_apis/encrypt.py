"""The encrypt operation.

Source: client-apis/encrypt.md#behavior
"""

from __future__ import annotations

import hashlib
import logging
import os
from functools import partial
from typing import TYPE_CHECKING, cast

from warmkey.boundary import run_outside
from warmkey.client_apis.frames import encrypt_message
from warmkey.client_apis.results import EncryptResult
from warmkey.cmms.interface import check_cmm, check_encryption_materials, check_may_encrypt
from warmkey.crypto.aes_gcm import AESGCM, MAX_CONTENT_LENGTH
from warmkey.crypto.key_derivation import derive_keys
from warmkey.data_format.encrypted_data_keys import check_encrypted_data_key_count
from warmkey.data_format.message_body import MAX_FRAME_LENGTH, MAX_FRAMES
from warmkey.data_format.message_footer import serialize_footer
from warmkey.data_format.message_header import HEADER_IV, serialize_header_parts
from warmkey.data_format.reader import in_bytes
from warmkey.exceptions import InvalidRequest
from warmkey.structures import KIND_KEY, RESERVED_PREFIX, EncryptionContext, EncryptionMaterialsRequest
from warmkey.validation import quoted, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal, TypeAlias

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.frames import AuthenticatedHeader
    from warmkey.client_apis.kinds import Kind
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.structures import EncryptionMaterials, SigningKey

    FrameLength: TypeAlias = int | Literal["auto"]

__all__ = [
    "DEFAULT_FRAME_LENGTH",
    "authenticated_header",
    "check_frames",
    "encrypt",
    "frame_length_for",
    "get_materials",
]

# spec: client-apis/encrypt.md#frame-length 517c
DEFAULT_FRAME_LENGTH = 4096
# Nine tenths of what larger frames can bring (1 MB unsigned: 2.7 times as fast, 2.9 with one frame), and small enough
# for every reader to hold.
_LARGE_FRAME_LENGTH = 2**16
# The format has four bytes for it without a sign. The Java and Python clients refuse what is longer than this.
_LONGEST_READ_BY_ALL = 2**31 - 1
_has_warned = False
_NO_KEYS: frozenset[str] = frozenset()


# spec: client-apis/encrypt.md#overview 1db7
# spec: client-apis/encrypt.md#behavior 827d
def encrypt(
    plaintext: BytesLike,
    *,
    cmm: CryptographicMaterialsManager,
    commitment_policy: CommitmentPolicy,
    max_encrypted_data_keys: int | None,
    encryption_context: Mapping[str, str] | None,
    algorithm_suite: AlgorithmSuite | None,
    frame_length: FrameLength,
    kind: Kind | None = None,
) -> EncryptResult:
    """Return the message of one plaintext; see :meth:`warmkey.Client.encrypt`.

    :param kind: of a message that only its own opener may take: see :mod:`warmkey.client_apis.kinds`
    """
    source = plaintext if type(plaintext) is bytes else _as_bytes(plaintext)
    length = len(source)
    frame_length = frame_length_for(length, frame_length)
    if length > frame_length or length > MAX_CONTENT_LENGTH:
        check_frames(-(-length // frame_length), min(length, frame_length), frame_length)
    materials = get_materials(
        cmm,
        commitment_policy=commitment_policy,
        max_encrypted_data_keys=max_encrypted_data_keys,
        encryption_context=encryption_context,
        algorithm_suite=algorithm_suite,
        plaintext_length=length,
        kind=kind,
    )
    # spec: client-apis/encrypt.md#get-the-encryption-materials 1d14
    suite = materials.algorithm_suite
    # spec: client-apis/encrypt.md#encrypted-message 5ecc
    # spec: client-apis/encrypt.md#behavior 2cdc
    message = encrypt_message(
        authenticated_header(materials, frame_length),
        source,
        frame_length=frame_length,
        # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm bc19
        # spec: client-apis/encrypt.md#behavior 7110 0007
        # spec: client-apis/encrypt.md#construct-the-signature 3e39
        # spec: data-format/message-footer.md#overview ac6e
        # spec: data-format/message.md#structure 47ca
        footer=None if suite.signature is None else partial(_footer, materials),
    )
    # spec: client-apis/encrypt.md#output 7433 b93a
    # spec: client-apis/encrypt.md#encryption-context-1 f130
    # spec: client-apis/encrypt.md#algorithm-suite-1 f130
    return EncryptResult(message, {**materials.encryption_context}, suite)


def check_frames(count: int, longest: int, frame_length: int) -> None:
    """Check that the format has numbers for the frames and the cipher takes the longest.

    :raises InvalidRequest: there are too many, or one is too long

    Source: data-format/message-body.md#framed-data
    """
    # spec: data-format/message-body.md#framed-data 9c3e
    if count > MAX_FRAMES:
        problem = f"the plaintext needs more than {MAX_FRAMES} frames of {in_bytes(frame_length)}"
        raise InvalidRequest(f"{problem}; choose a larger frame_length")
    if longest > MAX_CONTENT_LENGTH:
        problem = f"a frame of more than {MAX_CONTENT_LENGTH} bytes can't be encrypted"
        raise InvalidRequest(f"{problem}; choose a smaller frame_length than {frame_length}")


def frame_length_for(plaintext_length: int | None, wanted: FrameLength) -> int:
    """Return *wanted*, or what ``auto`` comes to; a plaintext of unknown length counts as large.

    One that not every client can read is warned of, once, on the logger of this module.

    :raises InvalidRequest: *wanted* is neither ``auto`` nor an int from 1 to 2^32 - 1

    Source: client-apis/encrypt.md#frame-length
    """
    # spec: client-apis/encrypt.md#frame-length b976
    # spec: data-format/message-body.md#framed-data ec2e
    if type(wanted) is int and 0 < wanted <= MAX_FRAME_LENGTH:
        if wanted > _LONGEST_READ_BY_ALL:
            _warn_of_frame_length(wanted)
        return wanted
    if not isinstance(wanted, str) or wanted != "auto":
        raise InvalidRequest(f"frame_length must be an int from 1 to {MAX_FRAME_LENGTH} or 'auto', not {shown(wanted)}")
    is_small = plaintext_length is not None and plaintext_length <= DEFAULT_FRAME_LENGTH
    return DEFAULT_FRAME_LENGTH if is_small else _LARGE_FRAME_LENGTH


def _warn_of_frame_length(frame_length: int) -> None:
    global _has_warned  # noqa: PLW0603 - once is enough
    if not _has_warned:
        _has_warned = True
        message = (
            "frame_length is %d: the AWS Encryption SDKs for Java and Python can't read messages whose frame length is "
            "over %d, however short the messages are"
        )
        run_outside(partial(logging.getLogger(__name__).warning, message, frame_length, _LONGEST_READ_BY_ALL))


def _as_bytes(plaintext: object) -> bytes | memoryview:
    from warmkey.bytes_like import bytes_of  # noqa: PLC0415 - most callers have bytes

    # spec: client-apis/encrypt.md#plaintext 58ca
    found = bytes_of(plaintext)
    if found is None:
        hint = "; text becomes bytes by .encode()" if isinstance(plaintext, str) else ""
        raise InvalidRequest(f"the plaintext must be bytes, not {type(plaintext).__name__}{hint}")
    return found


def get_materials(
    cmm: CryptographicMaterialsManager,
    *,
    commitment_policy: CommitmentPolicy,
    max_encrypted_data_keys: int | None,
    encryption_context: Mapping[str, str] | None,
    algorithm_suite: AlgorithmSuite | None,
    plaintext_length: int | None,
    kind: Kind | None = None,
) -> EncryptionMaterials:
    """Ask the CMM, and check its answer as if it were a stranger's.

    Source: client-apis/encrypt.md#get-the-encryption-materials
    """
    context = EncryptionContext.of(encryption_context)
    if context.reserved_key is not None:
        problem = f"the encryption context key {quoted(context.reserved_key)} is reserved"
        raise InvalidRequest(f"{problem}; no key may start with {RESERVED_PREFIX} or be {KIND_KEY}")
    if kind is not None:
        context = context.with_pair(KIND_KEY, kind)
    if algorithm_suite is not None and algorithm_suite not in commitment_policy.encrypt_suites:
        # spec: client-apis/encrypt.md#get-the-encryption-materials cd7c
        check_may_encrypt(algorithm_suite, commitment_policy)
    # spec: client-apis/encrypt.md#get-the-encryption-materials d8b1 0f8c
    request = EncryptionMaterialsRequest(context, commitment_policy, algorithm_suite, _NO_KEYS, plaintext_length)
    try:
        # spec: client-apis/encrypt.md#get-the-encryption-materials 08fc 52de 883f
        materials = cmm.get_encryption_materials(request)
    except AttributeError:
        check_cmm(cmm)
        raise
    # spec: client-apis/encrypt.md#get-the-encryption-materials afe5
    # spec: client-apis/encrypt.md#behavior 471a
    check_encryption_materials(materials, request)
    if max_encrypted_data_keys is not None and len(materials.encrypted_data_keys) > max_encrypted_data_keys:
        # spec: client-apis/encrypt.md#get-the-encryption-materials 9280
        check_encrypted_data_key_count(len(materials.encrypted_data_keys), maximum=max_encrypted_data_keys)
    return materials


def authenticated_header(materials: EncryptionMaterials, frame_length: int) -> AuthenticatedHeader:
    """Derive the keys of a new message, and build and authenticate its header.

    Source: client-apis/encrypt.md#construct-the-header
    """
    suite = materials.algorithm_suite
    # spec: client-apis/encrypt.md#construct-the-header 5645
    # spec: data-format/message-header.md#message-id b614 bf5c
    message_id = os.urandom(suite.message_id_length)
    data_key: bytes = materials.plaintext_data_key  # type: ignore[assignment]
    # spec: client-apis/encrypt.md#get-the-encryption-materials 0985
    # spec: client-apis/encrypt.md#construct-the-header 50e0
    encryption_key, commit_key = derive_keys(suite, data_key, message_id)
    aead = AESGCM(encryption_key)
    parts: tuple[bytes, bytes, bytes] | None = materials.header_parts.get(frame_length)
    before_id, after_id, only_authenticated = parts or _unchanging_parts(materials, frame_length)
    # spec: framework/algorithm-suites.md#supported-algorithm-suite-data dd4e 4a37
    # spec: client-apis/encrypt.md#construct-the-header bf42 50e0
    body = before_id + message_id + after_id + commit_key
    # spec: client-apis/encrypt.md#construct-the-header a4f7 1632 2a95
    tag = aead.encrypt(HEADER_IV, b"", body + only_authenticated)
    # spec: client-apis/encrypt.md#construct-the-header ad5c 9085 4df4
    iv = HEADER_IV if suite.message_version == 1 else b""
    # spec: client-apis/encrypt.md#construct-the-header d223 d388 5088
    return body + iv + tag, message_id, aead


def _unchanging_parts(materials: EncryptionMaterials, frame_length: int) -> tuple[bytes, bytes, bytes]:
    """Return the header body around the message ID, and the context that is only authenticated; keep them."""
    context = cast("EncryptionContext", materials.encryption_context)
    required = materials.required_encryption_context_keys
    # spec: client-apis/encrypt.md#construct-the-header 5de4
    stored = context.without(required) if required else context
    around_id = serialize_header_parts(
        materials.algorithm_suite, stored, materials.encrypted_data_keys, frame_length=frame_length
    )
    # spec: client-apis/encrypt.md#construct-the-header 1637
    parts = *around_id, context.serialize_only(required) if required else b""
    materials.header_parts.clear()  # one frame length is the rule: keep no more than one
    materials.header_parts[frame_length] = parts
    return parts


def _footer(materials: EncryptionMaterials, message: bytes | memoryview) -> bytes:
    signature = materials.algorithm_suite.signature
    # spec: client-apis/encrypt.md#construct-the-signature f8cd
    # spec: data-format/message-footer.md#signature 2978
    digest = hashlib.new(signature.hash_function.value, message).digest()  # type: ignore[union-attr]
    # spec: client-apis/encrypt.md#construct-the-signature f8cd 598c d4b8
    return serialize_footer(cast("SigningKey", materials.signing_key).sign(digest))
