"""The real caching CMM, and the real hierarchical keyring, one for each container, over the fake KMS.

Messages are not encrypted: a fleet asks for their materials, which is all that a cache sees of them. The suite is an
unsigned one, because signing changes no count and takes most of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.caches.local import LocalCMC
from warmkey.cmms.caching import CachingCMM
from warmkey.cmms.default import DefaultCMM
from warmkey.events import Operation, ignore
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.plan.tally import TraceClock
from warmkey.structures import DecryptMaterialsRequest, EncryptionContext, EncryptionMaterialsRequest
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring
    from warmkey.plan.limits import Limits
    from warmkey.plan.tally import Tally
    from warmkey.structures import EncryptedDataKey

    Wrapped: TypeAlias = Sequence[EncryptedDataKey]

__all__ = ["CachingFleet", "Fleet", "HierarchicalFleet"]

_SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
_POLICY = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
_BRANCH_KEY = "branch-key"
_CONTEXTS_KEPT = 100_000


class Fleet(Protocol):
    """Containers that encrypt and decrypt, numbered as in the trace.

    :ivar kms_operations: the KMS operations of encrypting and of decrypting
    """

    kms_operations: Mapping[Operation, tuple[str, ...]]

    def encrypt(self, container: int, context: int, branch_key: int, length: int) -> Wrapped:
        """Ask for the materials of a message of *length* bytes, and return the encrypted data keys."""

    def decrypt(self, container: int, context: int, branch_key: int, keys: Wrapped) -> None:
        """Ask for the materials of a message with these encrypted data keys."""

    def write_elsewhere(self, context: int, branch_key: int) -> Wrapped:
        """Return the encrypted data keys of a message that was written before the trace began, or by others."""

    def entries(self, container: int) -> int:
        """Return how many entries the cache of *container* has."""

    def retire(self, container: int) -> None:
        """Have *container* counted, and forget it: no row is left for it."""

    def clean(self) -> None:
        """Forget the requests that the fakes wrote down; called now and then."""


class _Contexts(dict[tuple[int, int], EncryptionContext]):
    """Encryption contexts by the numbers of context and branch key: a cache needs no labels."""

    def __missing__(self, numbers: tuple[int, int]) -> EncryptionContext:
        if len(self) >= _CONTEXTS_KEPT:
            self.clear()
        context, branch_key = map(str, numbers)
        made = self[numbers] = EncryptionContext({"context": context, _BRANCH_KEY: branch_key})
        return made


def _encryption(context: EncryptionContext, length: int) -> EncryptionMaterialsRequest:
    return EncryptionMaterialsRequest(context, _POLICY, _SUITE, max_plaintext_length=length)


def _decryption(context: EncryptionContext, keys: Wrapped) -> DecryptMaterialsRequest:
    return DecryptMaterialsRequest(_SUITE, _POLICY, keys, context)


class CachingFleet:
    """Each container has a caching CMM over a local cache of its own."""

    def __init__(self, limits: Limits, clock: TraceClock, tally: Tally) -> None:
        self._limits = limits
        self._clock = clock
        self._tally = tally
        self._kms = FakeKms()
        key_arn = self._kms.create_key()
        self._keyring: Keyring = AwsKmsKeyring(key_arn, kms_client=self._kms, emit=tally)
        elsewhere = FakeKms(world=self._kms.world)
        self._elsewhere = DefaultCMM(AwsKmsKeyring(key_arn, kms_client=elsewhere))
        self._contexts = _Contexts()
        self._containers: dict[int, CachingCMM] = {}
        self.kms_operations: Mapping[Operation, tuple[str, ...]] = {
            Operation.ENCRYPT: ("GenerateDataKey",),
            Operation.DECRYPT: ("Decrypt",),
        }

    def _container(self, number: int) -> CachingCMM:
        cmm = self._containers.get(number)
        if cmm is None:
            limits = self._limits
            cmm = self._containers[number] = CachingCMM(
                cache=LocalCMC(limits.capacity, clock=self._clock, emit=self._tally),
                clock=self._clock,
                keyring=self._keyring,
                partition_id=str(number),
                max_age=limits.max_age,
                max_age_jitter=limits.jitter,
                max_messages_encrypted=limits.max_messages,
                max_bytes_encrypted=limits.max_bytes,
                emit=self._tally,
            )
        return cmm

    def encrypt(self, container: int, context: int, branch_key: int, length: int) -> Wrapped:
        """See :class:`Fleet`."""
        request = _encryption(self._contexts[context, branch_key], length)
        return self._container(container).get_encryption_materials(request).encrypted_data_keys

    def decrypt(self, container: int, context: int, branch_key: int, keys: Wrapped) -> None:
        """See :class:`Fleet`."""
        self._container(container).decrypt_materials(_decryption(self._contexts[context, branch_key], keys))

    def write_elsewhere(self, context: int, branch_key: int) -> Wrapped:
        """See :class:`Fleet`."""
        request = _encryption(self._contexts[context, branch_key], 0)
        return self._elsewhere.get_encryption_materials(request).encrypted_data_keys

    def entries(self, container: int) -> int:
        """See :class:`Fleet`."""
        return len(self._containers[container].cache)  # type: ignore[arg-type]

    def retire(self, container: int) -> None:
        """See :class:`Fleet`."""
        cmm = self._containers.pop(container)
        for operation in Operation:
            self._tally.collect(operation, cmm.statistics(operation))

    def clean(self) -> None:
        """See :class:`Fleet`."""
        self._kms.clear_calls()


class HierarchicalFleet:
    """Each container has a hierarchical keyring over a local cache of its own; one key store has the branch keys.

    Each message has a data key of its own, as under ``WARMKEY_BRANCH_KEY_STORE_TABLE``.
    """

    def __init__(self, limits: Limits, clock: TraceClock, tally: Tally) -> None:
        self._limits = limits
        self._clock = clock
        self._tally = tally
        self._kms, self._dynamodb = FakeKms(), FakeDynamoDb()
        key_arn = self._kms.create_key()
        self._store = self._key_store(key_arn, self._kms, tally)
        self._admin = self._key_store(key_arn, FakeKms(world=self._kms.world), ignore)
        self._admin.create_table()
        self._contexts = _Contexts()
        self._branch_keys: set[int] = set()
        self._containers: dict[int, _Container] = {}
        self._elsewhere = _Container(self._admin, limits, TraceClock(), ignore)
        self.kms_operations: Mapping[Operation, tuple[str, ...]] = {
            Operation.ENCRYPT: ("Decrypt",),
            Operation.DECRYPT: ("Decrypt",),
        }

    def _key_store(self, key_arn: str, kms: FakeKms, emit: Emit) -> BranchKeyStore:
        return BranchKeyStore(
            "branch-keys", kms_key_arn=key_arn, kms_client=kms, dynamodb_client=self._dynamodb, emit=emit
        )

    def _container(self, number: int) -> _Container:
        container = self._containers.get(number)
        if container is None:
            container = _Container(self._store, self._limits, self._clock, self._tally)
            self._containers[number] = container
        return container

    def encrypt(self, container: int, context: int, branch_key: int, length: int) -> Wrapped:
        """See :class:`Fleet`."""
        self._create(branch_key)
        request = _encryption(self._contexts[context, branch_key], length)
        return self._container(container).cmm.get_encryption_materials(request).encrypted_data_keys

    def decrypt(self, container: int, context: int, branch_key: int, keys: Wrapped) -> None:
        """See :class:`Fleet`."""
        self._container(container).cmm.decrypt_materials(_decryption(self._contexts[context, branch_key], keys))

    def write_elsewhere(self, context: int, branch_key: int) -> Wrapped:
        """See :class:`Fleet`."""
        self._create(branch_key)
        request = _encryption(self._contexts[context, branch_key], 0)
        return self._elsewhere.cmm.get_encryption_materials(request).encrypted_data_keys

    def _create(self, branch_key: int) -> None:
        if branch_key not in self._branch_keys:
            self._admin.create_key(str(branch_key), {"number": str(branch_key)})
            self._branch_keys.add(branch_key)

    def entries(self, container: int) -> int:
        """See :class:`Fleet`."""
        return len(self._containers[container].cache)

    def retire(self, container: int) -> None:
        """See :class:`Fleet`."""
        keyring = self._containers.pop(container).keyring
        for operation in Operation:
            self._tally.collect(operation, keyring.statistics(operation))

    def clean(self) -> None:
        """See :class:`Fleet`."""
        self._kms.clear_calls()
        self._dynamodb.clear_calls()


class _Container:
    """The cache of one container, its hierarchical keyring and the CMM over that."""

    def __init__(self, store: BranchKeyStore, limits: Limits, clock: TraceClock, emit: Emit) -> None:
        self.cache = LocalCMC(limits.capacity, clock=clock, emit=emit)
        self.keyring = AwsKmsHierarchicalKeyring(
            store,
            branch_key_id_supplier=lambda context: context[_BRANCH_KEY],
            ttl_seconds=limits.branch_key_ttl,
            ttl_jitter=limits.jitter,
            cache=self.cache,
            clock=clock,
            emit=emit,
        )
        self.cmm = DefaultCMM(self.keyring)
