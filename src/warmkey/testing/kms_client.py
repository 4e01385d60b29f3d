"""Run AWS KMS in this process: a client shaped like boto3's, with real keys behind it.

What it answers, refuses and raises follows the AWS KMS API reference. What moto gets wrong for an encryption library
(disabled keys, multi-Region keys, RSA and ECDH keys, grants) works here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from botocore.client import ClientMeta, Config
from botocore.hooks import HierarchicalEmitter

from warmkey.testing.administration import Administration
from warmkey.testing.api_model import (
    check_limits,
    check_parameters,
    client_exceptions,
    kms_error,
    response_metadata,
    service_model,
)
from warmkey.testing.calls import KmsCall
from warmkey.testing.counting import announce
from warmkey.testing.service import OPERATIONS, Request
from warmkey.testing.world import FakeKmsWorld

__all__ = ["FakeKms"]

_METHODS = {
    "generate_data_key": "GenerateDataKey",
    "encrypt": "Encrypt",
    "decrypt": "Decrypt",
    "derive_shared_secret": "DeriveSharedSecret",
    "get_public_key": "GetPublicKey",
    "describe_key": "DescribeKey",
}


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
    """

    def __init__(self, region_name: str = "us-east-1", *, world: FakeKmsWorld | None = None) -> None:
        if not isinstance(region_name, str) or not region_name:
            raise ValueError("region_name must be the name of a Region, for example us-east-1")
        if world is not None and not isinstance(world, FakeKmsWorld):
            raise ValueError(f"world must be a FakeKmsWorld, not {type(world).__name__}")
        super().__init__(region_name, FakeKmsWorld() if world is None else world)
        self.exceptions = client_exceptions()
        self.closed = False
        self.meta = ClientMeta(
            events=HierarchicalEmitter(),
            client_config=Config(region_name=region_name),
            endpoint_url=f"https://kms.{region_name}.amazonaws.com",
            service_model=service_model(),
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

    def encrypt(self, **parameters: object) -> dict[str, Any]:
        """Encrypt: ``KeyId``, ``Plaintext``, ``EncryptionContext``, ``EncryptionAlgorithm``, ``GrantTokens``."""
        return self._request("Encrypt", parameters)

    def decrypt(self, **parameters: object) -> dict[str, Any]:
        """Decrypt: ``CiphertextBlob``, ``KeyId``, ``EncryptionContext``, ``EncryptionAlgorithm``, ``GrantTokens``."""
        return self._request("Decrypt", parameters)

    def derive_shared_secret(self, **parameters: object) -> dict[str, Any]:
        """DeriveSharedSecret: ``KeyId``, ``KeyAgreementAlgorithm``, ``PublicKey``, ``GrantTokens``."""
        return self._request("DeriveSharedSecret", parameters)

    def get_public_key(self, **parameters: object) -> dict[str, Any]:
        """GetPublicKey: ``KeyId``, ``GrantTokens``."""
        return self._request("GetPublicKey", parameters)

    def describe_key(self, **parameters: object) -> dict[str, Any]:
        """DescribeKey: ``KeyId``, ``GrantTokens``."""
        return self._request("DescribeKey", parameters)

    # From the client's method to its answer

    def _request(self, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
        if "Recipient" in parameters:
            raise NotImplementedError("FakeKms has no Nitro enclaves, so it can't encrypt an answer for a Recipient")
        request = Request(
            operation=operation,
            parameters=check_parameters(operation, parameters),
            world=self.world,
            region=self._region,
        )
        call = _record_of(request)
        self._calls.append(call)
        announce(operation)
        for gate in self._gates:
            gate.pass_through(call)
        if self.latency is not None:
            self.latency(call)
        for fault in self._faults:
            if fault.claims(call):
                return fault.strike(call, self.meta.endpoint_url, lambda: self._answer(request, call))
        return self._answer(request, call)

    def _answer(self, request: Request, call: KmsCall) -> dict[str, Any]:
        check_limits(request.operation, request.parameters)
        self._check_permission(call)
        return {**OPERATIONS[request.operation](request), "ResponseMetadata": response_metadata(200)}

    def _check_permission(self, call: KmsCall) -> None:
        grants = [self.world.find_grant(token) for token in call.grant_tokens]
        if None in grants:
            problem = "A grant token was never issued; create_grant() of the fake issues them."
            raise kms_error("InvalidGrantTokenException", call.operation, problem)
        if self._denied.isdisjoint({(call.operation, None), (call.operation, call.key_arn)}):
            return
        if not any(grant and grant.permits(call.operation, call.key_arn) for grant in grants):
            user = f"arn:{self.world.partition}:sts::{self.world.account}:assumed-role/fake/test"
            action = f"kms:{call.operation}"
            problem = (
                f"User: {user} is not authorized to perform: {action} on resource: {call.key_arn} because no "
                f"identity-based policy allows the {action} action"
            )
            raise kms_error("AccessDeniedException", call.operation, problem)


def _record_of(request: Request) -> KmsCall:
    key, parameters = request.find_key(), request.parameters
    return KmsCall(
        operation=request.operation,
        key_id=parameters.get("KeyId"),
        key_arn=key.arn if key else None,
        region=request.region,
        encryption_context=MappingProxyType(request.context),
        grant_tokens=tuple(parameters.get("GrantTokens", ())),
        number_of_bytes=parameters.get("NumberOfBytes"),
    )
