"""Define what a keyring is.

Source: framework/keyring-interface.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warmkey.exceptions import InvalidRequest, KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.exceptions import KeyAttempt
    from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = [
    "AWS_KMS_ECDH_PROVIDER_ID",
    "AWS_KMS_PROVIDER_ID",
    "ECDH_PROVIDER_IDS",
    "RAW_ECDH_PROVIDER_ID",
    "Keyring",
    "not_unwrapped",
    "refuse_if_unwrapped",
]

AWS_KMS_PROVIDER_ID = "aws-kms"
RAW_ECDH_PROVIDER_ID = "raw-ecdh"
AWS_KMS_ECDH_PROVIDER_ID = "aws-kms-ecdh"
ECDH_PROVIDER_IDS = (RAW_ECDH_PROVIDER_ID, AWS_KMS_ECDH_PROVIDER_ID)

# Of a message that nobody here can decrypt, in the error.
_KEYS_NAMED = 5
_LONGEST_NAME = 200


# spec: framework/cmm-interface.md#get-encryption-materials 4c75
# spec: framework/cmm-interface.md#decrypt-materials 6f53
# spec: framework/keyring-interface.md#overview 89b7
class Keyring(Protocol):
    """Generates, wraps and unwraps data keys. Materials are immutable: both verbs return changed ones.

    Source: framework/keyring-interface.md#interface
    """

    # spec: framework/structures.md#encrypted-data-keys 3438
    # spec: framework/keyring-interface.md#onencrypt 553d 617c
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Return *materials* with a plaintext data key, generated if they had none, and one more encrypted data key."""

    # spec: framework/structures.md#ciphertext 4069
    # spec: framework/keyring-interface.md#ondecrypt 7cb0 9aea
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Return *materials* with the plaintext data key.

        :raises KeyUnavailable: none of *encrypted_data_keys* could be unwrapped
        """


def refuse_if_unwrapped(materials: DecryptionMaterials) -> None:
    """Check that there is something to unwrap.

    :raises InvalidRequest: the materials already have a plaintext data key

    Source: framework/keyring-interface.md#ondecrypt
    """
    # spec: framework/keyring-interface.md#ondecrypt 9863
    # spec: framework/keyring-interface.md#decrypt-data-key 1c52
    if materials.plaintext_data_key is not None:
        raise InvalidRequest("the decryption materials already have a plaintext data key")


def not_unwrapped(
    problem: str, attempts: Sequence[KeyAttempt], encrypted_data_keys: Sequence[EncryptedDataKey]
) -> KeyUnavailable:
    """Make the error for a data key that a keyring could not unwrap; if it tried none, name the keys that could."""
    # spec: framework/keyring-interface.md#ondecrypt 45a8
    # spec: framework/keyring-interface.md#decrypt-data-key 6ae3
    if attempts or not encrypted_data_keys:
        return KeyUnavailable(problem, attempts)
    names = list(dict.fromkeys(map(_name, encrypted_data_keys[:_KEYS_NAMED])))
    more = len(encrypted_data_keys) - _KEYS_NAMED
    others = f" and {more} more" if more > 0 else ""
    return KeyUnavailable(f"{problem}; none of the configured keys is among the message's: {', '.join(names)}{others}")


def _name(key: EncryptedDataKey) -> str:
    # Whoever made the message chose these bytes. Raw keyrings put the key's name first, and binary fields after it.
    name = key.key_provider_info.split(b"\0")[0].decode(errors="backslashreplace")
    return f"{key.key_provider_id[:_LONGEST_NAME]!r} {name[:_LONGEST_NAME]!r}"
