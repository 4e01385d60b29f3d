"""How long a message will be, without making it.

Source: data-format/message-header.md, data-format/message-body.md, data-format/message-footer.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH, AlgorithmSuite, CommitmentPolicy
from warmkey.client_apis.encrypt import check_frames, frame_length_for
from warmkey.data_format.encryption_context import serialize_aad
from warmkey.data_format.message_body import body_length, count_regular_frames
from warmkey.exceptions import InvalidRequest
from warmkey.structures import KIND_KEY, MAX_UINT16, PUBLIC_KEY_FIELD, EncryptionContext
from warmkey.validation import quoted, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from warmkey.algorithm_suites import SignatureAlgorithm
    from warmkey.client_apis.encrypt import FrameLength

__all__ = ["message_length"]

# The lengths of an encrypted data key's three fields.
_KEY_FIELD_LENGTHS = 3 * 2


def message_length(
    plaintext_length: int,
    *,
    algorithm_suite: AlgorithmSuite | None,
    encryption_context: Mapping[str, str] | None,
    frame_length: FrameLength,
    encrypted_data_key_lengths: Iterable[int],
) -> int:
    """Return how many bytes a message takes, or of a signed one the most; see :func:`warmkey.message_length`."""
    plaintext_length = _checked_length(plaintext_length, "plaintext_length", 0)
    frame_length = frame_length_for(plaintext_length, frame_length)
    check_frames(-(-plaintext_length // frame_length), min(plaintext_length, frame_length), frame_length)
    suite = _checked_suite(algorithm_suite)
    aad = serialize_aad(_whole_context(encryption_context, suite))
    header = _header_length(suite, len(aad), _keys_length(encrypted_data_key_lengths))
    body = body_length(plaintext_length, count_regular_frames(plaintext_length, frame_length))
    return header + body + (0 if suite.signature is None else _longest_footer(suite.signature))


def _checked_length(length: object, name: str, low: int) -> int:
    if type(length) is not int or length < low:
        raise InvalidRequest(f"{name} must be an int of {low} or more, not {shown(length)}")
    return length


def _checked_suite(suite: object) -> AlgorithmSuite:
    if suite is None:
        return CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT.default_suite
    try:
        return AlgorithmSuite(suite)  # type: ignore[arg-type]
    except ValueError:
        raise InvalidRequest(f"algorithm_suite must be a member of AlgorithmSuite, not {shown(suite)}") from None


def _whole_context(pairs: Mapping[str, str] | None, suite: AlgorithmSuite) -> EncryptionContext:
    context = EncryptionContext.of(pairs)
    if context.reserved_key is not None and context.reserved_key != KIND_KEY:
        key = quoted(context.reserved_key)
        raise InvalidRequest(f"the encryption context key {key} is reserved; it is counted anyway")
    if suite.signature is None:
        return context
    return EncryptionContext.of({**context, PUBLIC_KEY_FIELD: "=" * _public_key_length(suite.signature)})


def _keys_length(lengths: Iterable[int]) -> int:
    if not hasattr(lengths, "__iter__"):
        raise InvalidRequest(f"encrypted_data_key_lengths must be several lengths, not {shown(lengths)}")
    checked = [_checked_length(length, "each of encrypted_data_key_lengths", _KEY_FIELD_LENGTHS) for length in lengths]
    if not 1 <= len(checked) <= MAX_UINT16:
        raise InvalidRequest(f"encrypted_data_key_lengths must have 1 to {MAX_UINT16} lengths, not {len(checked)}")
    return sum(checked)


def _header_length(suite: AlgorithmSuite, aad: int, keys: int) -> int:
    is_version_1 = suite.message_version == 1
    start = (2 if is_version_1 else 1) + 2 + suite.message_id_length  # version, type in version 1; suite; message ID
    end = 1 + 4 + suite.suite_data_length  # content type, frame length, commit key
    authentication = TAG_LENGTH + (4 + 1 + IV_LENGTH if is_version_1 else 0)  # reserved bytes, IV length, IV
    return start + aad + 2 + keys + end + authentication


def _public_key_length(algorithm: SignatureAlgorithm) -> int:
    """Return the characters of a compressed point as base64."""
    return -(-(1 + algorithm.coordinate_length) // 3) * 4


def _longest_footer(algorithm: SignatureAlgorithm) -> int:
    """Return the bytes of a length and of a DER signature whose two numbers both need a zero byte in front."""
    return 2 + 2 + 2 * (2 + 1 + algorithm.coordinate_length)
