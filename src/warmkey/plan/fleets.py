"""The real caching CMM, and the real hierarchical keyring, one for each container, over the fake KMS.

Messages are not encrypted: a fleet asks for their materials, which is all that a cache sees of them. The suite is an
unsigned one, because signing changes no count and takes most of the time.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

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
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit
    from warmkey.plan.limits import Limits
    from warmkey.plan.tally import Tally
    from warmkey.structures import EncryptedDataKey

    Wrapped: TypeAlias = Sequence[EncryptedDataKey]

__all__ = ["Fleet", "caching_fleet", "hierarchical_fleet"]

_SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
_POLICY = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
_BRANCH_KEY = "branch-key"
_TABLE = "branch-keys"
_CONTEXTS_KEPT = 100_000


class _Contexts(dict[tuple[int, int], EncryptionContext]):
    """Encryption contexts by the numbers of context and branch key: a cache needs no labels."""

    def __missing__(self, numbers: tuple[int, int]) -> EncryptionContext:
        if len(self) >= _CONTEXTS_KEPT:
            self.clear()
        context, branch_key = map(str, numbers)
        made = self[numbers] = EncryptionContext({"context": context, _BRANCH_KEY: branch_key})
        return made


class _Container(NamedTuple):
    """A CMM, the cache that it uses, and what has counted the requests for entries."""

    cmm: CryptographicMaterialsManager
    cache: LocalCMC
    statistics: Callable[[Operation], OperationStatistics]


class Fleet:
    """Containers that encrypt and decrypt, numbered as in the trace.

    :param new_container: makes the container of a number
    :param elsewhere: encrypts what was written before the trace began, or by others; not counted
    :param create: called with the number of each branch key before it encrypts
    :param clean: forgets the requests that the fakes wrote down
    :ivar kms_operations: the KMS operations of encrypting and of decrypting
    """

    def __init__(
        self,
        new_container: Callable[[int], _Container],
        tally: Tally,
        *,
        elsewhere: CryptographicMaterialsManager,
        create: Callable[[int], object],
        clean: Callable[[], object],
        kms_operations: Mapping[Operation, tuple[str, ...]],
    ) -> None:
        self.kms_operations = kms_operations
        self.clean = clean
        self._new_container = new_container
        self._tally = tally
        self._elsewhere = elsewhere
        self._create = create
        self._contexts = _Contexts()
        self._containers: dict[int, _Container] = {}

    def encrypt(self, container: int, context: int, branch_key: int, length: int) -> Wrapped:
        """Ask for the materials of a message of *length* bytes, and return the encrypted data keys."""
        return self._encrypt(self._container(container).cmm, context, branch_key, length)

    def write_elsewhere(self, context: int, branch_key: int) -> Wrapped:
        """Return the encrypted data keys of a message that was written before the trace began, or by others."""
        return self._encrypt(self._elsewhere, context, branch_key, 0)

    def _encrypt(self, cmm: CryptographicMaterialsManager, context: int, branch_key: int, length: int) -> Wrapped:
        self._create(branch_key)
        request = EncryptionMaterialsRequest(
            self._contexts[context, branch_key], _POLICY, _SUITE, max_plaintext_length=length
        )
        return cmm.get_encryption_materials(request).encrypted_data_keys

    def decrypt(self, container: int, context: int, branch_key: int, keys: Wrapped) -> None:
        """Ask for the materials of a message with these encrypted data keys."""
        request = DecryptMaterialsRequest(_SUITE, _POLICY, keys, self._contexts[context, branch_key])
        self._container(container).cmm.decrypt_materials(request)

    def _container(self, number: int) -> _Container:
        container = self._containers.get(number)
        if container is None:
            container = self._containers[number] = self._new_container(number)
        return container

    def entries(self, container: int) -> int:
        """Return how many entries the cache of *container* has."""
        return len(self._containers[container].cache)

    def retire(self, container: int) -> None:
        """Have *container* counted, and forget it: no row is left for it."""
        retired = self._containers.pop(container)
        for operation in Operation:
            self._tally.collect(operation, retired.statistics(operation))


def caching_fleet(limits: Limits, clock: TraceClock, tally: Tally) -> Fleet:
    """Give each container a caching CMM over a local cache of its own."""
    kms = FakeKms()
    key_arn = kms.create_key()
    keyring = AwsKmsKeyring(key_arn, kms_client=kms, emit=tally)

    def new_container(number: int) -> _Container:
        kept = LocalCMC(limits.capacity, clock=clock, emit=tally)
        cmm = CachingCMM(
            cache=kept,
            clock=clock,
            keyring=keyring,
            partition_id=str(number),
            max_age=limits.max_age,
            max_age_jitter=limits.jitter,
            max_messages_encrypted=limits.max_messages,
            max_bytes_encrypted=limits.max_bytes,
            emit=tally,
        )
        return _Container(cmm, kept, cmm.statistics)

    return Fleet(
        new_container,
        tally,
        elsewhere=DefaultCMM(AwsKmsKeyring(key_arn, kms_client=FakeKms(world=kms.world))),
        create=lambda _branch_key: None,
        clean=kms.clear_calls,
        kms_operations={Operation.ENCRYPT: ("GenerateDataKey",), Operation.DECRYPT: ("Decrypt",)},
    )


def hierarchical_fleet(limits: Limits, clock: TraceClock, tally: Tally) -> Fleet:
    """Give each container a hierarchical keyring over a local cache of its own; one key store has the branch keys.

    Each message has a data key of its own, as under ``WARMKEY_BRANCH_KEY_STORE_TABLE``.
    """
    kms, dynamodb = FakeKms(), FakeDynamoDb()
    key_arn = kms.create_key()
    store = BranchKeyStore(_TABLE, kms_key_arn=key_arn, kms_client=kms, dynamodb_client=dynamodb, emit=tally)
    admin = BranchKeyStore(
        _TABLE, kms_key_arn=key_arn, kms_client=FakeKms(world=kms.world), dynamodb_client=dynamodb, emit=ignore
    )
    admin.create_table()

    @cache
    def create(branch_key: int) -> None:
        admin.create_key(str(branch_key), {"number": str(branch_key)})

    def clean() -> None:
        kms.clear_calls()
        dynamodb.clear_calls()

    return Fleet(
        lambda _number: _hierarchical(store, limits, clock, tally),
        tally,
        elsewhere=_hierarchical(admin, limits, TraceClock(), ignore).cmm,
        create=create,
        clean=clean,
        kms_operations={Operation.ENCRYPT: ("Decrypt",), Operation.DECRYPT: ("Decrypt",)},
    )


def _hierarchical(store: BranchKeyStore, limits: Limits, clock: TraceClock, emit: Emit) -> _Container:
    kept = LocalCMC(limits.capacity, clock=clock, emit=emit)
    keyring = AwsKmsHierarchicalKeyring(
        store,
        branch_key_id_supplier=lambda context: context[_BRANCH_KEY],
        ttl_seconds=limits.branch_key_ttl,
        ttl_jitter=limits.jitter,
        cache=kept,
        clock=clock,
        emit=emit,
    )
    return _Container(DefaultCMM(keyring), kept, keyring.statistics)
