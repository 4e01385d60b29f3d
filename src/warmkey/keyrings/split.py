"""Encrypt with one keyring and decrypt with another: how to retire a key without wrapping under it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = ["SplitKeyring"]


class _Encrypting(Protocol):
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials: ...


class _Decrypting(Protocol):
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials: ...


@safe_repr
class SplitKeyring:
    """Asks *encrypting* for every encryption and *decrypting* for every decryption."""

    def __init__(self, *, encrypting: _Encrypting, decrypting: _Decrypting) -> None:
        self._encrypting = encrypting
        self._decrypting = decrypting

    def __repr__(self) -> str:
        return f"SplitKeyring(encrypting={self._encrypting!r}, decrypting={self._decrypting!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate and wrap with the encrypting keyring."""
        return self._encrypting.on_encrypt(materials)

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap with the decrypting keyring."""
        return self._decrypting.on_decrypt(materials, encrypted_data_keys)
