"""The default CMM: asks its keyring each time, and makes the signing key.

Source: framework/default-cmm.md
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from warmkey.cmms.interface import (
    check_decryption_materials,
    check_encryption_materials,
    check_may_decrypt,
    check_may_encrypt,
    check_reproduced_context,
)
from warmkey.crypto.signatures import EcdsaSigningKey, EcdsaVerificationKey
from warmkey.events import KmsOutcome
from warmkey.exceptions import ConfigurationError, InvalidRequest, KeyUnavailable, MalformedMessage
from warmkey.safe_repr import safe_repr
from warmkey.structures import (
    PUBLIC_KEY_FIELD,
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionContext,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)
from warmkey.tracebacks import scrubbed
from warmkey.validation import choose_one, quoted, require_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.keyrings.interface import Keyring

__all__ = ["DefaultCMM", "underlying_cmm"]

_MOST_KEYS = 10  # that an error names
_NO_KEYS: frozenset[str] = frozenset()


@safe_repr
class DefaultCMM:
    """Materials straight from *keyring*, a call for every message.

    :raises ConfigurationError: *keyring* is none
    """

    # spec: framework/default-cmm.md#initialization 615f
    @scrubbed
    def __init__(self, keyring: Keyring) -> None:
        require_method("keyring", keyring, "on_encrypt", "on_decrypt")
        self._keyring = keyring

    @staticmethod
    def of(keyring: Keyring) -> DefaultCMM:
        """Return a default CMM for one message of a caller whose traceback is scrubbed.

        :raises ConfigurationError: *keyring* is none
        """
        made = object.__new__(DefaultCMM)
        made._keyring = keyring
        if not hasattr(keyring, "on_encrypt"):
            require_method("keyring", keyring, "on_encrypt", "on_decrypt")
        return made

    def __repr__(self) -> str:
        return f"DefaultCMM({self._keyring!r})"

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """A fresh data key, and a fresh signing key where the suite signs.

        :raises PolicyRefused: the commitment policy does not allow the suite
        :raises InvalidRequest: the context already has ``aws-crypto-public-key``
        :raises KeyUnavailable: the keyring could not generate or wrap the data key

        Source: framework/default-cmm.md#get-encryption-materials
        """
        # spec: framework/default-cmm.md#get-encryption-materials 38fb 7015
        suite = request.algorithm_suite or request.commitment_policy.default_suite
        # spec: framework/default-cmm.md#get-encryption-materials 8fe4
        check_may_encrypt(suite, request.commitment_policy)
        context = request.encryption_context
        # spec: framework/default-cmm.md#get-encryption-materials d02a
        if PUBLIC_KEY_FIELD in context:
            raise InvalidRequest(f"the encryption context must not have the reserved key {PUBLIC_KEY_FIELD!r}")
        signing_key = None
        if suite.signature is not None:
            # spec: framework/cmm-interface.md#get-encryption-materials ab6d
            # spec: framework/default-cmm.md#get-encryption-materials 29e6
            signing_key = EcdsaSigningKey(suite.signature)
            public_key = base64.b64encode(signing_key.verification_key).decode()
            # spec: framework/cmm-interface.md#get-encryption-materials cde1 a8bd 2773
            # spec: framework/default-cmm.md#get-encryption-materials a3e1 b37b
            # spec: framework/structures.md#encryption-context-1 d73f e997
            context = EncryptionContext.of(context).with_fresh_pair(PUBLIC_KEY_FIELD, public_key)
        # spec: framework/cmm-interface.md#get-encryption-materials d791
        # spec: framework/default-cmm.md#get-encryption-materials 161e 363c f7ee
        materials = self._keyring.on_encrypt(
            EncryptionMaterials.of_checked(
                suite,
                context,
                request.required_encryption_context_keys,
                signing_key,
            )
        )
        check_encryption_materials(materials, request)
        return materials

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """The data key of the message, and the verification key where the suite signs.

        :raises PolicyRefused: the commitment policy does not allow the suite, or the reproduced context differs
        :raises MalformedMessage: signed without a public key in the context, or the other way round
        :raises KeyUnavailable: the keyring could not unwrap any encrypted data key

        Source: framework/default-cmm.md#decrypt-materials
        """
        suite = request.algorithm_suite
        # spec: framework/default-cmm.md#decrypt-materials 2de4
        check_may_decrypt(suite, request.commitment_policy)
        context, added = request.encryption_context, request.reproduced_encryption_context
        if added:
            context, added = _with_what_is_reproduced(context, added)
        materials = DecryptionMaterials.of_checked(
            suite,
            # spec: framework/cmm-interface.md#decrypt-materials 18b5
            context,
            # spec: framework/cmm-interface.md#decrypt-materials 0d7b
            frozenset(added) if added else _NO_KEYS,
            # spec: framework/cmm-interface.md#decrypt-materials d58f
            _verification_key(request),
        )
        try:
            # spec: framework/cmm-interface.md#decrypt-materials edf7
            # spec: framework/default-cmm.md#decrypt-materials 2f3e 3cb0
            unwrapped = self._keyring.on_decrypt(materials, request.encrypted_data_keys)
        except KeyUnavailable as error:
            if added:
                _name_what_is_not_stored(error, added)
            raise
        check_decryption_materials(unwrapped, request)
        return unwrapped


def underlying_cmm(cmm: CryptographicMaterialsManager | None, keyring: Keyring | None) -> CryptographicMaterialsManager:
    """What a CMM over another one is built on: *cmm*, or a default CMM over *keyring*.

    :raises ConfigurationError: neither or both are given, or something else
    """
    if cmm is not None and keyring is None:
        require_method("cmm", cmm, "get_encryption_materials", "decrypt_materials")
        return cmm
    if keyring is not None and cmm is None:
        # spec: framework/caching-cmm.md#initialization 2637
        return DefaultCMM(keyring)
    raise ConfigurationError(choose_one("cmm", "keyring", both=cmm is not None))


def _with_what_is_reproduced(
    stored: Mapping[str, str], reproduced: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the context of the materials, and which pairs of it the message does not store.

    :raises PolicyRefused: a key in both has two values
    """
    # As mostly, and sooner seen than pair by pair.
    if stored.serialized == reproduced.serialized:  # type: ignore[attr-defined]  # the request has made them contexts
        return stored, {}
    # spec: framework/cmm-interface.md#decrypt-materials 24bc
    check_reproduced_context(stored, reproduced)
    added = {key: value for key, value in reproduced.items() if key not in stored}
    return EncryptionContext.of({**stored, **added}) if added else stored, added


def _name_what_is_not_stored(error: KeyUnavailable, added: Mapping[str, str]) -> None:
    """Say in *error* which supplied context keys the message does not store: one too many is the usual reason.

    Where KMS gave another reason (denied, throttled, not reached), that one stands alone.
    """
    if error.args and any(attempt.outcome in (None, KmsOutcome.OTHER) for attempt in error.attempts):
        keys = ", ".join(map(quoted, sorted(added)[:_MOST_KEYS]))
        more = f" and {len(added) - _MOST_KEYS} more" if len(added) > _MOST_KEYS else ""
        hint = f"the message does not store the encryption context key {keys}{more}, which you supplied"
        error.args = (f"{error.args[0]}; {hint}", *error.args[1:])


def _verification_key(request: DecryptMaterialsRequest) -> EcdsaVerificationKey | None:
    signature = request.algorithm_suite.signature
    # spec: framework/default-cmm.md#decrypt-materials 83a1
    value = request.encryption_context.get(PUBLIC_KEY_FIELD)
    where = f"encryption context › {PUBLIC_KEY_FIELD}"
    if signature is None:
        if value is not None:
            # spec: framework/cmm-interface.md#decrypt-materials adb0
            # spec: framework/default-cmm.md#decrypt-materials 6f56
            raise MalformedMessage("is there although the suite has no signature", where=where)
        return None
    if value is None:
        # spec: framework/cmm-interface.md#decrypt-materials a243
        # spec: framework/default-cmm.md#decrypt-materials ec4f
        raise MalformedMessage("is missing although the suite has a signature", where=where)
    return EcdsaVerificationKey.from_context_value(signature, value)
