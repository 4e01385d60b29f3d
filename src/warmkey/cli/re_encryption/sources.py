"""What decrypts old messages: the keys of the options, and with ``--from-settings`` what a function could read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from warmkey.branch_keys.wrapping import PROVIDER_ID
from warmkey.caches.local import LocalCMC
from warmkey.exceptions import KeyUnavailable
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID
from warmkey.lambda_runtime.branch_keys import hierarchical_keyring, key_store
from warmkey.lambda_runtime.kms_keys import keyring_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring
    from warmkey.lambda_runtime.settings import Settings
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptedDataKey,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["AdvisingCMM", "described", "keyrings_of"]

# Branch keys of as many tenants as a table may hold.
_CAPACITY = 10_000
# What the settings say about keys: two runs with others are two jobs.
_ABOUT_KEYS = (
    "kms_mode",
    "kms_key_arns",
    "decrypt_key_arns",
    "discovery_accounts",
    "branch_key_store_table",
    "logical_key_store_name",
    "branch_key_id",
    "branch_key_context_key",
)
_LONGEST_NAME = 100


def keyrings_of(
    settings: Settings, *, kms: Callable[[str | None], Any], dynamodb: Callable[[str | None], Any], emit: Emit
) -> list[Keyring]:
    """Return what decrypts with *settings*, as the helpers of a function do.

    :param kms: gives a KMS client for a Region
    :param dynamodb: gives a DynamoDB client for a Region
    :raises ConfigurationError: the settings can't be used
    """
    keyrings = [keyring_of(settings, kms, only_region=None, emit=emit)]
    if settings.branch_key_store_table is not None:
        # A failure that is repeated from memory would end the run: so many items fail in a moment.
        settings = replace(settings, remember_failures_seconds=0)
        store = key_store(settings, kms=kms, dynamodb=dynamodb, emit=emit)
        branch_keys = hierarchical_keyring(
            settings, store, cache=LocalCMC(_CAPACITY), partition_id="re-encrypt", clock=None, emit=emit
        )
        keyrings.insert(0, branch_keys)
    return keyrings


def described(settings: Settings) -> str:
    """Return what *settings* say about keys."""
    return "\n".join(f"{name}={getattr(settings, name)}" for name in _ABOUT_KEYS)


class AdvisingCMM:
    """Decrypts with *cmm*; of a message that none of its keys belongs to, the error says what could read it.

    :param reads_branch_keys: whether *cmm* has a hierarchical keyring
    """

    def __init__(self, cmm: CryptographicMaterialsManager, *, reads_branch_keys: bool) -> None:
        self._cmm = cmm
        self._read = {AWS_KMS_PROVIDER_ID, *([PROVIDER_ID] if reads_branch_keys else [])}

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """See :class:`warmkey.cmms.CryptographicMaterialsManager`; nothing is encrypted under old keys."""
        return self._cmm.get_encryption_materials(request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Return the materials of one message.

        :raises WarmkeyError: what the CMM raises
        """
        try:
            return self._cmm.decrypt_materials(request)
        except KeyUnavailable as error:
            if not error.attempts and error.args:
                error.args = (f"{error.args[0]}; {self._advice(request.encrypted_data_keys)}", *error.args[1:])
            raise

    def _advice(self, keys: Sequence[EncryptedDataKey]) -> str:
        providers = {key.key_provider_id for key in keys}
        if PROVIDER_ID in providers - self._read:
            return (
                "it is under a branch key: set WARMKEY_BRANCH_KEY_STORE_TABLE and the variables that go with it, as in "
                "a function that reads it, and give --from-settings"
            )
        if providers & self._read:
            return "give the KMS key with --from-key-arn, or --from-settings and the settings that read it"
        names = ", ".join(repr(name[:_LONGEST_NAME]) for name in sorted(providers))
        return (
            f"this command can't have a key of provider {names}: a program that has it can encrypt the message again, "
            "as docs/migrating.md shows"
        )
