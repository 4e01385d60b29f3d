"""Use several keyrings as one.

Source: framework/multi-keyring.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.exceptions import ConfigurationError, InvalidRequest, KeyAttempt, KeyUnavailable
from warmkey.keyrings.interface import not_unwrapped, refuse_if_unwrapped
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed
from warmkey.validation import items, require_method

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from warmkey.keyrings.interface import Keyring
    from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = ["MultiKeyring"]


@safe_repr
class MultiKeyring:
    """Encrypts the data key under every keyring; any one of them can decrypt it.

    :param generator: generates the data key
    :param children: wrap the same data key too
    :raises ConfigurationError: neither is given, one of them is not a keyring, or the children are a set, which has no
        order
    """

    @scrubbed
    def __init__(self, generator: Keyring | None = None, children: Iterable[Keyring] = ()) -> None:
        self._generator = generator
        self._children: tuple[Keyring, ...] = items("children", children, ordered=True)
        for name, keyring in (("generator", generator), *(("one of children", child) for child in self._children)):
            if keyring is not None or name != "generator":
                require_method(name, keyring, "on_encrypt", "on_decrypt")
        if generator is None and not self._children:
            raise ConfigurationError("a multi-keyring needs a generator or at least one child keyring")

    def __repr__(self) -> str:
        return f"MultiKeyring(generator={self._generator!r}, children={self._children!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate with the generator, then wrap with each child.

        :raises InvalidRequest: the materials and the generator contradict each other
        :raises KeyUnavailable: a keyring failed

        Source: framework/multi-keyring.md#onencrypt
        """
        if self._generator is not None:
            if materials.plaintext_data_key is not None:
                raise InvalidRequest("the encryption materials already have a plaintext data key to be generated")
            materials = self._generator.on_encrypt(materials)
            if materials.plaintext_data_key is None:
                raise ConfigurationError("the generator keyring did not generate a data key")
        elif materials.plaintext_data_key is None:
            raise ConfigurationError("a multi-keyring without a generator can't generate a data key")
        for child in self._children:
            materials = child.on_encrypt(materials)
        return materials

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap with the first keyring that succeeds, the generator first.

        :raises KeyUnavailable: none did; ``attempts`` has the reasons of all

        Source: framework/multi-keyring.md#ondecrypt
        """
        refuse_if_unwrapped(materials)
        attempts: list[KeyAttempt] = []
        for keyring in self._decryptors():
            try:
                unwrapped = keyring.on_decrypt(materials, encrypted_data_keys)
            except KeyUnavailable as error:
                attempts += error.attempts
            except Exception as error:  # noqa: BLE001 - the next keyring may still succeed; its traceback stays
                attempts.append(_attempt(keyring, error))
            else:
                if unwrapped.plaintext_data_key is not None:
                    return unwrapped
        raise not_unwrapped("no configured key could decrypt the data key", attempts, encrypted_data_keys)

    def _decryptors(self) -> tuple[Keyring, ...]:
        return self._children if self._generator is None else (self._generator, *self._children)


def _attempt(keyring: Keyring, error: Exception) -> KeyAttempt:
    reason = f"raised {type(error).__name__}"
    return KeyAttempt(keyring=type(keyring).__name__, operation="on_decrypt", key="", reason=reason, cause=error)
