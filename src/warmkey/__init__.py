"""Data key caching over AWS KMS for AWS Lambda, in the AWS Encryption SDK's message format.

In a Lambda function: :func:`encrypt` and :func:`decrypt`, over one caching CMM that lives as long as the container
and is configured by ``WARMKEY_*`` environment variables. Over the same CMM: :func:`seal_record` and
:func:`unseal_record` for records in a store, :func:`seal_token` and :func:`open_token` for tokens. For anything else:
:class:`Client`, with a CMM or keyring that you build yourself. Further keyrings are in :mod:`warmkey.keyrings`, CMMs in
:mod:`warmkey.cmms` and caches in :mod:`warmkey.caches`.
"""

from __future__ import annotations

from warmkey import supported_python  # noqa: F401 - first, as it refuses Pythons that the rest is not for
from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.api import (
    CacheInfo,
    cache_info,
    configure,
    decrypt,
    decrypt_text,
    default_client,
    default_cmm,
    encrypt,
    encrypt_text,
    purge,
    reset,
    self_check,
    warm_up,
)
from warmkey.caches.interface import CacheEntry
from warmkey.caches.local import LocalCMC
from warmkey.client_apis.client import Client
from warmkey.client_apis.results import DecryptResult, EncryptResult
from warmkey.cmms.caching import CachingCMM
from warmkey.cmms.default import DefaultCMM
from warmkey.exceptions import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    MalformedMessage,
    PolicyRefused,
    TokenExpired,
    WarmkeyError,
)
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.multi import MultiKeyring
from warmkey.observability import instrument
from warmkey.sealing import is_sealed, message_length, open_token, seal_record, seal_token, unseal_record
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptedDataKey,
    EncryptionContext,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)

__version__ = "0.2.0.dev0"

__all__ = [
    "AlgorithmSuite",
    "AuthenticationFailed",
    "AwsKmsKeyring",
    "CacheEntry",
    "CacheInfo",
    "CachingCMM",
    "Client",
    "CommitmentPolicy",
    "ConfigurationError",
    "DecryptMaterialsRequest",
    "DecryptResult",
    "DecryptionMaterials",
    "DefaultCMM",
    "EncryptResult",
    "EncryptedDataKey",
    "EncryptionContext",
    "EncryptionMaterials",
    "EncryptionMaterialsRequest",
    "InvalidRequest",
    "KeyAttempt",
    "KeyUnavailable",
    "LocalCMC",
    "MalformedMessage",
    "MultiKeyring",
    "PolicyRefused",
    "TokenExpired",
    "WarmkeyError",
    "cache_info",
    "configure",
    "decrypt",
    "decrypt_text",
    "default_client",
    "default_cmm",
    "encrypt",
    "encrypt_text",
    "instrument",
    "is_sealed",
    "message_length",
    "open_token",
    "purge",
    "reset",
    "seal_record",
    "seal_token",
    "self_check",
    "unseal_record",
    "warm_up",
]
