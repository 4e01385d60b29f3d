"""What the interop tests ask of another client, and how each of them does it."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import aws_encryption_sdk
import boto3
from aws_encryption_sdk.identifiers import AlgorithmSuite as PeerSuite
from aws_encryption_sdk.identifiers import CommitmentPolicy as PeerPolicy
from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

from tests.vectors.forge import SUITES

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = Path(__file__).parent / "node"


@dataclass(frozen=True)
class RawAes:
    """A wrapping key that both sides have."""

    key: bytes
    namespace: str = "interop"
    name: str = "shared key ключ"


@dataclass(frozen=True)
class Kms:
    """A KMS key on a server of this machine."""

    arn: str
    endpoint: str


@dataclass(frozen=True)
class Case:
    """One message to exchange. A frame length of 0 asks for a non-framed body."""

    suite_id: int
    wrapping: RawAes | Kms
    plaintext: bytes = b"plaintext"
    context: dict[str, str] = field(default_factory=dict)
    frame_length: int = 128
    cache: str = ""


class Opened(NamedTuple):
    """What a peer got out of a message."""

    plaintext: bytes
    context: dict[str, str]


class Peer(Protocol):
    """Another client."""

    def encrypt(self, case: Case) -> bytes:
        """A message as the peer writes it."""

    def decrypt(self, case: Case, message: bytes) -> Opened:
        """What the peer reads in *message*."""


def policy_name(suite_id: int) -> str:
    """The policy that lets a client encrypt with the suite, and decrypt anything."""
    return "committing" if SUITES[suite_id].commits else "not-committing"


# --- aws-encryption-sdk, with its master key providers


class _RawProvider(RawMasterKeyProvider):
    """A raw master key provider over one key, as the SDK's documentation has it."""

    provider_id = "interop"

    wrapping: RawAes

    def __init__(self, **kwargs: Any) -> None:  # what the base wants of its subclasses
        super().__init__(**kwargs)

    def _get_raw_key(self, key_id: str) -> WrappingKey:
        algorithms = {
            16: WrappingAlgorithm.AES_128_GCM_IV12_TAG16_NO_PADDING,
            24: WrappingAlgorithm.AES_192_GCM_IV12_TAG16_NO_PADDING,
            32: WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
        }
        return WrappingKey(
            wrapping_algorithm=algorithms[len(self.wrapping.key)],
            wrapping_key=self.wrapping.key,
            wrapping_key_type=EncryptionKeyType.SYMMETRIC,
        )


_POLICIES = {
    "committing": PeerPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
    "not-committing": PeerPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
}


class PythonPeer:
    """The official Python client."""

    def __init__(self) -> None:
        self._clients = {
            name: aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy) for name, policy in _POLICIES.items()
        }
        self._caching: dict[str, Any] = {}
        self._keys: dict[RawAes | Kms, Any] = {}

    def encrypt(self, case: Case) -> bytes:
        message, _header = self._clients[policy_name(case.suite_id)].encrypt(
            source=case.plaintext,
            encryption_context=case.context,
            algorithm=PeerSuite.get_by_id(case.suite_id),
            frame_length=case.frame_length,
            **self._materials(case),
        )
        return bytes(message)

    def decrypt(self, case: Case, message: bytes) -> Opened:
        client = self._clients[policy_name(case.suite_id)]
        plaintext, header = client.decrypt(source=message, **self._materials(case))
        return Opened(bytes(plaintext), dict(header.encryption_context))

    def _materials(self, case: Case) -> dict[str, Any]:
        if case.wrapping not in self._keys:
            self._keys[case.wrapping] = self._provider(case.wrapping)
        provider = self._keys[case.wrapping]
        if not case.cache:
            return {"key_provider": provider}
        if case.cache not in self._caching:
            self._caching[case.cache] = aws_encryption_sdk.CachingCryptoMaterialsManager(
                master_key_provider=provider,
                cache=aws_encryption_sdk.LocalCryptoMaterialsCache(100),
                max_age=60.0,
            )
        return {"materials_manager": self._caching[case.cache]}

    def _provider(self, wrapping: RawAes | Kms) -> Any:
        if isinstance(wrapping, Kms):
            return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[wrapping.arn])
        kind = type("_RawProviderOfOneNamespace", (_RawProvider,), {"provider_id": wrapping.namespace})
        provider = kind()
        provider.wrapping = wrapping
        provider.add_master_key(wrapping.name)
        return provider


# --- aws-encryption-sdk, with the keyrings of the material providers library


class MaterialProvidersPeer(PythonPeer):
    """The official Python client with keyrings, where the material providers library is installed."""

    def __init__(self) -> None:
        super().__init__()
        from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders  # noqa: PLC0415
        from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig  # noqa: PLC0415

        self.library = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())

    def _materials(self, case: Case) -> dict[str, Any]:
        if case.wrapping not in self._keys:
            self._keys[case.wrapping] = self._keyring(case.wrapping)
        keyring = self._keys[case.wrapping]
        if not case.cache:
            return {"keyring": keyring}
        if case.cache not in self._caching:
            self._caching[case.cache] = aws_encryption_sdk.CachingCryptoMaterialsManager(
                backing_materials_manager=self._default_cmm(keyring),
                cache=aws_encryption_sdk.LocalCryptoMaterialsCache(100),
                max_age=60.0,
            )
        return {"materials_manager": self._caching[case.cache]}

    def _default_cmm(self, keyring: Any) -> Any:
        from aws_cryptographic_material_providers.mpl.models import (  # noqa: PLC0415
            CreateDefaultCryptographicMaterialsManagerInput,
        )
        from aws_encryption_sdk.materials_managers.mpl.cmm import CryptoMaterialsManagerFromMPL  # noqa: PLC0415

        cmm = self.library.create_default_cryptographic_materials_manager(
            input=CreateDefaultCryptographicMaterialsManagerInput(keyring=keyring)
        )
        return CryptoMaterialsManagerFromMPL(mpl_cmm=cmm)

    def _keyring(self, wrapping: RawAes | Kms) -> Any:
        from aws_cryptographic_material_providers.mpl.models import (  # noqa: PLC0415
            AesWrappingAlg,
            CreateAwsKmsKeyringInput,
            CreateRawAesKeyringInput,
        )

        if isinstance(wrapping, Kms):
            client = boto3.client("kms", region_name="us-east-1")
            return self.library.create_aws_kms_keyring(
                input=CreateAwsKmsKeyringInput(kms_key_id=wrapping.arn, kms_client=client)
            )
        algorithms = {
            16: AesWrappingAlg.ALG_AES128_GCM_IV12_TAG16,
            24: AesWrappingAlg.ALG_AES192_GCM_IV12_TAG16,
            32: AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        }
        return self.library.create_raw_aes_keyring(
            input=CreateRawAesKeyringInput(
                key_namespace=wrapping.namespace,
                key_name=wrapping.name,
                wrapping_key=wrapping.key,
                wrapping_alg=algorithms[len(wrapping.key)],
            )
        )


# --- @aws-crypto/client-node


class NodePeer:
    """The official JavaScript client, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def encrypt(self, case: Case) -> bytes:
        if case.frame_length == 0:
            raise NotImplementedError("it writes framed messages only")
        return base64.b64decode(
            self._ask(
                case,
                operation="encrypt",
                plaintext=_text(case.plaintext),
                context=case.context,
                suite=case.suite_id,
                frameLength=case.frame_length,
            )["message"]
        )

    def decrypt(self, case: Case, message: bytes) -> Opened:
        answer = self._ask(case, operation="decrypt", message=_text(message))
        return Opened(base64.b64decode(answer["plaintext"]), answer["context"])

    def _ask(self, case: Case, **request: Any) -> dict[str, Any]:
        wrapping: dict[str, Any]
        if isinstance(case.wrapping, Kms):
            wrapping = {"kms": {"arn": case.wrapping.arn, "endpoint": case.wrapping.endpoint}}
        else:
            raw = case.wrapping
            wrapping = {"raw": {"namespace": raw.namespace, "name": raw.name, "key": _text(raw.key)}}
        return self.ask({**request, "policy": policy_name(case.suite_id), "cache": case.cache, **wrapping})

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request of the protocol in peer.cjs.

        :raises PeerError: it refused
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer


class PeerError(Exception):
    """The JavaScript client refused."""


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def why_no_node() -> str:
    """Why the JavaScript client can't take part, or an empty string."""
    if shutil.which("node") is None:
        return "the JavaScript client takes part where Node is installed"
    if not (NODE / "node_modules/@aws-crypto/client-node").is_dir():
        return "the JavaScript client is not installed; `make interop` does that"
    return ""


@contextlib.contextmanager
def node_peer() -> Iterator[NodePeer]:
    """The JavaScript client as long as the block runs."""
    with subprocess.Popen(
        ["node", str(NODE / "peer.cjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=NODE
    ) as process:
        try:
            yield NodePeer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)
