"""Answer requests that have arrived and are permitted, as KMS does.

One function per operation, from the request to what the answer holds. Source: the AWS KMS API reference.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from warmkey.safe_repr import safe_repr
from warmkey.testing.api_model import kms_error
from warmkey.testing.authorization import default_key_policy
from warmkey.testing.materials import AsymmetricMaterial, SymmetricMaterial, Undecryptable, blob_id
from warmkey.testing.world import KEY_SPECS, FakeKey, FakeKmsWorld, KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.exceptions import ClientError

__all__ = ["OPERATIONS", "Request"]

_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
_DATA_KEY_LENGTHS: Final = {"AES_256": 32, "AES_128": 16}
_CREATED: Final = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as KMS received it in *region*. It may hold a plaintext, so its ``repr`` shows no parameters.

    :ivar side: which of ReEncrypt's two keys this is about: ``Source`` or ``Destination``; empty for other operations
    """

    operation: str
    parameters: Mapping[str, Any]
    world: FakeKmsWorld
    region: str
    side: str = ""

    def __repr__(self) -> str:
        return f"<Request {self.operation}>"

    @property
    def context(self) -> dict[str, str]:
        """Return the encryption context; empty if none was given."""
        return dict(self.parameters.get(f"{self.side}EncryptionContext", {}))

    @property
    def algorithm(self) -> str:
        """Return the encryption algorithm, with the default of KMS."""
        return str(self.parameters.get(f"{self.side}EncryptionAlgorithm", _SYMMETRIC))

    @property
    def key_id(self) -> str | None:
        """How the request names the key, if it does."""
        return self.parameters.get(f"{self.side}KeyId")

    def find_key(self) -> FakeKey | None:
        """Return the key that it is about, by ``KeyId`` or by its ciphertext blob; ``None`` if there is none."""
        if self.key_id is None:
            return self.world.find_by_blob_id(blob_id(self.parameters.get("CiphertextBlob", b"")), region=self.region)
        return self.world.find(self.key_id, region=self.region)

    def named_key(self) -> FakeKey:
        """Return the key that ``KeyId`` names, whatever its state.

        :raises ClientError: ``NotFoundException``
        """
        key = self.find_key()
        if key is None:
            raise self.refuse("NotFoundException", f"Key '{self.key_id}' does not exist in {self.region}")
        return key

    def usable(self, key: FakeKey, *, usage: str | None = None) -> FakeKey:
        """Return *key* if its state and its usage allow the operation.

        :raises ClientError: ``DisabledException``, ``KMSInvalidStateException`` or ``InvalidKeyUsageException``
        """
        if key.state is KeyState.DISABLED:
            raise self.refuse("DisabledException", f"{key.arn} is disabled.")
        if key.state is KeyState.PENDING_DELETION:
            raise self.refuse("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if usage not in {None, key.usage}:
            raise self.wrong_usage(key)
        return key

    def end_dry_run(self) -> None:
        """Stop here if the caller only asked whether it would work.

        :raises ClientError: ``DryRunOperationException``
        """
        if self.parameters.get("DryRun"):
            raise self.refuse("DryRunOperationException", "The request would have succeeded; DryRun is set.")

    def wrong_usage(self, key: FakeKey) -> ClientError:
        """Make the refusal of a key that is made for something else."""
        return self.refuse(
            "InvalidKeyUsageException", f"{key.arn} ({key.spec}, {key.usage}) is not valid for {self.operation}."
        )

    def refuse(self, code: str, message: str) -> ClientError:
        """Make the exception that the client raises for a refusal."""
        return kms_error(code, self.operation, message)


def _generate_data_key_without_plaintext(request: Request) -> dict[str, Any]:
    answer = _generate_data_key(request)
    del answer["Plaintext"]
    return answer


def _generate_data_key(request: Request) -> dict[str, Any]:
    parameters = request.parameters
    if ("NumberOfBytes" in parameters) == ("KeySpec" in parameters):
        raise request.refuse("ValidationException", "Please specify either number of bytes or key spec.")
    key = request.usable(request.named_key(), usage="ENCRYPT_DECRYPT")
    if not isinstance(key.material, SymmetricMaterial):
        raise request.wrong_usage(key)
    request.end_dry_run()
    plaintext = os.urandom(parameters.get("NumberOfBytes") or _DATA_KEY_LENGTHS[parameters["KeySpec"]])
    return {
        "CiphertextBlob": key.material.encrypt(plaintext, request.context),
        "Plaintext": plaintext,
        "KeyId": key.arn,
    }


def _encrypt(request: Request) -> dict[str, Any]:
    key = _encryption_key(request, request.named_key())
    request.end_dry_run()
    return {
        "CiphertextBlob": _encrypted(request, key, request.parameters["Plaintext"]),
        "KeyId": key.arn,
        "EncryptionAlgorithm": request.algorithm,
    }


def _encrypted(request: Request, key: FakeKey, plaintext: bytes) -> bytes:
    if isinstance(key.material, SymmetricMaterial):
        return key.material.encrypt(plaintext, request.context)
    try:
        return key.material.encrypt(plaintext, request.algorithm)
    except ValueError:
        problem = f"The plaintext is too long for {key.spec} with {request.algorithm}."
        raise request.refuse("ValidationException", problem) from None


def _decrypt(request: Request) -> dict[str, Any]:
    if _ignores_ciphertext(request):
        _encryption_key(request, request.named_key())
        request.end_dry_run()
    key, plaintext = _decrypted(request)
    request.end_dry_run()
    return {"Plaintext": plaintext, "KeyId": key.arn, "EncryptionAlgorithm": request.algorithm}


def _decrypted(request: Request) -> tuple[FakeKey, bytes]:
    key = _encryption_key(request, _key_to_decrypt(request))
    blob = request.parameters["CiphertextBlob"]
    try:
        if isinstance(key.material, SymmetricMaterial):
            _check_made_by(request, key, blob)
            return key, key.material.decrypt(blob, request.context)
        return key, key.material.decrypt(blob, request.algorithm)
    except Undecryptable:
        raise request.refuse("InvalidCiphertextException", "") from None


def _re_encrypt(request: Request) -> dict[str, Any]:
    destination = replace(request, side="Destination")
    if _ignores_ciphertext(request):
        _encryption_key(request, request.named_key())
        _encryption_key(destination, destination.named_key())
        request.end_dry_run()
    source, plaintext = _decrypted(request)
    key = _encryption_key(destination, destination.named_key())
    request.end_dry_run()
    return {
        "CiphertextBlob": _encrypted(destination, key, plaintext),
        "SourceKeyId": source.arn,
        "KeyId": key.arn,
        "SourceEncryptionAlgorithm": request.algorithm,
        "DestinationEncryptionAlgorithm": destination.algorithm,
    }


def _ignores_ciphertext(request: Request) -> bool:
    """Return whether only the permission is asked for, so that no ciphertext is needed.

    :raises ClientError: ``ValidationException``: the modifier is not known, not for a dry run, or there is no key ID
    """
    modifiers = request.parameters.get("DryRunModifiers", [])
    if not modifiers:
        return False
    if modifiers != ["IGNORE_CIPHERTEXT"] or not request.parameters.get("DryRun"):
        raise request.refuse("ValidationException", "DryRunModifiers may be IGNORE_CIPHERTEXT where DryRun is true.")
    if request.key_id is None:
        raise request.refuse("ValidationException", "A key ID is required with IGNORE_CIPHERTEXT.")
    return True


def _key_to_decrypt(request: Request) -> FakeKey:
    if "CiphertextBlob" not in request.parameters:
        raise request.refuse("ValidationException", "CiphertextBlob is required.")
    if request.key_id is not None:
        return request.named_key()
    if blob_id(request.parameters["CiphertextBlob"]) is None:
        raise request.refuse("InvalidCiphertextException", "")
    key = request.find_key()
    if key is None:
        problem = (
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
            "or you are not allowed to access."
        )
        raise request.refuse("AccessDeniedException", problem)
    return key


def _check_made_by(request: Request, key: FakeKey, blob: bytes) -> None:
    made_by = blob_id(blob)
    if made_by is None:
        raise Undecryptable
    if isinstance(key.material, SymmetricMaterial) and made_by != key.material.blob_id:
        problem = "The key ID in the request does not identify a CMK that can perform this operation."
        raise request.refuse("IncorrectKeyException", problem)


def _encryption_key(request: Request, key: FakeKey) -> FakeKey:
    request.usable(key, usage="ENCRYPT_DECRYPT")
    if request.algorithm not in KEY_SPECS[key.spec].encryption_algorithms:
        raise request.wrong_usage(key)
    if request.context and isinstance(key.material, AsymmetricMaterial):
        problem = "An encryption context can't be used with an asymmetric key."
        raise request.refuse("ValidationException", problem)
    return key


def _derive_shared_secret(request: Request) -> dict[str, Any]:
    key = request.usable(request.named_key(), usage="KEY_AGREEMENT")
    if not isinstance(key.material, AsymmetricMaterial):  # pragma: no cover - no such key can be made
        raise request.wrong_usage(key)
    request.end_dry_run()
    try:
        secret = key.material.shared_secret(request.parameters["PublicKey"])
    except ValueError:
        problem = f"The public key is not a DER-encoded public key on the curve of {key.spec}."
        raise request.refuse("ValidationException", problem) from None
    return {
        "KeyId": key.arn,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": request.parameters["KeyAgreementAlgorithm"],
        "KeyOrigin": "AWS_KMS",
    }


def _get_public_key(request: Request) -> dict[str, Any]:
    key = request.usable(request.named_key())
    if not isinstance(key.material, AsymmetricMaterial):
        raise request.refuse("UnsupportedOperationException", f"{key.arn} is not an asymmetric key.")
    return {"KeyId": key.arn, "PublicKey": key.material.public_key, **_describe(key)}


def _describe_key(request: Request) -> dict[str, Any]:
    key = request.named_key()
    metadata = {
        "AWSAccountId": key.account,
        "KeyId": key.key_id,
        "Arn": key.arn,
        "CreationDate": _CREATED,
        "Enabled": key.state is KeyState.ENABLED,
        "Description": "",
        "KeyState": key.state.value,
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "MultiRegion": key.multi_region,
        **_describe(key),
    }
    return {"KeyMetadata": metadata}


def _get_key_policy(request: Request) -> dict[str, Any]:
    key = request.named_key()
    if request.parameters.get("PolicyName", "default") != "default":
        raise request.refuse("NotFoundException", "No such policy exists.")
    document = default_key_policy(request.world.partition, key.account) if key.policy is None else key.policy.document
    return {"Policy": json.dumps(document), "PolicyName": "default"}


def _describe(key: FakeKey) -> dict[str, Any]:
    spec = KEY_SPECS[key.spec]
    description: dict[str, Any] = {"CustomerMasterKeySpec": key.spec, "KeySpec": key.spec, "KeyUsage": key.usage}
    if key.usage == "ENCRYPT_DECRYPT":
        description["EncryptionAlgorithms"] = list(spec.encryption_algorithms)
    if key.usage == "KEY_AGREEMENT":
        description["KeyAgreementAlgorithms"] = list(spec.key_agreement_algorithms)
    return description


OPERATIONS: Final[dict[str, Callable[[Request], dict[str, Any]]]] = {
    "GenerateDataKey": _generate_data_key,
    "Encrypt": _encrypt,
    "Decrypt": _decrypt,
    "GenerateDataKeyWithoutPlaintext": _generate_data_key_without_plaintext,
    "ReEncrypt": _re_encrypt,
    "DeriveSharedSecret": _derive_shared_secret,
    "GetPublicKey": _get_public_key,
    "DescribeKey": _describe_key,
    "GetKeyPolicy": _get_key_policy,
}
