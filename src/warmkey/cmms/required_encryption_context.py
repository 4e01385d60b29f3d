"""A CMM that insists on keys of the encryption context, and keeps their pairs out of the message.

Source: framework/required-encryption-context-cmm.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from warmkey.cmms.default import underlying_cmm
from warmkey.cmms.interface import forget_unverified
from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError, PolicyRefused
from warmkey.safe_repr import safe_repr
from warmkey.structures import is_reserved
from warmkey.tracebacks import scrubbed
from warmkey.validation import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["RequiredEncryptionContextCMM"]


@safe_repr
class RequiredEncryptionContextCMM:
    """Every encrypt and every decrypt has to supply *required_encryption_context_keys*.

    Their pairs are authenticated and not stored, so who decrypts has to know their values.

    :param required_encryption_context_keys: at least one
    :param cmm: the underlying CMM; this or *keyring*
    :param keyring: for a default CMM
    :raises ConfigurationError: an argument can't be used

    Source: framework/required-encryption-context-cmm.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        # spec: framework/required-encryption-context-cmm.md#initialization f56d
        required_encryption_context_keys: Iterable[str],
        *,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._required = _checked_keys(required_encryption_context_keys)
        # spec: framework/required-encryption-context-cmm.md#initialization 0ddd 7eb2
        self._cmm = underlying_cmm(cmm, keyring)

    def __repr__(self) -> str:
        return f"RequiredEncryptionContextCMM({sorted(self._required)}, {self._cmm!r})"

    @property
    def emit(self) -> Emit:
        """What the underlying CMM tells what happens."""
        emit: Emit = getattr(self._cmm, "emit", ignore)
        return emit

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Materials of the underlying CMM that keep the pairs of the required keys out of the message.

        :raises PolicyRefused: the encryption context lacks a required key
        :raises ConfigurationError: the underlying CMM would store one

        Source: framework/required-encryption-context-cmm.md#get-encryption-materials
        """
        # spec: framework/required-encryption-context-cmm.md#overview 865f
        # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 3073
        self._check_supplied(request.encryption_context)
        # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 97fc
        required = request.required_encryption_context_keys | self._required
        # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 3e5d
        materials = self._cmm.get_encryption_materials(replace(request, required_encryption_context_keys=required))
        # spec: framework/required-encryption-context-cmm.md#overview 865f
        # spec: framework/required-encryption-context-cmm.md#get-encryption-materials 1c88
        if not self._required <= materials.required_encryption_context_keys:
            raise ConfigurationError("the underlying CMM dropped a required encryption context key")
        return materials

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Materials of the underlying CMM, if the caller knows the pairs of the required keys.

        :raises PolicyRefused: the caller's encryption context lacks a required key
        :raises ConfigurationError: the underlying CMM left one out, so it would not be authenticated

        Source: framework/required-encryption-context-cmm.md#decrypt-materials
        """
        # spec: framework/cmm-interface.md#decrypt-materials bb2f
        # spec: framework/required-encryption-context-cmm.md#overview 865f
        # spec: framework/required-encryption-context-cmm.md#decrypt-materials 5381
        self._check_supplied(request.reproduced_encryption_context or {})
        # spec: framework/required-encryption-context-cmm.md#decrypt-materials 0290
        materials = self._cmm.decrypt_materials(request)
        # spec: framework/required-encryption-context-cmm.md#decrypt-materials e8fb
        if not self._required <= materials.encryption_context.keys():
            raise ConfigurationError("the underlying CMM left a required key out of the encryption context")
        return materials

    def forget_unverified(self, request: DecryptMaterialsRequest, /) -> None:
        """Tell the underlying CMM that the message of *request* is not authentic."""
        forget_unverified(self._cmm, request)

    def _check_supplied(self, context: Mapping[str, str]) -> None:
        missing = self._required - context.keys()
        if missing:
            raise PolicyRefused(f"the encryption context must be supplied with {', '.join(sorted(map(repr, missing)))}")


def _checked_keys(keys: Iterable[str]) -> frozenset[str]:
    checked = frozenset(texts("required_encryption_context_keys", keys))
    if not checked:
        raise ConfigurationError("required_encryption_context_keys is empty; one or more keys are allowed")
    for key in sorted(checked):
        if is_reserved(key):
            raise ConfigurationError(f"required_encryption_context_keys has {key!r}, which no caller may supply")
    return checked
