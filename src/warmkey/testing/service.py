"""Answer requests that have arrived and are permitted, as KMS does.

One function per operation, from the request to what the answer holds. Source: the AWS KMS API reference.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from warmkey.testing.api_model import kms_error
from warmkey.testing.materials import AsymmetricMaterial, SymmetricMaterial, Undecryptable, blob_id
from warmkey.testing.world import KEY_SPECS, FakeKey, FakeKmsWorld, KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.exceptions import ClientError

__all__ = ["OPERATIONS", "Request"]

_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
_DATA_KEY_LENGTHS: Final = {"AES_256": 32, "AES_128": 16}
_CREATED: Final = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Holds a request as KMS received it in *region*. It may hold a plaintext, so its ``repr`` shows no parameters."""

    operation: str
    parameters: Mapping[str, Any]
    world: FakeKmsWorld
    region: str

    def __repr__(self) -> str:
        return f"<Request {self.operation}>"

    @property
    def context(self) -> dict[str, str]:
        """Return the encryption context; empty if none was given."""
        return dict(self.parameters.get("EncryptionContext", {}))

    @property
    def algorithm(self) -> str:
        """Return the encryption algorithm, with the default of KMS."""
        return str(self.parameters.get("EncryptionAlgorithm", _SYMMETRIC))

    def find_key(self) -> FakeKey | None:
        """Return the key that it is about, by ``KeyId`` or by its ciphertext blob; ``None`` if there is none."""
        key_id = self.parameters.get("KeyId")
        if key_id is None:
            return self.world.find_by_blob_id(blob_id(self.parameters.get("CiphertextBlob", b"")), region=self.region)
        return self.world.find(key_id, region=self.region)

    def named_key(self) -> FakeKey:
        """Return the key that ``KeyId`` names, whatever its state.

        :raises ClientError: ``NotFoundException``
        """
        key = self.find_key()
        if key is None:
            raise self.refuse("NotFoundException", f"Key '{self.parameters['KeyId']}' does not exist in {self.region}")
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
    plaintext = request.parameters["Plaintext"]
    if isinstance(key.material, SymmetricMaterial):
        ciphertext = key.material.encrypt(plaintext, request.context)
    else:
        try:
            ciphertext = key.material.encrypt(plaintext, request.algorithm)
        except ValueError:
            problem = f"The plaintext is too long for {key.spec} with {request.algorithm}."
            raise request.refuse("ValidationException", problem) from None
    return {"CiphertextBlob": ciphertext, "KeyId": key.arn, "EncryptionAlgorithm": request.algorithm}


def _decrypt(request: Request) -> dict[str, Any]:
    key = _encryption_key(request, _key_to_decrypt(request))
    blob = request.parameters["CiphertextBlob"]
    try:
        if isinstance(key.material, SymmetricMaterial):
            _check_made_by(request, key, blob)
            plaintext = key.material.decrypt(blob, request.context)
        else:
            plaintext = key.material.decrypt(blob, request.algorithm)
    except Undecryptable:
        raise request.refuse("InvalidCiphertextException", "") from None
    request.end_dry_run()
    return {"Plaintext": plaintext, "KeyId": key.arn, "EncryptionAlgorithm": request.algorithm}


def _key_to_decrypt(request: Request) -> FakeKey:
    if "CiphertextBlob" not in request.parameters:
        raise request.refuse("ValidationException", "CiphertextBlob is required.")
    if "KeyId" in request.parameters:
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
    "DeriveSharedSecret": _derive_shared_secret,
    "GetPublicKey": _get_public_key,
    "DescribeKey": _describe_key,
}
