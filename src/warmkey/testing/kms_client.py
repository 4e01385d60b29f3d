"""Run AWS KMS in this process: a client shaped like boto3's, with real keys behind it.

What it answers, refuses and raises follows the AWS KMS API reference. What moto gets wrong for an encryption library
(disabled keys, multi-Region keys, RSA and ECDH keys, grants) works here.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from botocore.client import ClientMeta, Config
from botocore.hooks import HierarchicalEmitter

from warmkey.safe_repr import safe_repr
from warmkey.testing.administration import Administration
from warmkey.testing.api_model import (
    check_limits,
    check_parameters,
    client_exceptions,
    kms_error,
    response_metadata,
    service_model,
)
from warmkey.testing.authorization import kms_keys, refusal_of_key
from warmkey.testing.calls import KmsCall, Permission
from warmkey.testing.counting import announce
from warmkey.testing.policies import Access
from warmkey.testing.service import OPERATIONS, Request
from warmkey.testing.world import DEFAULT_ACCOUNT, FakeKmsWorld, Grant

__all__ = ["FakeKms"]

# A name, because Sphinx can't show an f-string as a default.
_FAKE_ROLE_ARN = f"arn:aws:iam::{DEFAULT_ACCOUNT}:role/fake-role"
_METHODS = {
    "generate_data_key": "GenerateDataKey",
    "generate_data_key_without_plaintext": "GenerateDataKeyWithoutPlaintext",
    "encrypt": "Encrypt",
    "decrypt": "Decrypt",
    "re_encrypt": "ReEncrypt",
    "derive_shared_secret": "DeriveSharedSecret",
    "get_public_key": "GetPublicKey",
    "describe_key": "DescribeKey",
    "get_key_policy": "GetKeyPolicy",
}


@safe_repr
class FakeKms(Administration):
    """Acts as a KMS client in tests: pass it wherever a boto3 KMS client goes.

    ::

        kms = FakeKms()
        key_arn = kms.create_key()
        keyring = warmkey.AwsKmsKeyring(key_arn, kms_client=kms)
        ...
        assert kms.count("GenerateDataKey") == 1

    Methods that boto3 has take keyword arguments only and return the same dictionaries, and raise botocore's own
    exceptions. It honours key IDs, key ARNs, aliases, encryption contexts and grant tokens, checks parameters as
    strictly as boto3, and may be used from many threads. Multi-Region keys take a client per Region over one world::

        kms_in_ireland = FakeKms("eu-west-1", world=kms.world)

    :param region_name: the Region of this client
    :param world: the keys behind it; by default a world of its own
    :param role_arn: the role whose credentials it has; it may do everything until a policy is attached to it
    """

    def __init__(
        self,
        region_name: str = "us-east-1",
        *,
        world: FakeKmsWorld | None = None,
        role_arn: str = _FAKE_ROLE_ARN,
    ) -> None:
        if not isinstance(region_name, str) or not region_name:
            raise ValueError("region_name must be the name of a Region, for example us-east-1")
        if world is not None and not isinstance(world, FakeKmsWorld):
            raise ValueError(f"world must be a FakeKmsWorld, not {type(world).__name__}")
        if not isinstance(role_arn, str) or not role_arn.startswith("arn:"):
            raise ValueError("role_arn must be the ARN of a role, for example arn:aws:iam::111122223333:role/reader")
        super().__init__(region_name, FakeKmsWorld() if world is None else world, role_arn)
        self.exceptions = client_exceptions("kms")
        self.closed = False
        self.meta = ClientMeta(
            events=HierarchicalEmitter(),
            client_config=Config(region_name=region_name),
            endpoint_url=f"https://kms.{region_name}.amazonaws.com",
            service_model=service_model("kms"),
            method_to_api_mapping=_METHODS,
            partition=self.world.partition,
        )

    def __repr__(self) -> str:
        keys, calls = self.world.count_keys(self._region), len(self._calls)
        return f"<FakeKms region={self._region} keys={keys} calls={calls}>"

    def close(self) -> None:
        """Remember that it was closed (``closed``); as with boto3, it still works."""
        self.closed = True

    # What boto3 has

    def generate_data_key(self, **parameters: object) -> dict[str, Any]:
        """GenerateDataKey: ``KeyId``, ``NumberOfBytes`` or ``KeySpec``, ``EncryptionContext``, ``GrantTokens``."""
        return self._request("GenerateDataKey", parameters)

    def generate_data_key_without_plaintext(self, **parameters: object) -> dict[str, Any]:
        """GenerateDataKeyWithoutPlaintext: what GenerateDataKey takes."""
        return self._request("GenerateDataKeyWithoutPlaintext", parameters)

    def encrypt(self, **parameters: object) -> dict[str, Any]:
        """Encrypt: ``KeyId``, ``Plaintext``, ``EncryptionContext``, ``EncryptionAlgorithm``, ``GrantTokens``."""
        return self._request("Encrypt", parameters)

    def decrypt(self, **parameters: object) -> dict[str, Any]:
        """Decrypt: ``CiphertextBlob``, ``KeyId``, ``EncryptionContext``, ``EncryptionAlgorithm``, ``GrantTokens``."""
        return self._request("Decrypt", parameters)

    def re_encrypt(self, **parameters: object) -> dict[str, Any]:
        """ReEncrypt: ``CiphertextBlob``, ``DestinationKeyId``, and both sides' key, context and algorithm."""
        return self._request("ReEncrypt", parameters)

    def derive_shared_secret(self, **parameters: object) -> dict[str, Any]:
        """DeriveSharedSecret: ``KeyId``, ``KeyAgreementAlgorithm``, ``PublicKey``, ``GrantTokens``."""
        return self._request("DeriveSharedSecret", parameters)

    def get_public_key(self, **parameters: object) -> dict[str, Any]:
        """GetPublicKey: ``KeyId``, ``GrantTokens``."""
        return self._request("GetPublicKey", parameters)

    def describe_key(self, **parameters: object) -> dict[str, Any]:
        """DescribeKey: ``KeyId``, ``GrantTokens``."""
        return self._request("DescribeKey", parameters)

    def get_key_policy(self, **parameters: object) -> dict[str, Any]:
        """GetKeyPolicy: ``KeyId``, ``PolicyName``."""
        return self._request("GetKeyPolicy", parameters)

    # From the client's method to its answer

    def _request(self, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
        if "Recipient" in parameters:
            raise NotImplementedError("FakeKms has no Nitro enclaves, so it can't encrypt an answer for a Recipient")
        request = Request(
            operation=operation,
            parameters=check_parameters("kms", operation, parameters),
            world=self.world,
            region=self._region,
            side="Source" if operation == "ReEncrypt" else "",
        )
        call = _record_of(request)
        announce(operation)
        return self._serve(call, self.meta.endpoint_url, lambda: self._answer(request, call))

    def _answer(self, request: Request, call: KmsCall) -> dict[str, Any]:
        check_limits(request.operation, request.parameters)
        self._check_permission(call)
        return {**OPERATIONS[request.operation](request), "ResponseMetadata": response_metadata(200)}

    def _check_permission(self, call: KmsCall) -> None:
        grants = [self.world.find_grant(token) for token in call.grant_tokens]
        if None in grants:
            problem = "A grant token was never issued; create_grant() of the fake issues them."
            raise kms_error("InvalidGrantTokenException", call.operation, problem)
        for permission in call.permissions:
            refusal = self._refusal(permission, [grant for grant in grants if grant is not None])
            if refusal is not None:
                raise kms_error("AccessDeniedException", call.operation, refusal)

    def _refusal(self, permission: Permission, grants: list[Grant]) -> str | None:
        action, key_arn = permission.action, permission.key_arn
        has_grant = any(grant.permits(action, key_arn) for grant in grants)
        denied = {(name, key) for name in (action, permission.operation) for key in (None, key_arn)} & self._denied
        if denied and not has_grant:
            return f"The caller is not authorized to perform: kms:{action} on resource: {key_arn}"
        key = self.world.find(key_arn, region=self._region) if key_arn else None
        if key is None or (key.policy is None and self._policies is None):  # nobody has set a policy, so all may
            return None
        return refusal_of_key(
            Access(
                action=f"kms:{action}",
                resource=key.arn,
                keys=kms_keys(permission.encryption_context, permission.key_id),
            ),
            role=self.world.role(self.role_arn),
            policies=self._policies,
            key_policy=key.policy,
            has_grant=has_grant,
        )


def _record_of(request: Request) -> KmsCall:
    key, parameters = request.find_key(), request.parameters
    destination = replace(request, side="Destination")
    destination_key = destination.find_key() if destination.key_id else None
    return KmsCall(
        operation=request.operation,
        key_id=request.key_id,
        key_arn=key.arn if key else None,
        region=request.region,
        encryption_context=MappingProxyType(request.context),
        grant_tokens=tuple(parameters.get("GrantTokens", ())),
        number_of_bytes=parameters.get("NumberOfBytes"),
        destination_key_id=destination.key_id,
        destination_key_arn=destination_key.arn if destination_key else None,
        destination_encryption_context=MappingProxyType(destination.context),
    )
