"""Data key caching over AWS KMS for AWS Lambda, in the AWS Encryption SDK's message format.

In a Lambda function: :func:`encrypt` and :func:`decrypt`, over one caching CMM that lives as long as the container
and is configured by ``WARMKEY_*`` environment variables. For anything else: :class:`Client`, with a CMM or keyring
that you build yourself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
    WarmkeyError,
)
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.multi import MultiKeyring
from warmkey.observability import instrument
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptedDataKey,
    EncryptionContext,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)

if TYPE_CHECKING:
    from warmkey.caches.null import NullCMC
    from warmkey.cmms.required_encryption_context import RequiredEncryptionContextCMM
    from warmkey.keyrings.aws_kms_discovery import AwsKmsDiscoveryKeyring, DiscoveryFilter
    from warmkey.keyrings.aws_kms_ecdh import AwsKmsEcdhKeyring
    from warmkey.keyrings.aws_kms_mrk import AwsKmsMrkKeyring
    from warmkey.keyrings.aws_kms_mrk_discovery import AwsKmsMrkDiscoveryKeyring
    from warmkey.keyrings.aws_kms_mrk_multi import aws_kms_mrk_discovery_multi_keyring, aws_kms_mrk_multi_keyring
    from warmkey.keyrings.aws_kms_multi import aws_kms_discovery_multi_keyring, aws_kms_multi_keyring
    from warmkey.keyrings.aws_kms_rsa import AwsKmsRsaKeyring
    from warmkey.keyrings.key_agreement_schemas import (
        EcdhCurveSpec,
        EphemeralPrivateKeyToStaticPublicKey,
        KmsPrivateKeyToStaticPublicKey,
        KmsPublicKeyDiscovery,
        PublicKeyDiscovery,
        RawPrivateKeyToStaticPublicKey,
    )
    from warmkey.keyrings.raw_aes import RawAesKeyring
    from warmkey.keyrings.raw_ecdh import RawEcdhKeyring
    from warmkey.keyrings.raw_rsa import PaddingScheme, RawRsaKeyring

__version__ = "0.1.0"

# Loaded when first asked for: few functions need them, and together they take 7 % of the import time.
_LATER = {
    "AwsKmsDiscoveryKeyring": "warmkey.keyrings.aws_kms_discovery",
    "AwsKmsEcdhKeyring": "warmkey.keyrings.aws_kms_ecdh",
    "AwsKmsMrkDiscoveryKeyring": "warmkey.keyrings.aws_kms_mrk_discovery",
    "AwsKmsMrkKeyring": "warmkey.keyrings.aws_kms_mrk",
    "AwsKmsRsaKeyring": "warmkey.keyrings.aws_kms_rsa",
    "DiscoveryFilter": "warmkey.keyrings.aws_kms_discovery",
    "EcdhCurveSpec": "warmkey.keyrings.key_agreement_schemas",
    "EphemeralPrivateKeyToStaticPublicKey": "warmkey.keyrings.key_agreement_schemas",
    "KmsPrivateKeyToStaticPublicKey": "warmkey.keyrings.key_agreement_schemas",
    "KmsPublicKeyDiscovery": "warmkey.keyrings.key_agreement_schemas",
    "NullCMC": "warmkey.caches.null",
    "PaddingScheme": "warmkey.keyrings.raw_rsa",
    "PublicKeyDiscovery": "warmkey.keyrings.key_agreement_schemas",
    "RawAesKeyring": "warmkey.keyrings.raw_aes",
    "RawEcdhKeyring": "warmkey.keyrings.raw_ecdh",
    "RawPrivateKeyToStaticPublicKey": "warmkey.keyrings.key_agreement_schemas",
    "RawRsaKeyring": "warmkey.keyrings.raw_rsa",
    "RequiredEncryptionContextCMM": "warmkey.cmms.required_encryption_context",
    "aws_kms_discovery_multi_keyring": "warmkey.keyrings.aws_kms_multi",
    "aws_kms_mrk_discovery_multi_keyring": "warmkey.keyrings.aws_kms_mrk_multi",
    "aws_kms_mrk_multi_keyring": "warmkey.keyrings.aws_kms_mrk_multi",
    "aws_kms_multi_keyring": "warmkey.keyrings.aws_kms_multi",
}

__all__ = [
    "AlgorithmSuite",
    "AuthenticationFailed",
    "AwsKmsDiscoveryKeyring",
    "AwsKmsEcdhKeyring",
    "AwsKmsKeyring",
    "AwsKmsMrkDiscoveryKeyring",
    "AwsKmsMrkKeyring",
    "AwsKmsRsaKeyring",
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
    "DiscoveryFilter",
    "EcdhCurveSpec",
    "EncryptResult",
    "EncryptedDataKey",
    "EncryptionContext",
    "EncryptionMaterials",
    "EncryptionMaterialsRequest",
    "EphemeralPrivateKeyToStaticPublicKey",
    "InvalidRequest",
    "KeyAttempt",
    "KeyUnavailable",
    "KmsPrivateKeyToStaticPublicKey",
    "KmsPublicKeyDiscovery",
    "LocalCMC",
    "MalformedMessage",
    "MultiKeyring",
    "NullCMC",
    "PaddingScheme",
    "PolicyRefused",
    "PublicKeyDiscovery",
    "RawAesKeyring",
    "RawEcdhKeyring",
    "RawPrivateKeyToStaticPublicKey",
    "RawRsaKeyring",
    "RequiredEncryptionContextCMM",
    "WarmkeyError",
    "aws_kms_discovery_multi_keyring",
    "aws_kms_mrk_discovery_multi_keyring",
    "aws_kms_mrk_multi_keyring",
    "aws_kms_multi_keyring",
    "cache_info",
    "configure",
    "decrypt",
    "decrypt_text",
    "default_client",
    "default_cmm",
    "encrypt",
    "encrypt_text",
    "instrument",
    "purge",
    "reset",
    "warm_up",
]


if not TYPE_CHECKING:  # pragma: no branch - a type checker would believe any name

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_LATER[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATER})
