"""What the tests of branch keys ask of each client, ours among them, and how each of them does it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import boto3

from tests.interop.peers import policy_name
from tests.vectors.readers import COMMITTING, NOT_COMMITTING
from warmkey import AlgorithmSuite
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore

if TYPE_CHECKING:
    from tests.interop.peers import NodePeer

# More than any test takes.
TTL_SECONDS = 600


@dataclass(frozen=True)
class KeyStoreAddress:
    """One table and one KMS key, on a server of this machine."""

    table: str
    logical_name: str
    key_arn: str
    endpoint: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


class BranchKeyPeer(Protocol):
    """A client with branch keys. None of them keeps anything from one call to the next."""

    def create(self, branch_key_id: str, context: dict[str, str]) -> None:
        """Create a branch key."""

    def rotate(self, branch_key_id: str) -> None:
        """Make a new version."""

    def active_version(self, branch_key_id: str) -> str:
        """The version that encrypts now."""

    def encrypt(self, branch_key_id: str, suite_id: int, plaintext: bytes, context: dict[str, str]) -> bytes:
        """A message."""

    def decrypt(self, branch_key_id: str, suite_id: int, message: bytes) -> bytes:
        """What is in a message."""


class Warmkey:
    """Ours."""

    def __init__(self, address: KeyStoreAddress) -> None:
        self.store = BranchKeyStore(
            address.table,
            logical_key_store_name=address.logical_name,
            kms_key_arn=address.key_arn,
            kms_client=address.client("kms"),
            dynamodb_client=address.client("dynamodb"),
        )

    def create(self, branch_key_id: str, context: dict[str, str]) -> None:
        self.store.create_key(branch_key_id, context)

    def rotate(self, branch_key_id: str) -> None:
        self.store.version_key(branch_key_id)

    def active_version(self, branch_key_id: str) -> str:
        return self.store.get_active_branch_key(branch_key_id).branch_key_version

    def encrypt(self, branch_key_id: str, suite_id: int, plaintext: bytes, context: dict[str, str]) -> bytes:
        suite = AlgorithmSuite(suite_id)
        client = COMMITTING if suite.commits else NOT_COMMITTING
        return client.encrypt(
            plaintext, keyring=self._keyring(branch_key_id), encryption_context=context, algorithm_suite=suite
        ).ciphertext

    def decrypt(self, branch_key_id: str, suite_id: int, message: bytes) -> bytes:
        client = COMMITTING if AlgorithmSuite(suite_id).commits else NOT_COMMITTING
        return client.decrypt(message, keyring=self._keyring(branch_key_id)).plaintext

    def _keyring(self, branch_key_id: str) -> AwsKmsHierarchicalKeyring:
        return AwsKmsHierarchicalKeyring(self.store, branch_key_id=branch_key_id, ttl_seconds=TTL_SECONDS)


class MaterialProviders:
    """The material providers library, in Python."""

    def __init__(self, address: KeyStoreAddress) -> None:
        from aws_cryptographic_material_providers.keystore import KeyStore, config, models  # noqa: PLC0415

        self.models = models
        self.store = KeyStore(
            config.KeyStoreConfig(
                ddb_table_name=address.table,
                logical_key_store_name=address.logical_name,
                kms_configuration=models.KMSConfigurationKmsKeyArn(address.key_arn),
                ddb_client=address.client("dynamodb"),
                kms_client=address.client("kms"),
            )
        )

    def create(self, branch_key_id: str, context: dict[str, str]) -> None:
        self.store.create_key(
            self.models.CreateKeyInput(branch_key_identifier=branch_key_id, encryption_context=context)
        )

    def rotate(self, branch_key_id: str) -> None:
        self.store.version_key(self.models.VersionKeyInput(branch_key_identifier=branch_key_id))

    def active_version(self, branch_key_id: str) -> str:
        request = self.models.GetActiveBranchKeyInput(branch_key_identifier=branch_key_id)
        version: str = self.store.get_active_branch_key(request).branch_key_materials.branch_key_version
        return version

    def beacon_key(self, branch_key_id: str) -> bytes:
        """The beacon key."""
        request = self.models.GetBeaconKeyInput(branch_key_identifier=branch_key_id)
        return bytes(self.store.get_beacon_key(request).beacon_key_materials.beacon_key)

    def encrypt(self, branch_key_id: str, suite_id: int, plaintext: bytes, context: dict[str, str]) -> bytes:
        from aws_encryption_sdk.identifiers import AlgorithmSuite as PeerSuite  # noqa: PLC0415

        message, _header = self._client(suite_id).encrypt(
            source=plaintext,
            keyring=self._keyring(branch_key_id),
            encryption_context=context,
            algorithm=PeerSuite.get_by_id(suite_id),
        )
        return bytes(message)

    def decrypt(self, branch_key_id: str, suite_id: int, message: bytes) -> bytes:
        plaintext, _header = self._client(suite_id).decrypt(source=message, keyring=self._keyring(branch_key_id))
        return bytes(plaintext)

    @staticmethod
    def _client(suite_id: int) -> Any:
        import aws_encryption_sdk  # noqa: PLC0415
        from aws_encryption_sdk.identifiers import CommitmentPolicy  # noqa: PLC0415

        policies = {
            "committing": CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
            "not-committing": CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
        }
        return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policies[policy_name(suite_id)])

    def _keyring(self, branch_key_id: str) -> Any:
        from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders  # noqa: PLC0415
        from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig  # noqa: PLC0415
        from aws_cryptographic_material_providers.mpl.models import (  # noqa: PLC0415
            CreateAwsKmsHierarchicalKeyringInput,
        )

        library = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
        return library.create_aws_kms_hierarchical_keyring(
            CreateAwsKmsHierarchicalKeyringInput(
                key_store=self.store, branch_key_id=branch_key_id, ttl_seconds=TTL_SECONDS
            )
        )


class JavaScript:
    """@aws-crypto/branch-keystore-node and @aws-crypto/kms-keyring-node, in a process of their own."""

    def __init__(self, address: KeyStoreAddress, process: NodePeer) -> None:
        self._process = process
        self._address = {
            "table": address.table,
            "logicalName": address.logical_name,
            "arn": address.key_arn,
            "endpoint": address.endpoint,
        }

    def create(self, branch_key_id: str, context: dict[str, str]) -> None:
        self._ask("createKey", branch_key_id, context=context)

    def rotate(self, branch_key_id: str) -> None:
        self._ask("versionKey", branch_key_id)

    def active_version(self, branch_key_id: str) -> str:
        return str(self._ask("activeVersion", branch_key_id)["version"])

    def encrypt(self, branch_key_id: str, suite_id: int, plaintext: bytes, context: dict[str, str]) -> bytes:
        answer = self._ask(
            "encrypt",
            branch_key_id,
            policy=policy_name(suite_id),
            suite=suite_id,
            frameLength=4096,
            plaintext=base64.b64encode(plaintext).decode(),
            context=context,
        )
        return base64.b64decode(answer["message"])

    def decrypt(self, branch_key_id: str, suite_id: int, message: bytes) -> bytes:
        text = base64.b64encode(message).decode()
        answer = self._ask("decrypt", branch_key_id, policy=policy_name(suite_id), message=text)
        return base64.b64decode(answer["plaintext"])

    def _ask(self, operation: str, branch_key_id: str, **request: Any) -> dict[str, Any]:
        return self._process.ask(
            {"operation": operation, "branchKeyId": branch_key_id, "keyStore": self._address, **request}
        )
