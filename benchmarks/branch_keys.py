"""Warm messages under a branch key: the material providers library's keyring, ours, and a data key cache above ours."""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import aws_encryption_sdk
from aws_cryptographic_material_providers.keystore import KeyStore
from aws_cryptographic_material_providers.keystore.config import KeyStoreConfig
from aws_cryptographic_material_providers.keystore.models import KMSConfigurationKmsKeyArn
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import CreateAwsKmsHierarchicalKeyringInput
from aws_encryption_sdk.identifiers import Algorithm

import warmkey
from benchmarks import promises
from benchmarks.clients import CONTEXT, Contestant
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from benchmarks.rows import Effort
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.keyrings import Keyring

__all__ = ["measure_branch_keys"]

_SIZE = 1024
_TABLE, _ID = "branch-keys", "tenant-0001"
_TTL = 3600
_SUITES = (
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
)


class _Fleet:
    """One key store, in memory, and the clients that share it."""

    def __init__(self) -> None:
        self._kms, self._dynamodb = FakeKms(), FakeDynamoDb()
        self._arn = self._kms.create_key()
        self._store = BranchKeyStore(
            _TABLE, kms_key_arn=self._arn, kms_client=self._kms, dynamodb_client=self._dynamodb
        )
        self._store.create_table()
        self._store.create_key(_ID, {"tenant": _ID})

    def ours(self, suite: warmkey.AlgorithmSuite) -> Contestant:
        """A fresh data key for each message."""
        return _warmkey(suite, keyring=self._keyring())

    def cached(self, suite: warmkey.AlgorithmSuite) -> Contestant:
        """The same under a data key cache."""
        cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(100), max_age=_TTL, keyring=self._keyring())
        return _warmkey(suite, cmm=cmm)

    def peer(self, suite: warmkey.AlgorithmSuite) -> Contestant:
        """The official Python client with the library's keyring."""
        store = KeyStore(
            KeyStoreConfig(
                ddb_table_name=_TABLE,
                logical_key_store_name=_TABLE,
                kms_configuration=KMSConfigurationKmsKeyArn(self._arn),
                ddb_client=self._dynamodb,
                kms_client=self._kms,
            )
        )
        keyring = AwsCryptographicMaterialProviders(MaterialProvidersConfig()).create_aws_kms_hierarchical_keyring(
            CreateAwsKmsHierarchicalKeyringInput(key_store=store, branch_key_id=_ID, ttl_seconds=_TTL)
        )
        client = aws_encryption_sdk.EncryptionSDKClient(max_encrypted_data_keys=5)
        algorithm = Algorithm.get_by_id(suite.value)

        def encrypt(plaintext: bytes) -> bytes:
            ciphertext, _ = client.encrypt(
                source=plaintext, keyring=keyring, encryption_context=CONTEXT, algorithm=algorithm
            )
            return bytes(ciphertext)

        def decrypt(ciphertext: bytes) -> bytes:
            plaintext, _ = client.decrypt(source=ciphertext, keyring=keyring)
            return bytes(plaintext)

        return Contestant(encrypt, decrypt)

    def _keyring(self) -> AwsKmsHierarchicalKeyring:
        return AwsKmsHierarchicalKeyring(self._store, branch_key_id=_ID, ttl_seconds=_TTL)


def _warmkey(
    suite: warmkey.AlgorithmSuite, *, keyring: Keyring | None = None, cmm: CryptographicMaterialsManager | None = None
) -> Contestant:
    client = warmkey.Client(max_encrypted_data_keys=5)
    source: dict[str, Any] = {"keyring": keyring, "cmm": cmm}

    def encrypt(plaintext: bytes) -> bytes:
        return client.encrypt(plaintext, encryption_context=CONTEXT, algorithm_suite=suite, **source).ciphertext

    def decrypt(ciphertext: bytes) -> bytes:
        return client.decrypt(ciphertext, encryption_context=CONTEXT, **source).plaintext

    return Contestant(encrypt, decrypt)


def measure_branch_keys(effort: Effort) -> list[Row]:
    """Encrypt and decrypt for each suite. Asserts that each client reads what the others wrote."""
    fleet = _Fleet()
    return [row for suite in _SUITES for row in _measure(fleet, suite, effort)]


def _measure(fleet: _Fleet, suite: warmkey.AlgorithmSuite, effort: Effort) -> list[Row]:
    plaintext = os.urandom(_SIZE)
    contestants = {"peer": fleet.peer(suite), "ours": fleet.ours(suite), "cached": fleet.cached(suite)}
    messages = [contestant.encrypt(plaintext) for contestant in contestants.values()]
    if any(one.decrypt(message) != plaintext for one in contestants.values() for message in messages):
        raise AssertionError("one client does not read another's message")
    encrypting = {name: partial(one.encrypt, plaintext) for name, one in contestants.items()}
    decrypting = {name: partial(one.decrypt, messages[0]) for name, one in contestants.items()}
    return [
        _row(f"0x{suite.value:04x} {operation} 1 KB", figures, promises.branch_keys(suite.value, operation))
        for operation, figures in (
            ("encrypt", interleaved(encrypting, rounds=effort.rounds, seconds=effort.seconds)),
            ("decrypt", interleaved(decrypting, rounds=effort.rounds, seconds=effort.seconds)),
        )
    ]


def _row(name: str, times: dict[str, list[float]], promise: promises.BranchKeys) -> Row:
    return Row(
        group="branch keys",
        name=name,
        figures=(
            Figure(label="peer", value=median(times["peer"]), unit="µs"),
            Figure(label="ours", value=median(times["ours"]), unit="µs"),
            Figure(label="cached", value=median(times["cached"]), unit="µs"),
            Figure(
                label="faster than peer",
                value=median_ratio(times["peer"], times["ours"]),
                unit="×",
                bound=promise.faster_than_peer,
            ),
            Figure(
                label="times cached",
                value=median_ratio(times["ours"], times["cached"]),
                unit="×",
                bound=promise.of_a_hit,
            ),
            Figure(
                label="cached, faster than peer",
                value=median_ratio(times["peer"], times["cached"]),
                unit="×",
                bound=promise.cached_faster_than_peer,
            ),
        ),
    )
