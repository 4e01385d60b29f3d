"""Generate, wrap and unwrap data keys: under keys in AWS KMS, and under keys of your own.

``AwsKmsKeyring`` and ``MultiKeyring`` are in ``warmkey`` too; the others are here only. Each is loaded when it is first
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.lazy_names import load_later

if TYPE_CHECKING:
    from warmkey.keyrings.aws_kms import AwsKmsKeyring
    from warmkey.keyrings.aws_kms_discovery import AwsKmsDiscoveryKeyring, DiscoveryFilter
    from warmkey.keyrings.aws_kms_ecdh import AwsKmsEcdhKeyring
    from warmkey.keyrings.aws_kms_mrk import AwsKmsMrkKeyring
    from warmkey.keyrings.aws_kms_mrk_discovery import AwsKmsMrkDiscoveryKeyring
    from warmkey.keyrings.aws_kms_mrk_multi import aws_kms_mrk_discovery_multi_keyring, aws_kms_mrk_multi_keyring
    from warmkey.keyrings.aws_kms_multi import aws_kms_discovery_multi_keyring, aws_kms_multi_keyring
    from warmkey.keyrings.aws_kms_rsa import AwsKmsRsaKeyring
    from warmkey.keyrings.interface import Keyring
    from warmkey.keyrings.key_agreement_schemas import (
        EcdhCurveSpec,
        EphemeralPrivateKeyToStaticPublicKey,
        KmsPrivateKeyToStaticPublicKey,
        KmsPublicKeyDiscovery,
        PublicKeyDiscovery,
        RawPrivateKeyToStaticPublicKey,
    )
    from warmkey.keyrings.multi import MultiKeyring
    from warmkey.keyrings.raw_aes import RawAesKeyring
    from warmkey.keyrings.raw_ecdh import RawEcdhKeyring
    from warmkey.keyrings.raw_rsa import PaddingScheme, RawRsaKeyring
else:
    __getattr__, __dir__ = load_later(
        __name__,
        {
            "aws_kms": ("AwsKmsKeyring",),
            "aws_kms_discovery": ("AwsKmsDiscoveryKeyring", "DiscoveryFilter"),
            "aws_kms_ecdh": ("AwsKmsEcdhKeyring",),
            "aws_kms_mrk": ("AwsKmsMrkKeyring",),
            "aws_kms_mrk_discovery": ("AwsKmsMrkDiscoveryKeyring",),
            "aws_kms_mrk_multi": ("aws_kms_mrk_discovery_multi_keyring", "aws_kms_mrk_multi_keyring"),
            "aws_kms_multi": ("aws_kms_discovery_multi_keyring", "aws_kms_multi_keyring"),
            "aws_kms_rsa": ("AwsKmsRsaKeyring",),
            "interface": ("Keyring",),
            "key_agreement_schemas": (
                "EcdhCurveSpec",
                "EphemeralPrivateKeyToStaticPublicKey",
                "KmsPrivateKeyToStaticPublicKey",
                "KmsPublicKeyDiscovery",
                "PublicKeyDiscovery",
                "RawPrivateKeyToStaticPublicKey",
            ),
            "multi": ("MultiKeyring",),
            "raw_aes": ("RawAesKeyring",),
            "raw_ecdh": ("RawEcdhKeyring",),
            "raw_rsa": ("PaddingScheme", "RawRsaKeyring"),
        },
    )

__all__ = [
    "AwsKmsDiscoveryKeyring",
    "AwsKmsEcdhKeyring",
    "AwsKmsKeyring",
    "AwsKmsMrkDiscoveryKeyring",
    "AwsKmsMrkKeyring",
    "AwsKmsRsaKeyring",
    "DiscoveryFilter",
    "EcdhCurveSpec",
    "EphemeralPrivateKeyToStaticPublicKey",
    "Keyring",
    "KmsPrivateKeyToStaticPublicKey",
    "KmsPublicKeyDiscovery",
    "MultiKeyring",
    "PaddingScheme",
    "PublicKeyDiscovery",
    "RawAesKeyring",
    "RawEcdhKeyring",
    "RawPrivateKeyToStaticPublicKey",
    "RawRsaKeyring",
    "aws_kms_discovery_multi_keyring",
    "aws_kms_mrk_discovery_multi_keyring",
    "aws_kms_mrk_multi_keyring",
    "aws_kms_multi_keyring",
]
