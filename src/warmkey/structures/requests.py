"""Ask CMMs for materials.

Source: framework/cmm-interface.md#inputs
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from warmkey.records import Value, value
from warmkey.safe_repr import safe_repr
from warmkey.structures.encrypted_data_key import VerifiedKeys
from warmkey.structures.encryption_context import EncryptionContext, required_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
    from warmkey.structures.encrypted_data_key import EncryptedDataKey

__all__ = ["DecryptMaterialsRequest", "EncryptionMaterialsRequest"]

_NO_KEYS: frozenset[str] = frozenset()


# Requests are made for every message, so their constructors are written by hand and positional, and nothing is frozen.
@safe_repr
@value
class EncryptionMaterialsRequest(Value):
    """Holds what a CMM is asked for before an encryption. Nobody changes it; ``dataclasses.replace`` makes another.

    Source: framework/cmm-interface.md#encryption-materials-request
    """

    # spec: framework/cmm-interface.md#encryption-materials-request c88e
    encryption_context: Mapping[str, str] = field(repr=False)
    commitment_policy: CommitmentPolicy
    # spec: framework/cmm-interface.md#encryption-materials-request d7a3
    algorithm_suite: AlgorithmSuite | None
    required_encryption_context_keys: frozenset[str]
    max_plaintext_length: int | None

    def __init__(
        self,
        encryption_context: Mapping[str, str],
        commitment_policy: CommitmentPolicy,
        algorithm_suite: AlgorithmSuite | None = None,
        required_encryption_context_keys: Collection[str] = _NO_KEYS,
        max_plaintext_length: int | None = None,
    ) -> None:
        self.encryption_context = (
            encryption_context
            if type(encryption_context) is EncryptionContext
            else EncryptionContext.of(encryption_context)
        )
        self.commitment_policy = commitment_policy
        self.algorithm_suite = algorithm_suite
        self.required_encryption_context_keys = (
            required_encryption_context_keys
            if type(required_encryption_context_keys) is frozenset
            else required_keys(required_encryption_context_keys)
        )
        self.max_plaintext_length = max_plaintext_length


@safe_repr
@value
class DecryptMaterialsRequest(Value):
    """Holds what a CMM is asked for before a decryption. No reproduced context is the same as an empty one.

    Source: framework/cmm-interface.md#decrypt-materials-request
    """

    # spec: framework/cmm-interface.md#decrypt-materials-request 663c
    algorithm_suite: AlgorithmSuite
    commitment_policy: CommitmentPolicy
    encrypted_data_keys: Sequence[EncryptedDataKey]
    encryption_context: Mapping[str, str] = field(repr=False)
    # spec: framework/cmm-interface.md#decrypt-materials-request 7e3a
    reproduced_encryption_context: Mapping[str, str] = field(repr=False)
    # What a request to encrypt may use of a data key's byte limit; one to decrypt uses nothing.
    max_plaintext_length: ClassVar[int] = 0

    def __init__(
        self,
        algorithm_suite: AlgorithmSuite,
        commitment_policy: CommitmentPolicy,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: Mapping[str, str],
        reproduced_encryption_context: Mapping[str, str] | None = None,
    ) -> None:
        self.algorithm_suite = algorithm_suite
        self.commitment_policy = commitment_policy
        self.encrypted_data_keys = (
            encrypted_data_keys if type(encrypted_data_keys) is VerifiedKeys else tuple(encrypted_data_keys)
        )
        self.encryption_context = (
            encryption_context
            if type(encryption_context) is EncryptionContext
            else EncryptionContext.of(encryption_context)
        )
        self.reproduced_encryption_context = (
            reproduced_encryption_context
            if type(reproduced_encryption_context) is EncryptionContext
            else EncryptionContext.of(reproduced_encryption_context)
        )
