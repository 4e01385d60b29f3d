"""Wrap data keys with the public half of an RSA key in AWS KMS, without a request; unwrap them with KMS.

Source: framework/aws-kms/aws-kms-rsa-keyring.md
"""

from __future__ import annotations

import hashlib
import os
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from warmkey.crypto.rsa import RsaPublicKey
from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError, PolicyRefused
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, parse_kms_arn
from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt
from warmkey.keyrings.interface import refuse_if_unwrapped
from warmkey.keyrings.kms_decryption import KmsDecryption
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.keyrings.refusals import note_used_keys
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptedDataKey, EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.kms_requests import KmsClient
    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = ["AwsKmsRsaKeyring"]

_PROVIDER_ID: Final = "aws-kms-rsa"
_MINIMUM_BITS: Final = 2048
_DIGEST_LENGTH: Final = 48
# spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 3ee2 fb22
_OAEP_HASHES: Final = {"RSAES_OAEP_SHA_1": "sha1", "RSAES_OAEP_SHA_256": "sha256"}


@safe_repr
class AwsKmsRsaKeyring:
    """Wraps data keys with *public_key* in this process; KMS unwraps them with the private key that never leaves it.

    Anybody who has the public key can write messages that this keyring accepts. The encryption context is bound to
    the data key by its digest. Suites with a signature are refused, because here they would prove nothing.

    :param kms_key_id: a key ARN (messages have to name one, or nobody could decrypt them)
    :param encryption_algorithm: ``RSAES_OAEP_SHA_256`` or ``RSAES_OAEP_SHA_1``, the same on both sides
    :param public_key: PEM, needed to encrypt; that it belongs to *kms_key_id* is not checked
    :param kms_client: as ``boto3.client("kms", region_name=...)`` makes it, needed to decrypt
    :param grant_tokens: sent with every request
    :param emit: told of every KMS request
    :raises ConfigurationError: an argument can't be used, or both public key and client are missing

    Source: framework/aws-kms/aws-kms-rsa-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        kms_key_id: str,
        *,
        encryption_algorithm: str,
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization 8028 1617 ac5b
        public_key: bytes | None = None,
        kms_client: KmsClient | None = None,
        grant_tokens: Iterable[str] = (),
        emit: Emit = ignore,
    ) -> None:
        self._kms_key_id = _checked_key_arn(kms_key_id)
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization 9d7e
        self._oaep_hash = _oaep_hash(encryption_algorithm)
        if public_key is None and kms_client is None:
            raise ConfigurationError("AwsKmsRsaKeyring needs public_key to encrypt, kms_client to decrypt, or both")
        self._public_key = None if public_key is None else RsaPublicKey(public_key, name="public_key")
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization c123
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#encryption-context-digest e08e
        if self._public_key is not None and self._public_key.bits < _MINIMUM_BITS:
            raise ConfigurationError(f"public_key must have {_MINIMUM_BITS} bits or more, not {self._public_key.bits}")
        self._decryption: _RsaDecryption | None = None
        if kms_client is not None:
            kms = KmsRequests(kms_client, keyring="AwsKmsRsaKeyring", grant_tokens=grant_tokens, emit=emit)
            self._decryption = _RsaDecryption(kms, self._kms_key_id, encryption_algorithm)

    def __repr__(self) -> str:
        return f"AwsKmsRsaKeyring({self._kms_key_id!r})"

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key if none is given, and wrap it together with the digest of the context.

        :raises ConfigurationError: there is no public key
        :raises PolicyRefused: the algorithm suite has a signature

        Source: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt
        """
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 1c86
        if self._public_key is None:
            raise ConfigurationError("the AWS KMS RSA keyring has no public_key, so it can't encrypt")
        _refuse_signatures(materials.algorithm_suite)
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 6b55
        data_key = materials.plaintext_data_key or os.urandom(materials.algorithm_suite.data_key_length)
        wrapped = EncryptedDataKey(
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt b407
            key_provider_id=_PROVIDER_ID,
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 1579
            key_provider_info=self._kms_key_id.encode(),
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt f56e 5548
            ciphertext=self._public_key.encrypt(_digest(materials.encryption_context) + data_key, self._oaep_hash),
        )
        note_used_keys(self._kms_key_id, region=None)
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt c81d
        return materials.with_data_key(data_key, wrapped)

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key of this KMS key that KMS decrypts and whose context digest matches.

        :raises ConfigurationError: there is no client
        :raises PolicyRefused: the algorithm suite has a signature
        :raises KeyUnavailable: no encrypted data key could be decrypted; ``attempts`` says why not for each

        Source: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt
        """
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt b722
        refuse_if_unwrapped(materials)
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 01e0
        if self._decryption is None:
            raise ConfigurationError("the AWS KMS RSA keyring has no kms_client, so it can't decrypt")
        _refuse_signatures(materials.algorithm_suite)
        return self._decryption.on_decrypt(materials, encrypted_data_keys)


@safe_repr
class _RsaDecryption(KmsDecryption):
    """Decrypts with KMS."""

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 3c1d
    _provider_id = _PROVIDER_ID

    def __init__(self, kms: KmsRequests, kms_key_id: str, encryption_algorithm: str) -> None:
        super().__init__(kms)
        self._kms_key_id = kms_key_id
        self._encryption_algorithm = encryption_algorithm

    def __repr__(self) -> str:
        return f"AwsKmsRsaKeyring({self._kms_key_id!r})"

    def _is_ours(self, arn: KmsArn) -> bool:
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt af27
        return match_for_decrypt(self._kms_key_id, str(arn))

    def _key_to_ask(self, arn: KmsArn) -> str:  # noqa: ARG002 - whichever replica the message names
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt ef62
        return self._kms_key_id

    def _parameters(self, materials: DecryptionMaterials) -> dict[str, Any]:  # noqa: ARG002 - RSA knows no context
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt fd1a
        return {"EncryptionAlgorithm": self._encryption_algorithm}

    def _data_key(self, plaintext: bytes, materials: DecryptionMaterials, *, asked: str) -> bytes:
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 50f4
        digest, data_key = plaintext[:_DIGEST_LENGTH], plaintext[_DIGEST_LENGTH:]
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt be5f
        if not compare_digest(digest, _digest(materials.encryption_context)):
            problem = "the data key belongs to another encryption context"
            raise self._kms.unusable("Decrypt", asked, problem, remedy="the message's header is not the original")
        return data_key


def _digest(context: Mapping[str, str]) -> bytes:
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt f65c
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt ef79
    return hashlib.sha384(EncryptionContext.of(context).serialized).digest()


def _refuse_signatures(suite: AlgorithmSuite) -> None:
    # Source: framework/aws-kms/aws-kms-rsa-keyring.md#security-considerations
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt e415
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt e9ae
    if suite.signature is not None:
        raise PolicyRefused(
            f"an AWS KMS RSA keyring refuses suites with a signature, and so {suite.name}; "
            "encrypt with AES_256_GCM_HKDF_SHA512_COMMIT_KEY, for example"
        )


def _checked_key_arn(kms_key_id: object) -> str:
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization d7fb b0a3 e4e4
    arn = parse_kms_arn(check_kms_identifier(kms_key_id, "kms_key_id"))
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization f1b4
    if arn is None or not arn.is_key:
        raise ConfigurationError(
            f"kms_key_id must be a key ARN, because messages have to name one, not {kind_of(kms_key_id)}"
        )
    return str(arn)


def _oaep_hash(encryption_algorithm: object) -> str:
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#aws-kms-encryption-algorithm 809f
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#supported-padding-schemes 8e17
    if not isinstance(encryption_algorithm, str) or encryption_algorithm not in _OAEP_HASHES:
        allowed = ", ".join(_OAEP_HASHES)
        raise ConfigurationError(f"encryption_algorithm must be one of {allowed}, not {shown(encryption_algorithm)}")
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 6217
    return _OAEP_HASHES[encryption_algorithm]
