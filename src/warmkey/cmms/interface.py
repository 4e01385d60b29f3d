"""What a cryptographic materials manager is, and what its answers must satisfy.

Source: framework/cmm-interface.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warmkey.exceptions import ConfigurationError, PolicyRefused
from warmkey.validation import quoted, require_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = [
    "CryptographicMaterialsManager",
    "check_cmm",
    "check_decryption_materials",
    "check_encryption_materials",
    "check_may_decrypt",
    "check_may_encrypt",
    "check_reproduced_context",
    "forget_unverified",
]


# spec: framework/cmm-interface.md#overview 1c7f
# spec: framework/cmm-interface.md#behaviors 4c4d
class CryptographicMaterialsManager(Protocol):
    """Assembles the materials for one message.

    Source: framework/cmm-interface.md#behaviors
    """

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Materials to encrypt one message."""

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Materials to decrypt one message."""


def check_cmm(cmm: object) -> None:
    """Check that *cmm* is one.

    :raises ConfigurationError: something else was put in its place
    """
    require_method("cmm", cmm, "get_encryption_materials", "decrypt_materials")


def forget_unverified(cmm: CryptographicMaterialsManager, request: DecryptMaterialsRequest) -> None:
    """Tell *cmm*, if it wants to know, that the message of *request* is not authentic: a cache must keep none of it."""
    forget = getattr(cmm, "forget_unverified", None)
    if forget is not None:
        forget(request)


def check_may_encrypt(suite: AlgorithmSuite, policy: CommitmentPolicy) -> None:
    """:raises PolicyRefused: *policy* does not allow encrypting with *suite*

    Source: framework/commitment-policy.md#supported-commitment-policy-enum
    """
    if suite not in policy.encrypt_suites:
        needs = "without key commitment" if suite.commits else "with key commitment"
        raise PolicyRefused(f"{policy.name} allows encrypting only {needs}, and not with {suite.name}")


def check_may_decrypt(suite: AlgorithmSuite, policy: CommitmentPolicy) -> None:
    """:raises PolicyRefused: *policy* does not allow decrypting *suite*

    Source: framework/commitment-policy.md#supported-commitment-policy-enum
    """
    if suite not in policy.decrypt_suites:
        raise PolicyRefused(
            f"{policy.name} allows decrypting only with key commitment, and the message uses {suite.name}; "
            "if you must read old messages, use REQUIRE_ENCRYPT_ALLOW_DECRYPT"
        )


def check_reproduced_context(stored: Mapping[str, str], reproduced: Mapping[str, str]) -> None:
    """:raises PolicyRefused: a key in both has two values

    Source: framework/cmm-interface.md#decrypt-materials
    """
    for key, value in reproduced.items():
        # spec: framework/cmm-interface.md#decrypt-materials db9f
        if stored.get(key, value) != value:
            raise PolicyRefused(
                f"the message's encryption context has another value for {quoted(key)} than the one you supplied"
            )


def check_encryption_materials(materials: EncryptionMaterials, request: EncryptionMaterialsRequest) -> None:
    """Whatever CMM made them, materials must fit the request.

    :raises PolicyRefused: the policy does not allow their suite
    :raises ConfigurationError: they are incomplete or contradict the request; the CMM or keyring is at fault

    Source: framework/cmm-interface.md#get-encryption-materials
    """
    try:
        suite, missing = materials.algorithm_suite, materials.missing
    except AttributeError:
        raise _no_materials(materials) from None
    # spec: framework/cmm-interface.md#get-encryption-materials b062
    if suite not in request.commitment_policy.encrypt_suites:
        check_may_encrypt(suite, request.commitment_policy)
    # spec: framework/cmm-interface.md#get-encryption-materials b062 2c09
    # spec: framework/structures.md#overview 49a4
    # spec: framework/structures.md#encrypted-data-keys 27ea
    if missing is not None:
        raise ConfigurationError(f"the CMM or keyring gave {missing}")
    context, asked = materials.encryption_context, request.encryption_context
    if context is not asked and not asked.items() <= context.items():
        raise ConfigurationError("the CMM dropped or changed a pair of the requested encryption context")
    asked_keys = request.required_encryption_context_keys
    # spec: framework/cmm-interface.md#get-encryption-materials 9680
    if asked_keys and not asked_keys <= materials.required_encryption_context_keys:
        raise ConfigurationError("the CMM dropped a required encryption context key")


def check_decryption_materials(materials: DecryptionMaterials, request: DecryptMaterialsRequest) -> None:
    """Whatever CMM made them, materials must fit the message and the caller's context.

    :raises PolicyRefused: a value of the context is not what the caller expects
    :raises ConfigurationError: they are incomplete or contradict the message; the CMM or keyring is at fault

    Source: framework/cmm-interface.md#decrypt-materials
    """
    try:
        suite, missing = materials.algorithm_suite, materials.missing
    except AttributeError:
        raise _no_materials(materials) from None
    # spec: framework/cmm-interface.md#decrypt-materials eb7e 7358
    if suite is not request.algorithm_suite:
        raise ConfigurationError(f"the CMM answered {suite.name} for a message of {request.algorithm_suite.name}")
    # spec: framework/cmm-interface.md#decrypt-materials 7358 2a15
    # spec: framework/structures.md#overview 49a4
    if missing is not None:
        raise ConfigurationError(f"the CMM or keyring gave {missing}")
    context, stored = materials.encryption_context, request.encryption_context
    reproduced = request.reproduced_encryption_context
    # Mostly nothing is reproduced, or all that is stored, and comparing bytes shows that 0.2 µs sooner than pairs do.
    if context is stored and (not reproduced or reproduced.serialized == stored.serialized):  # type: ignore[attr-defined]
        return
    check_reproduced_context(stored, context)
    check_reproduced_context(stored, reproduced)
    for key, value in reproduced.items():
        if context.get(key) != value:
            problem = f"the CMM did not authenticate {quoted(key)}, which you supplied with the encryption context"
            raise PolicyRefused(problem)
        if key not in stored and key not in materials.required_encryption_context_keys:
            raise ConfigurationError(f"the CMM left {quoted(key)} out of the authenticated encryption context")


def _no_materials(found: object) -> ConfigurationError:
    return ConfigurationError(f"the CMM gave {type(found).__name__} for materials")
