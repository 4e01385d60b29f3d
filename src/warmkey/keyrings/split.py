"""One keyring to encrypt with, another to decrypt with: how a key is retired without ever being wrapped under again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.keyrings.interface import Keyring
    from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = ["SplitKeyring"]


class SplitKeyring:
    """Asks *encrypting* for every encryption and *decrypting* for every decryption."""

    def __init__(self, *, encrypting: Keyring, decrypting: Keyring) -> None:
        self._encrypting = encrypting
        self._decrypting = decrypting

    def __repr__(self) -> str:
        return f"SplitKeyring(encrypting={self._encrypting!r}, decrypting={self._decrypting!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate and wrap with the one."""
        return self._encrypting.on_encrypt(materials)

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap with the other."""
        return self._decrypting.on_decrypt(materials, encrypted_data_keys)
