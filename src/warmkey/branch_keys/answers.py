"""Judge what a key store answered, before anything is wrapped under it: a key store of somebody else may err."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.branch_keys.materials import BRANCH_KEY_LENGTH
from warmkey.branch_keys.names import is_version
from warmkey.branch_keys.wrapping import BranchKeyCipher
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.validation import plausible, quoted

if TYPE_CHECKING:
    from warmkey.branch_keys.materials import BranchKeyMaterials

__all__ = ["checked_cipher"]

_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("branch_key_id", (str,)),
    ("branch_key_version", (str,)),
    ("branch_key", (bytes, bytearray)),
    ("kms_key_arn", (str, type(None))),
)


def checked_cipher(materials: BranchKeyMaterials, branch_key_id: str, version: str) -> BranchKeyCipher:
    """Return what wraps under *materials*, if they are what was asked for.

    :param version: the text of a UUID, or an empty one for the active version
    :raises KeyUnavailable: they are not
    """
    if not all(isinstance(getattr(materials, name, None), types) for name, types in _TYPES):
        raise _unusable(branch_key_id, "the key store gave no branch key materials")
    found_id, found_version = materials.branch_key_id, materials.branch_key_version
    if found_id != branch_key_id or (version and found_version != version) or not is_version(found_version):
        # The one may be in the place of the other, or of the key.
        raise _unusable(
            branch_key_id, f"the key store gave version {plausible(found_version)} of branch key {quoted(found_id)}"
        )
    length = len(materials.branch_key)
    if length != BRANCH_KEY_LENGTH:
        raise _unusable(branch_key_id, f"a branch key must have 32 bytes; the key store gave {length}")
    return BranchKeyCipher(materials)


def _unusable(branch_key_id: str, reason: str) -> KeyUnavailable:
    attempt = KeyAttempt(
        keyring="AwsKmsHierarchicalKeyring", operation="get branch key", key=repr(branch_key_id), reason=reason
    )
    return KeyUnavailable("the key store's answer can't be used", [attempt])
