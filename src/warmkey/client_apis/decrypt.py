"""The decrypt operation.

Source: client-apis/decrypt.md#behavior
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from warmkey.client_apis.frames import decrypt_body
from warmkey.client_apis.results import DecryptResult
from warmkey.cmms.interface import check_cmm, check_decryption_materials, check_may_decrypt, forget_unverified
from warmkey.crypto.aes_gcm import AESGCM, MAX_CONTENT_LENGTH, InvalidTag
from warmkey.crypto.key_derivation import check_commitment, derive_keys
from warmkey.data_format.header_cache import read_cached_header, remember_header
from warmkey.data_format.message_footer import read_end, read_footer
from warmkey.data_format.reader import Reader
from warmkey.exceptions import AuthenticationFailed, InvalidRequest, PolicyRefused, WarmkeyError
from warmkey.structures import KIND_KEY, DecryptMaterialsRequest, EncryptionContext, VerifiedKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.algorithm_suites import CommitmentPolicy
    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.kinds import Kind
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.structures import DecryptionMaterials, VerificationKey

__all__ = ["decrypt", "verified_cipher", "verified_materials"]

# A longer header is verified where it is: copying a short one is quicker, but a stranger's may have any length.
_LARGE_HEADER = 2**16


# spec: client-apis/decrypt.md#overview 6f4a
# spec: client-apis/decrypt.md#behavior 827d
def decrypt(
    ciphertext: BytesLike,
    *,
    cmm: CryptographicMaterialsManager,
    commitment_policy: CommitmentPolicy,
    max_encrypted_data_keys: int | None,
    encryption_context: Mapping[str, str] | None,
    kind: Kind | None = None,
) -> DecryptResult:
    """Return the plaintext of one message; see :meth:`warmkey.Client.decrypt`.

    :param kind: the only kind of message to take; ``None``: plain messages
    """
    message = ciphertext if type(ciphertext) is bytes else _checked_ciphertext(ciphertext)
    # spec: client-apis/decrypt.md#parse-the-header 2315 ecad 7b4e
    header = read_cached_header(message, maximum_keys=max_encrypted_data_keys)
    start = message if header.length <= _LARGE_HEADER else memoryview(message)
    materials, aead = verified_materials(
        cmm,
        header,
        start[: header.body_length],
        commitment_policy=commitment_policy,
        encryption_context=encryption_context,
        kind=kind,
    )
    # spec: client-apis/decrypt.md#decrypt-the-message-body 7160
    plaintext, body_end = decrypt_body(message, header, aead)
    suite = header.algorithm_suite
    # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 119e
    if suite.signature is not None:
        # spec: client-apis/decrypt.md#behavior 3a1a bf21
        _verify_signature(materials, message, body_end)
    elif body_end != len(message):
        read_end(Reader(message, body_end))
    if type(header.encrypted_data_keys) is not VerifiedKeys:
        remember_header(message, header)
    # spec: client-apis/decrypt.md#authenticated-data 5ec4
    # spec: client-apis/decrypt.md#output 2d53 b93a
    # spec: client-apis/decrypt.md#behavior 8696 7c9b
    return DecryptResult(plaintext, {**materials.encryption_context}, suite, header)


def _checked_ciphertext(ciphertext: object) -> bytes | memoryview:
    from warmkey.bytes_like import bytes_of  # noqa: PLC0415 - most callers have bytes

    found = bytes_of(ciphertext)
    # spec: client-apis/decrypt.md#encrypted-message de84
    if found is None:
        hint = "; decode base64 text first, or use decrypt_text" if isinstance(ciphertext, str) else ""
        raise InvalidRequest(f"the ciphertext must be bytes, not {type(ciphertext).__name__}{hint}")
    return found


def verified_materials(
    cmm: CryptographicMaterialsManager,
    header: MessageHeader,
    header_body: bytes | memoryview,
    *,
    commitment_policy: CommitmentPolicy,
    encryption_context: Mapping[str, str] | None,
    kind: Kind | None = None,
) -> tuple[DecryptionMaterials, AESGCM]:
    """Ask the CMM, check its answer as if it were a stranger's, and verify the header with it.

    The CMM is told of a header that is not authentic: anybody can write one, so nothing of it should stay in a cache.

    :raises AuthenticationFailed: commitment or header is not authentic
    :raises PolicyRefused: the header is longer than the cipher takes

    Source: client-apis/decrypt.md#get-the-decryption-materials
    """
    if header.algorithm_suite not in commitment_policy.decrypt_suites:
        # spec: client-apis/decrypt.md#get-the-decryption-materials 50bd
        check_may_decrypt(header.algorithm_suite, commitment_policy)
    reproduced = EncryptionContext.of(encryption_context)
    if header.encryption_context.get(KIND_KEY) != kind:
        from warmkey.client_apis.kinds import check_kind  # noqa: PLC0415 - for what is hardly ever right

        # Ahead of the CMM: no key is asked for on behalf of a message that this opener must not take.
        check_kind(header.encryption_context, reproduced, kind)
    if kind is not None and KIND_KEY not in reproduced:  # another value is for the CMM to refuse
        reproduced = reproduced.with_pair(KIND_KEY, kind)
    # spec: client-apis/decrypt.md#get-the-decryption-materials fcbd
    request = DecryptMaterialsRequest(
        header.algorithm_suite,
        commitment_policy,
        header.encrypted_data_keys,
        header.encryption_context,
        reproduced,
    )
    try:
        # spec: client-apis/decrypt.md#cryptographic-materials-manager f779
        # spec: client-apis/decrypt.md#keyring c6af
        # spec: client-apis/decrypt.md#get-the-decryption-materials 6787 52de
        materials = cmm.decrypt_materials(request)
    except AttributeError:
        check_cmm(cmm)
        raise
    try:
        # spec: client-apis/decrypt.md#get-the-decryption-materials 2f06
        check_decryption_materials(materials, request)
        return materials, verified_cipher(materials, header, header_body)
    except WarmkeyError:
        forget_unverified(cmm, request)
        raise


def verified_cipher(materials: DecryptionMaterials, header: MessageHeader, header_body: bytes | memoryview) -> AESGCM:
    """Return the cipher of the message's derived key, once commitment and header are verified.

    :raises AuthenticationFailed: one of them is not authentic
    :raises PolicyRefused: the header is longer than the cipher takes

    Source: client-apis/decrypt.md#verify-the-header
    """
    data_key: bytes = materials.plaintext_data_key  # type: ignore[assignment]
    # spec: client-apis/decrypt.md#get-the-decryption-materials 1223 3de0
    encryption_key, commit_key = derive_keys(header.algorithm_suite, data_key, header.message_id)
    # spec: client-apis/decrypt.md#get-the-decryption-materials 5c2d
    check_commitment(commit_key, header.algorithm_suite_data)
    aead = AESGCM(encryption_key)
    required = materials.required_encryption_context_keys
    if required:
        # spec: client-apis/decrypt.md#verify-the-header 553f
        only_authenticated = cast("EncryptionContext", materials.encryption_context).serialize_only(required)
        # spec: client-apis/decrypt.md#verify-the-header 2a95
        header_body = b"".join((header_body, only_authenticated))
    if len(header_body) > MAX_CONTENT_LENGTH:
        raise PolicyRefused(f"a header of more than {MAX_CONTENT_LENGTH} bytes can't be verified")
    try:
        # spec: client-apis/decrypt.md#verify-the-header f220 483c eac3
        aead.decrypt(header.iv, header.authentication_tag, header_body)
    except InvalidTag:
        # spec: client-apis/decrypt.md#verify-the-header 0966
        raise AuthenticationFailed("the authentication tag of the header does not verify") from None
    return aead


def _verify_signature(materials: DecryptionMaterials, message: bytes | memoryview, body_end: int) -> None:
    reader = Reader(message, body_end)
    # spec: client-apis/decrypt.md#verify-the-signature 3dfc 5f42
    # spec: data-format/message-footer.md#overview ac6e
    # spec: data-format/message.md#structure 47ca
    signature = read_footer(reader)
    read_end(reader)
    # spec: data-format/message-footer.md#signature 2978
    signed = memoryview(message)[:body_end]
    algorithm = materials.algorithm_suite.signature
    digest = hashlib.new(algorithm.hash_function.value, signed).digest()  # type: ignore[union-attr]
    # spec: client-apis/decrypt.md#verify-the-signature 3dfc a73e 6b40
    cast("VerificationKey", materials.verification_key).verify(signature, digest)
