"""``WARMKEY_REQUIRED_CONTEXT_KEYS`` for whoever takes the default CMM without the helpers, to stream for example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.cmms.interface import forget_unverified
from warmkey.exceptions import PolicyRefused
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["ContextKeysGuardCMM", "refusal"]


def refusal(missing: Collection[str]) -> PolicyRefused:
    """The error for a call that does not supply the keys *missing*."""
    names = ", ".join(map(repr, sorted(missing)))
    return PolicyRefused(
        f"the encryption context lacks {names}; WARMKEY_REQUIRED_CONTEXT_KEYS wants it for every message"
    )


@safe_repr
class ContextKeysGuardCMM:
    """Asks *cmm* only for callers who supply the *required* keys.

    Unlike the required encryption context CMM it leaves their pairs in the message.

    Below a caching CMM it stands guard over the hits too: an entry is found only with the context that filled it (when
    decrypting, the one that the caller supplied), and nothing fills one past this.
    """

    def __init__(self, cmm: CryptographicMaterialsManager, required: Collection[str]) -> None:
        self._cmm = cmm
        self._required = frozenset(required)

    def __repr__(self) -> str:
        return f"ContextKeysGuardCMM({self._cmm!r}, {sorted(self._required)})"

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """:raises PolicyRefused: the encryption context lacks a key"""
        self._check(request.encryption_context)
        return self._cmm.get_encryption_materials(request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """:raises PolicyRefused: the caller's encryption context lacks a key, whatever the message has"""
        self._check(request.reproduced_encryption_context)
        return self._cmm.decrypt_materials(request)

    def forget_unverified(self, request: DecryptMaterialsRequest, /) -> None:
        """Tell the CMM below that the message of *request* is not authentic."""
        forget_unverified(self._cmm, request)

    def _check(self, supplied: Mapping[str, str]) -> None:
        missing = self._required - supplied.keys()
        if missing:
            raise refusal(missing)
