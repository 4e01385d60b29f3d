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
        # spec: framework/multi-keyring.md#inputs 9fa6
        # spec: framework/multi-keyring.md#generator-keyring 14ad
        # spec: framework/multi-keyring.md#child-keyrings 339f
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
            # spec: framework/multi-keyring.md#onencrypt f1d0
            if materials.plaintext_data_key is not None:
                raise InvalidRequest("the encryption materials already have a plaintext data key to be generated")
            # spec: framework/multi-keyring.md#onencrypt b3c4 8feb fd18
            materials = self._generator.on_encrypt(materials)
            if materials.plaintext_data_key is None:
                # spec: framework/multi-keyring.md#generator-keyring c851 0697
                # spec: framework/multi-keyring.md#onencrypt 28dc
                raise ConfigurationError("the generator keyring did not generate a data key")
        elif materials.plaintext_data_key is None:
            # spec: framework/multi-keyring.md#onencrypt 619b
            raise ConfigurationError("a multi-keyring without a generator can't generate a data key")
        for child in self._children:
            # spec: framework/multi-keyring.md#onencrypt 70d1 4705
            materials = child.on_encrypt(materials)
        # spec: framework/multi-keyring.md#onencrypt 77d0
        return materials

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap with the first keyring that succeeds, the generator first.

        :raises KeyUnavailable: none did; ``attempts`` has the reasons of all

        Source: framework/multi-keyring.md#ondecrypt
        """
        # spec: framework/multi-keyring.md#ondecrypt 9863
        refuse_if_unwrapped(materials)
        attempts: list[KeyAttempt] = []
        for keyring in self._decryptors():
            try:
                # spec: framework/multi-keyring.md#ondecrypt b310
                unwrapped = keyring.on_decrypt(materials, encrypted_data_keys)
            except KeyUnavailable as error:
                # spec: framework/multi-keyring.md#ondecrypt d566
                attempts += error.attempts
            except Exception as error:  # noqa: BLE001 - the next keyring may still succeed; its traceback stays
                attempts.append(_attempt(keyring, error))
            else:
                # spec: framework/multi-keyring.md#ondecrypt 0f0e
                if unwrapped.plaintext_data_key is not None:
                    return unwrapped
        # spec: framework/multi-keyring.md#ondecrypt a955
        raise not_unwrapped("no configured key could decrypt the data key", attempts, encrypted_data_keys)

    def _decryptors(self) -> tuple[Keyring, ...]:
        # spec: framework/multi-keyring.md#ondecrypt 23fd dbd3
        return self._children if self._generator is None else (self._generator, *self._children)


def _attempt(keyring: Keyring, error: Exception) -> KeyAttempt:
    reason = f"raised {type(error).__name__}"
    return KeyAttempt(keyring=type(keyring).__name__, operation="on_decrypt", key="", reason=reason, cause=error)
