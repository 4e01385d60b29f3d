"""KMS on a bad day, seen from the client: what keeps serving, what is evicted at once, what the caller is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.cmms.stage import Crowd, Dictionary, in_threads, outcomes
from warmkey import (
    AwsKmsKeyring,
    CacheEntry,
    CachingCMM,
    Client,
    CommitmentPolicy,
    DefaultCMM,
    EncryptedDataKey,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.events import (
    CacheEviction,
    CacheMiss,
    EvictionReason,
    KmsOutcome,
    KmsRequest,
    Operation,
    RequestFailed,
)
from warmkey.exceptions import KeyAttempt
from warmkey.keyrings import AwsKmsDiscoveryKeyring, AwsKmsMrkKeyring, RawAesKeyring
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)
from warmkey.testing import FakeKms, Recorder, SettableClock

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSIGNED = AlgorithmSuite(0x0478)
ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT

OUTAGES = [
    "throttled", "internal", "key-unavailable", "dependency-timeout", "timeout", "connect-timeout", "unreachable",
    "reset", "expired-credentials", "unrecognized-credentials", "no-credentials",
]  # fmt: skip
REFUSALS = ["denied", "disabled", "pending-deletion"]
WRONG_ANSWERS = ["another-key", "not-an-arn", "short-plaintext", "long-plaintext"]


class Container:
    """A client over a caching CMM over a KMS key, as a function's container has it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SettableClock()
        self.seen = Recorder()
        self.kms = FakeKms()
        self.key = self.kms.create_key()
        self.cache = LocalCMC(1000, clock=self.clock, emit=self.seen)
        self.client = Client()
        self.cmm = self.caching_cmm(AwsKmsKeyring(self.key, kms_client=self.kms, emit=self.seen), **settings)

    def caching_cmm(self, keyring: Any, **settings: Any) -> CachingCMM:
        settings = {"cache": self.cache, "max_age": 60, **settings}
        return CachingCMM(keyring=keyring, clock=self.clock, emit=self.seen, **settings)

    def encrypt(self, plaintext: bytes = b"x", cmm: CachingCMM | None = None, **context: str) -> bytes:
        return self.client.encrypt(
            plaintext, cmm=cmm or self.cmm, encryption_context=context, algorithm_suite=UNSIGNED
        ).ciphertext

    def decrypt(self, message: bytes, cmm: CachingCMM | None = None) -> bytes:
        return self.client.decrypt(message, cmm=cmm or self.cmm).plaintext

    def is_warm(self, message: bytes) -> tuple[bool, bool]:
        """Whether an encrypt, and the decrypt of *message*, need no KMS."""
        before = self.kms.count()
        self.encrypt()
        after_encrypt = self.kms.count()
        self.decrypt(message)
        return before == after_encrypt, after_encrypt == self.kms.count()

    @property
    def evictions(self) -> list[tuple[Operation, EvictionReason]]:
        return [(event.operation, event.reason) for event in self.seen.of(CacheEviction)]


# What keeps serving


@pytest.mark.parametrize("fault", OUTAGES)
def test_cached_keys_keep_serving_through_an_outage_and_no_longer_than_their_age(fault: str) -> None:
    container = Container()
    message = container.encrypt(b"before")
    container.decrypt(message)
    container.kms.fail(error=fault, times=None)
    for _ in range(3):
        with pytest.raises(KeyUnavailable):
            container.encrypt(b"needs another key", tenant="b")
        container.encrypt(b"during")
        assert container.decrypt(message) == b"before"
    assert container.evictions == []
    container.clock.tick(60)
    with pytest.raises(KeyUnavailable):
        container.encrypt(b"too late")
    with pytest.raises(KeyUnavailable):
        container.decrypt(message)

    container.kms.heal()
    assert container.decrypt(message) == b"before"
    assert container.decrypt(container.encrypt(b"after")) == b"after"


@pytest.mark.parametrize("fault", [*OUTAGES, *REFUSALS, *WRONG_ANSWERS, "not-found", "invalid-ciphertext"])
@pytest.mark.parametrize("operation", ["GenerateDataKey", "Decrypt"])
def test_whatever_kms_does_the_caller_gets_a_typed_error_and_the_cache_stays_usable(fault: str, operation: str) -> None:
    container = Container()
    message = container.encrypt(b"before", tenant="a")
    ask = {"Decrypt": lambda: container.decrypt(message), "GenerateDataKey": lambda: container.encrypt(tenant="b")}
    with container.kms.fail(operation, error=fault), pytest.raises(KeyUnavailable) as caught:
        ask[operation]()
    (attempt,) = caught.value.attempts

    assert (attempt.operation, attempt.key, attempt.keyring) == (operation, container.key, "AwsKmsKeyring")
    assert attempt.reason
    assert operation in str(caught.value)
    assert container.key in str(caught.value)
    assert container.seen.count(RequestFailed, error="KeyUnavailable") == 1
    assert container.decrypt(message) == b"before"
    assert container.decrypt(container.encrypt(b"after", tenant="b")) == b"after"


@pytest.mark.parametrize(
    ("fault", "outcome", "cause", "remedy"),
    [
        ("throttled", KmsOutcome.THROTTLED, ClientError, "quota"),
        ("internal", KmsOutcome.UNREACHABLE, ClientError, "try again"),
        ("dependency-timeout", KmsOutcome.UNREACHABLE, ClientError, "try again"),
        ("key-unavailable", KmsOutcome.UNREACHABLE, ClientError, "try again"),
        ("timeout", KmsOutcome.UNREACHABLE, ReadTimeoutError, "timeouts"),
        ("connect-timeout", KmsOutcome.UNREACHABLE, Exception, "timeouts"),
        ("unreachable", KmsOutcome.UNREACHABLE, Exception, "VPC endpoint"),
        ("reset", KmsOutcome.UNREACHABLE, Exception, "network"),
        ("denied", KmsOutcome.DENIED, ClientError, "key policy"),
        ("disabled", KmsOutcome.DISABLED, ClientError, "enable the key"),
        ("pending-deletion", KmsOutcome.DISABLED, ClientError, "cancel its deletion"),
        ("not-found", KmsOutcome.OTHER, ClientError, "key ARN and its Region"),
        ("expired-credentials", KmsOutcome.OTHER, ClientError, "credentials"),
        ("unrecognized-credentials", KmsOutcome.OTHER, ClientError, "credentials"),
        ("no-credentials", KmsOutcome.OTHER, Exception, "credentials"),
        ("invalid-grant-token", KmsOutcome.OTHER, ClientError, "grant tokens"),
    ],
)
def test_an_error_names_operation_key_cause_and_remedy(
    fault: str, outcome: KmsOutcome, cause: type[Exception], remedy: str
) -> None:
    container = Container()
    container.kms.fail(error=fault)
    with pytest.raises(KeyUnavailable) as caught:
        container.encrypt()
    (attempt,) = caught.value.attempts

    assert (attempt.operation, attempt.key, attempt.outcome) == ("GenerateDataKey", container.key, outcome)
    assert isinstance(attempt.cause, cause)
    assert caught.value.__cause__ is attempt.cause
    assert remedy in attempt.remedy
    assert str(attempt) in str(caught.value)
    assert container.seen.of(KmsRequest)[-1].outcome is outcome


def test_the_tries_that_the_client_made_are_told() -> None:
    container = Container()
    container.kms.fail(error="throttled", retries=3)
    with pytest.raises(KeyUnavailable):
        container.encrypt()
    container.kms.fail(error="retried", retries=2)
    container.encrypt()

    assert [request.attempts for request in container.seen.of(KmsRequest)] == [4, 3]


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
@pytest.mark.parametrize("operation", ["GenerateDataKey", "Decrypt"])
def test_an_answer_for_another_key_or_of_another_length_is_refused(fault: str, operation: str) -> None:
    container = Container()
    message = container.encrypt(b"before")
    container.cmm.purge()
    if operation == "GenerateDataKey" and fault == "another-plaintext":
        return
    with container.kms.fail(operation, error=fault), pytest.raises(KeyUnavailable, match="KMS answered"):
        container.decrypt(message) if operation == "Decrypt" else container.encrypt()

    assert len(container.cache) == 0


def test_a_wrong_plaintext_of_the_right_length_decrypts_nothing() -> None:
    container = Container()
    message = container.encrypt(b"before")
    with container.kms.fail("Decrypt", error="another-plaintext"), pytest.raises(WarmkeyError):
        container.decrypt(message)


def test_a_slow_answer_ages_the_key() -> None:
    container = Container()
    container.kms.latency = lambda _: container.clock.tick(59)
    first = container.encrypt()
    container.kms.latency = None
    container.clock.tick(1)
    container.encrypt()

    assert container.kms.count("GenerateDataKey") == 2
    assert container.decrypt(first) == b"x"


# What is evicted at once


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_of_the_key_evicts_what_it_concerns_at_once(fault: str) -> None:
    container = Container(max_bytes_encrypted=10)
    message = container.encrypt()
    container.decrypt(message)
    with container.kms.fail("GenerateDataKey", error=fault), pytest.raises(KeyUnavailable):
        container.encrypt(b"over the byte limit")
    concerned = {ENCRYPT} if fault == "denied" else {ENCRYPT, DECRYPT}

    assert set(container.evictions) == {(operation, EvictionReason.DELETED) for operation in concerned}
    assert container.is_warm(message) == (False, fault == "denied")


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refused_decrypt_evicts_what_it_concerns_at_once(fault: str) -> None:
    container = Container(max_bytes_encrypted=10)
    message = container.encrypt()
    other = container.encrypt(b"over the byte limit")
    container.decrypt(message)
    with container.kms.fail("Decrypt", error=fault), pytest.raises(KeyUnavailable):
        container.decrypt(other)

    assert container.is_warm(message) == (fault == "denied", False)


@pytest.mark.parametrize("operation", ["GenerateDataKey", "Decrypt"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_a_denial_leaves_other_contexts_and_a_disabled_key_nothing(fault: str, operation: str) -> None:
    container = Container()
    message, other = container.encrypt(), container.encrypt(tenant="b")
    container.decrypt(message)
    ask = {"Decrypt": lambda: container.decrypt(other), "GenerateDataKey": lambda: container.encrypt(tenant="c")}
    with container.kms.fail(operation, error=fault), pytest.raises(KeyUnavailable):
        ask[operation]()

    assert container.is_warm(message) == ((True, True) if fault == "denied" else (False, False))


class Stranger:
    """Writes messages that name a key which it may not use."""

    def __init__(self, key: str) -> None:
        self._key = key

    def on_encrypt(self, materials: EncryptionMaterials) -> EncryptionMaterials:
        junk = EncryptedDataKey(
            key_provider_id="aws-kms", key_provider_info=self._key.encode(), ciphertext=b"junk" * 40
        )
        return replace(materials, plaintext_data_key=bytes(32), encrypted_data_keys=[junk])


@pytest.mark.parametrize("discovery", [False, True])
def test_a_message_that_anybody_can_write_evicts_nobody_elses_data_key(discovery: bool) -> None:
    container = Container()
    tenants = [f"tenant-{number}" for number in range(100)]
    reading = AwsKmsDiscoveryKeyring(kms_client=container.kms) if discovery else None
    reader = container.caching_cmm(reading) if reading else container.cmm
    messages = [container.encrypt(tenant=tenant) for tenant in tenants]
    assert {container.decrypt(message, reader) for message in messages} == {b"x"}
    forged = container.client.encrypt(
        b"x", keyring=Stranger(container.key), encryption_context={"tenant": "nobody"}, algorithm_suite=UNSIGNED
    ).ciphertext
    before = container.kms.count()
    with (
        container.kms.fail("Decrypt", error="denied", when=lambda call: call.encryption_context["tenant"] == "nobody"),
        pytest.raises(KeyUnavailable),
    ):
        container.decrypt(forged, reader)
    for tenant, message in zip(tenants, messages, strict=True):
        container.encrypt(tenant=tenant)
        container.decrypt(message, reader)

    assert container.kms.count() == before + 1


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_that_a_bypass_meets_evicts_too(fault: str) -> None:
    container = Container(max_bytes_encrypted=10)
    message = container.encrypt()
    with container.kms.fail(error=fault), pytest.raises(KeyUnavailable):
        container.encrypt(b"a message over the byte limit")

    assert container.is_warm(message)[0] is False


@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_of_one_key_leaves_the_entries_of_another(fault: str) -> None:
    container = Container()
    container.encrypt()
    key = container.kms.create_key()
    second = container.caching_cmm(
        AwsKmsKeyring(key, kms_client=container.kms), partition_id=container.cmm.partition_id
    )
    with container.kms.fail(error=fault, when=lambda call: call.key_arn == key), pytest.raises(KeyUnavailable):
        container.encrypt(cmm=second, tenant="b")
    container.encrypt()

    assert container.evictions == []
    assert container.kms.count() == 2


def test_a_denied_operation_leaves_the_entries_of_other_partitions() -> None:
    container = Container()
    other = container.caching_cmm(AwsKmsKeyring(container.key, kms_client=container.kms))
    container.encrypt(cmm=other)
    with container.kms.fail(error="denied"), pytest.raises(KeyUnavailable):
        container.encrypt()

    assert container.evictions == [], "another partition may be somebody else with other permissions"


@pytest.mark.parametrize("named", ["alias", "alias ARN", "key ID"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_a_refusal_is_heeded_however_the_key_is_named(fault: str, named: str) -> None:
    container = Container()
    alias_arn = container.kms.create_alias("alias/orders", container.key)
    name = {"alias": "alias/orders", "alias ARN": alias_arn, "key ID": container.key.rpartition("/")[2]}[named]
    cmm = container.caching_cmm(AwsKmsKeyring(name, kms_client=container.kms), max_bytes_encrypted=10)
    container.encrypt(cmm=cmm)
    with container.kms.fail(error=fault), pytest.raises(KeyUnavailable):
        container.encrypt(b"over the byte limit", cmm=cmm)

    assert container.evictions == [(ENCRYPT, EvictionReason.DELETED)]


def test_a_refusal_of_an_alias_leaves_what_was_asked_for_by_the_key_arn() -> None:
    container = Container()
    container.kms.create_alias("alias/orders", container.key)
    by_alias = container.caching_cmm(
        AwsKmsKeyring("alias/orders", kms_client=container.kms), partition_id=container.cmm.partition_id
    )
    container.encrypt()
    with container.kms.fail(error="disabled"), pytest.raises(KeyUnavailable):
        container.encrypt(cmm=by_alias, tenant="b")

    assert container.evictions == [], "the alias may lead to another key by now"


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize("asked", ["us-east-1", "eu-west-1"])
def test_a_multi_region_key_is_the_replica_that_was_asked(asked: str, fault: str) -> None:
    container = Container()
    home = container.kms
    abroad = FakeKms("eu-west-1", world=home.world)
    key = home.create_key(multi_region=True)
    replica = home.replicate_key(key, "eu-west-1")
    settings: dict[str, Any] = {"partition_id": "p", "max_bytes_encrypted": 10}
    here = container.caching_cmm(AwsKmsMrkKeyring(key, kms_client=home), **settings)
    there = container.caching_cmm(AwsKmsMrkKeyring(replica, kms_client=abroad), **settings)
    written_abroad = container.encrypt(b"over the byte limit", cmm=there)
    container.encrypt(cmm=here)
    container.decrypt(written_abroad, here)
    kms, cmm = (home, here) if asked == "us-east-1" else (abroad, there)
    with kms.fail(error=fault), pytest.raises(KeyUnavailable):
        container.encrypt(b"over the byte limit", cmm=cmm)

    concerned = {ENCRYPT} if fault == "denied" else {ENCRYPT, DECRYPT}
    expected = concerned if asked == "us-east-1" else set()
    assert set(container.evictions) == {(operation, EvictionReason.DELETED) for operation in expected}


def test_a_refusal_of_a_child_evicts_what_it_would_have_wrapped() -> None:
    container = Container()
    child = container.kms.create_key()
    cmm = container.caching_cmm(
        MultiKeyring(
            AwsKmsKeyring(container.key, kms_client=container.kms), [AwsKmsKeyring(child, kms_client=container.kms)]
        ),
        max_bytes_encrypted=10,
    )
    container.encrypt(cmm=cmm)
    container.kms.deny("Encrypt", child)
    with pytest.raises(KeyUnavailable, match=child):
        container.encrypt(b"over the byte limit", cmm=cmm)

    assert container.evictions == [(ENCRYPT, EvictionReason.DELETED)]


def test_a_refusal_is_heeded_where_another_key_helps() -> None:
    container = Container(max_bytes_encrypted=10)
    child = container.kms.create_key()
    keyrings = [AwsKmsKeyring(key, kms_client=container.kms) for key in (container.key, child)]
    both = container.caching_cmm(MultiKeyring(children=keyrings), partition_id=container.cmm.partition_id)
    writer = container.caching_cmm(MultiKeyring(keyrings[0], keyrings[1:]), max_bytes_encrypted=0)
    first, second = container.encrypt(cmm=writer), container.encrypt(cmm=writer)
    container.decrypt(first, both)
    container.kms.deny("Decrypt", container.key)
    container.decrypt(second, both)

    assert container.evictions == [(DECRYPT, EvictionReason.DELETED)]


class OwnKeyring:
    """A keyring of the user's own, which says what a key service of its own answered."""

    def __init__(self, outcome: KmsOutcome | None = None) -> None:
        self.outcome = outcome

    def on_decrypt(self, materials: DecryptionMaterials, keys: Sequence[EncryptedDataKey]) -> DecryptionMaterials:
        if self.outcome is None:
            return replace(materials, plaintext_data_key=bytes(32))
        attempt = KeyAttempt(
            keyring="OwnKeyring",
            operation="Decrypt",
            key=keys[0].key_provider_info.decode(),
            reason="no",
            outcome=self.outcome,
        )
        raise KeyUnavailable("no", [attempt])


@pytest.mark.parametrize("ciphertext", [b"short", b"l" * 10_000], ids=["kept", "kept as a digest"])
@pytest.mark.parametrize(("outcome", "left"), [(KmsOutcome.DISABLED, 0), (KmsOutcome.DENIED, 1)])
def test_a_keyring_of_ones_own_is_heeded_by_the_keys_of_the_message(
    outcome: KmsOutcome, left: int, ciphertext: bytes
) -> None:
    container, keyring = Container(), OwnKeyring()
    cmm = container.caching_cmm(keyring)
    ask = [
        DecryptMaterialsRequest(
            UNSIGNED,
            CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
            [EncryptedDataKey(key_provider_id="p", key_provider_info=container.key.encode(), ciphertext=ciphertext)],
            {"tenant": tenant},
        )
        for tenant in "ab"
    ]
    cmm.decrypt_materials(ask[0])
    keyring.outcome = outcome
    with pytest.raises(KeyUnavailable):
        cmm.decrypt_materials(ask[1])

    assert len(container.cache) == left


@pytest.mark.parametrize(("ciphertext", "left"), [(b"short", 1), (b"l" * 10_000, 0)], ids=["kept", "kept as a digest"])
def test_a_refusal_of_another_key_evicts_only_what_does_not_say_its_keys_any_more(ciphertext: bytes, left: int) -> None:
    container, keyring = Container(), OwnKeyring()
    another = container.kms.create_key()
    cmm = container.caching_cmm(keyring)
    ours, theirs = [
        DecryptMaterialsRequest(
            UNSIGNED,
            CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
            [EncryptedDataKey(key_provider_id="p", key_provider_info=key.encode(), ciphertext=ciphertext)],
            {},
        )
        for key in (container.key, another)
    ]
    cmm.decrypt_materials(ours)
    keyring.outcome = KmsOutcome.DISABLED
    with pytest.raises(KeyUnavailable):
        cmm.decrypt_materials(theirs)

    assert len(container.cache) == left


@pytest.mark.parametrize("operation", list(Operation))
def test_a_refusal_evicts_entries_that_were_made_by_somebody_who_did_not_say_what_for(operation: Operation) -> None:
    container = Container()
    materials = DefaultCMM(RawAesKeyring("n", "k", bytes(32))).get_encryption_materials(
        EncryptionMaterialsRequest({}, CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, UNSIGNED)
    )
    decrypting = DecryptionMaterials(algorithm_suite=UNSIGNED, plaintext_data_key=bytes(32))
    container.cache.put_cache_entry(
        b"made by hand",
        CacheEntry(
            decrypting if operation is DECRYPT else materials,
            operation=operation,
            created=container.clock.now(),
            time_to_live=60,
            partition_id=container.cmm.partition_id,
        ),
    )
    with container.kms.fail(error="disabled"), pytest.raises(KeyUnavailable):
        container.encrypt()

    expected = [(DECRYPT, EvictionReason.DELETED)] if operation is DECRYPT else []
    assert container.evictions == expected, "only encryption materials say their encrypted data keys themselves"


@pytest.mark.parametrize("purge", [None, lambda partition: 0], ids=["no purge", "a purge that takes no choice"])
def test_a_cache_that_can_not_choose_is_left_alone(purge: Any) -> None:
    container = Container()
    cache = Dictionary()
    cache.purge = purge  # type: ignore[attr-defined]
    cmm = container.caching_cmm(AwsKmsKeyring(container.key, kms_client=container.kms), cache=cache)
    container.encrypt(cmm=cmm)
    with container.kms.fail(error="disabled"), pytest.raises(KeyUnavailable):
        container.encrypt(cmm=cmm, tenant="b")

    assert len(cache.entries) == 1


def test_an_administrator_who_disables_the_key_is_heeded_at_the_next_request_to_kms() -> None:
    container = Container()
    message = container.encrypt(b"before")
    container.decrypt(message)
    container.kms.disable_key(container.key)
    assert container.decrypt(message) == b"before", "within its age, a warm key needs no KMS: the revocation lag"
    with pytest.raises(KeyUnavailable):
        container.encrypt(tenant="b")
    with pytest.raises(KeyUnavailable, match="enable the key"):
        container.decrypt(message)

    container.kms.enable_key(container.key)
    assert container.decrypt(message) == b"before"


# More than one key


def test_a_multi_keyring_tries_every_candidate_and_reports_each_ones_reason() -> None:
    container = Container()
    keys = [container.key, container.kms.create_key(), container.kms.create_key()]
    keyring = MultiKeyring(
        AwsKmsKeyring(keys[0], kms_client=container.kms),
        [*(AwsKmsKeyring(key, kms_client=container.kms) for key in keys[1:]), RawAesKeyring("a", "b", bytes(32))],
    )
    cmm = container.caching_cmm(keyring)
    message = container.encrypt(cmm=cmm)
    cmm.purge()
    container.kms.deny("Decrypt", keys[0])
    container.kms.disable_key(keys[1])
    assert container.decrypt(message, cmm) == b"x"
    cmm.purge()
    without_raw = container.caching_cmm(
        MultiKeyring(children=[AwsKmsKeyring(key, kms_client=container.kms) for key in keys])
    )
    container.kms.schedule_deletion(keys[2])
    with pytest.raises(KeyUnavailable) as caught:
        container.decrypt(message, without_raw)

    assert [(attempt.key, attempt.outcome) for attempt in caught.value.attempts] == [
        (keys[0], KmsOutcome.DENIED),
        (keys[1], KmsOutcome.DISABLED),
        (keys[2], KmsOutcome.DISABLED),
    ]
    assert all(key in str(caught.value) for key in keys)


def test_no_message_is_made_when_one_of_the_keys_can_not_wrap() -> None:
    container = Container()
    child = container.kms.create_key()
    container.kms.disable_key(child)
    cmm = container.caching_cmm(
        MultiKeyring(
            AwsKmsKeyring(container.key, kms_client=container.kms), [AwsKmsKeyring(child, kms_client=container.kms)]
        )
    )
    with pytest.raises(KeyUnavailable):
        container.encrypt(cmm=cmm)

    assert len(container.cache) == 0


# Crowds


@pytest.mark.parametrize("fault", ["throttled", "denied", "timeout"])
def test_a_crowd_that_meets_a_fault_costs_kms_few_requests_and_each_caller_has_its_own_error(fault: str) -> None:
    container = Container()
    container.kms.fail(error=fault, times=None)
    with container.kms.hold() as gate:
        crowd = Crowd(*[container.encrypt] * 16)
        gate.wait_for(1)
    errors = crowd.join()

    assert {type(error) for error in errors} == {KeyUnavailable}
    assert len({id(error) for error in errors}) == 16
    assert {error.attempts[0].operation for error in errors} == {"GenerateDataKey"}
    assert all(error.__cause__ is error.attempts[0].cause for error in errors)
    container.kms.heal()
    assert len(in_threads(16, container.encrypt)) == 16


def test_a_crowd_through_a_gate_makes_one_request() -> None:
    container = Container()
    with container.kms.hold("GenerateDataKey") as gate:
        crowd = Crowd(*[container.encrypt] * 16)
        gate.wait_for(1)
    messages = crowd.values()
    reading = in_threads(16, lambda: container.decrypt(messages[0]))

    assert container.kms.counts() == {"GenerateDataKey": 1, "Decrypt": 1}
    assert reading == [b"x"] * 16
    assert [container.decrypt(message) for message in messages] == [b"x"] * 16
    assert container.kms.count("Decrypt") == 1


# Counters


def test_facts_and_books_agree_with_what_kms_counted() -> None:
    container = Container(max_messages_encrypted=3)
    messages = [container.encrypt(tenant=str(number % 2)) for number in range(10)]
    for message in messages:
        container.decrypt(message)
    with container.kms.fail(error="throttled"), pytest.raises(KeyUnavailable):
        container.encrypt(tenant="new")
    encrypts, decrypts = container.cmm.statistics(ENCRYPT), container.cmm.statistics(DECRYPT)

    assert outcomes(encrypts) == {"miss:absent": 2, "miss:messages-spent": 2, "hits": 6, "failures": 1}
    assert container.kms.counts() == {"GenerateDataKey": encrypts.calls + 1, "Decrypt": decrypts.calls}
    assert len(container.seen.of(KmsRequest)) == container.kms.count()
    assert len(container.seen.of(CacheMiss)) == encrypts.calls + decrypts.calls


def test_an_error_says_no_secret() -> None:
    container = Container()
    container.kms.fail(error="denied")
    with pytest.raises(KeyUnavailable) as caught:
        container.encrypt(b"the plaintext", tenant="the value")

    assert "the plaintext" not in repr(caught.value)
    assert "the value" not in str(caught.value)


def test_a_policy_that_forbids_is_no_kms_matter() -> None:
    container = Container()
    with pytest.raises(PolicyRefused):
        container.client.encrypt(b"x", cmm=container.cmm, algorithm_suite=AlgorithmSuite(0x0178))

    assert container.kms.count() == 0
