"""From settings alone to branch keys: what is read and written with which, before and after the switch."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.branch_keys.key_store import CONTEXT, TABLE, KeyStore
from tests.lambda_runtime.processes import in_child, in_new_process
from warmkey import AuthenticationFailed, CommitmentPolicy, ConfigurationError, KeyUnavailable, PolicyRefused
from warmkey.data_format.message_header import read_header
from warmkey.events import (
    BranchKeyEviction,
    BranchKeyHit,
    BranchKeyMiss,
    CacheHit,
    CacheMiss,
    DynamoDbRequest,
    EvictionReason,
    Operation,
    SettingWarning,
)
from warmkey.fork_safety import reset_before_snapshot
from warmkey.lambda_runtime.branch_keys import CapacityWatch
from warmkey.lambda_runtime.settings import KmsMode, Settings, check_keywords, read_settings
from warmkey.testing import Recorder, SettableClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.branch_keys import BranchKeyStore
    from warmkey.events import Event

A, B = {"tenant": "tenant-a"}, {"tenant": "tenant-b"}
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "00000000")


class Function:
    """A function with the helpers, on fakes; ``start`` is what deploying another configuration does."""

    def __init__(self) -> None:
        self.keys = KeyStore()
        self.keys.create("tenant-a")
        self.keys.create("tenant-b")
        self.clock = SettableClock()
        self.facts = Recorder()
        self.older_key = self.keys.kms.create_key()

    def start(self, **settings: Any) -> None:
        warmkey.reset()
        self.keys.clear()
        self.facts.clear()
        warmkey.configure(
            kms_client=self.keys.kms,
            dynamodb_client=self.keys.dynamodb,
            clock=self.clock,
            emit=self.facts,
            algorithm_suite=0x0478,
            **settings,
        )

    def start_with_branch_keys(self, **settings: Any) -> None:
        given = {
            "kms_key_arns": self.keys.key_arn,
            "decrypt_key_arns": self.older_key,
            "branch_key_store_table": TABLE,
            "branch_key_context_key": "tenant",
            **settings,
        }
        self.start(**{name: value for name, value in given.items() if value is not None})

    def start_without(self) -> None:
        self.start(kms_key_arns=self.older_key)

    def providers(self, message: bytes) -> list[str]:
        return [key.key_provider_id for key in read_header(message).encrypted_data_keys]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    for name in list(os.environ):
        if name.startswith("WARMKEY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield Function()
    warmkey.reset()


# --- messages


def test_each_message_has_a_data_key_of_its_own_under_its_tenants_branch_key(function: Function) -> None:
    function.start_with_branch_keys()

    messages = [warmkey.encrypt(b"data", context) for context in (A, A, B, B)]

    assert [function.providers(message) for message in messages] == [["aws-kms-hierarchy"]] * 4
    assert len({read_header(message).encrypted_data_keys[0].ciphertext for message in messages}) == 4
    assert [warmkey.decrypt(message) for message in messages] == [b"data"] * 4
    assert function.keys.requests() == {"GetItem": 2, "Decrypt": 2}
    assert function.facts.count(CacheMiss) == function.facts.count(CacheHit) == 0


def test_one_branch_key_for_everything(function: Function) -> None:
    function.start_with_branch_keys(branch_key_context_key=None, branch_key_id="tenant-b")

    message = warmkey.encrypt(b"data", {"anything": "else"})

    assert read_header(message).encrypted_data_keys[0].key_provider_info == b"tenant-b"
    assert warmkey.decrypt(message) == b"data"


def test_messages_from_before_the_switch_stay_readable_over_the_data_key_cache(function: Function) -> None:
    function.start_without()
    older = warmkey.encrypt(b"older", A)
    function.start_with_branch_keys()

    newer = warmkey.encrypt(b"newer", A)
    read = [warmkey.decrypt(message) for message in (older, newer, older, older)]

    assert read == [b"older", b"newer", b"older", b"older"]
    assert function.facts.count(CacheMiss, operation=Operation.DECRYPT) == 1
    assert function.facts.count(CacheHit, operation=Operation.DECRYPT) == 2
    books = warmkey.default_cmm().statistics(Operation.DECRYPT)
    assert (books.requests, books.hits) == (3, 2), "of messages from before alone"


def test_a_forged_copy_of_an_older_message_leaves_nothing_in_the_cache(function: Function) -> None:
    function.start_without()
    forged = bytearray(warmkey.encrypt(b"older", A))
    forged[6] ^= 1  # of the message ID
    function.start_with_branch_keys()

    with pytest.raises(AuthenticationFailed):
        warmkey.decrypt(forged)
    assert warmkey.cache_info().entries == 0


def test_and_the_way_back(function: Function) -> None:
    function.start_with_branch_keys()
    newer = warmkey.encrypt(b"newer", A)
    function.start_with_branch_keys(branch_key_encrypt=False)

    without = warmkey.encrypt(b"without", A)

    assert function.providers(without) == ["aws-kms"]
    assert warmkey.decrypt(newer) == b"newer"
    assert warmkey.decrypt(without) == b"without"
    function.start(kms_key_arns=function.keys.key_arn)
    assert warmkey.decrypt(without) == b"without"
    with pytest.raises(KeyUnavailable, match="none of the configured keys is among the message's: 'aws-kms-hierarchy'"):
        warmkey.decrypt(newer)


def test_a_reader_that_goes_first_reads_both_and_writes_as_before(function: Function) -> None:
    function.start_with_branch_keys(branch_key_encrypt="off", kms_key_arns=function.keys.key_arn)

    messages = [warmkey.encrypt(b"data", A) for _ in range(5)]

    assert {provider for message in messages for provider in function.providers(message)} == {"aws-kms"}
    assert function.keys.requests() == {"GenerateDataKey": 1}
    assert function.facts.of(SettingWarning) == []


def test_a_message_with_both_tries_the_branch_key_first(function: Function) -> None:
    function.start_with_branch_keys()
    keyring = warmkey.MultiKeyring(
        warmkey.AwsKmsKeyring(function.older_key, kms_client=function.keys.kms),
        [warmkey.default_cmm()._branch_keys._keyring],  # type: ignore[union-attr]
    )
    message = warmkey.Client().encrypt(b"both", keyring=keyring, encryption_context=A).ciphertext
    assert function.providers(message) == ["aws-kms", "aws-kms-hierarchy"]
    function.keys.clear()

    assert warmkey.decrypt(message) == b"both"
    assert function.keys.requests() == {}  # the branch key is cached
    with function.keys.kms.fail("Decrypt", error="disabled", when=lambda call: call.key_arn == function.keys.key_arn):
        warmkey.purge()

        assert warmkey.decrypt(message) == b"both"


@pytest.mark.parametrize("context", [{}, {"other": "x"}, {"tenant": ""}], ids=str)
def test_a_tenant_that_is_missing_from_the_context_is_told(function: Function, context: dict[str, str]) -> None:
    function.start_with_branch_keys()

    with pytest.raises(PolicyRefused, match=r"must have 'tenant' .*WARMKEY_BRANCH_KEY_CONTEXT_KEY wants it"):
        warmkey.encrypt(b"data", context)

    assert function.keys.requests() == {}


def test_a_message_from_before_the_switch_needs_no_tenant(function: Function) -> None:
    function.start_without()
    older = warmkey.encrypt(b"older", {"no": "tenant"})
    function.start_with_branch_keys()

    assert warmkey.decrypt(older) == b"older"


def test_a_branch_key_that_is_not_there_is_named(function: Function) -> None:
    function.start_with_branch_keys()

    with pytest.raises(KeyUnavailable, match="branch key 'tenant-x' in table 'branch-keys': it is not there"):
        warmkey.encrypt(b"data", {"tenant": "tenant-x"})


def test_required_context_keys_hold(function: Function) -> None:
    function.start_with_branch_keys(required_context_keys="tenant,purpose")

    with pytest.raises(warmkey.PolicyRefused, match="purpose"):
        warmkey.encrypt(b"data", A)
    with pytest.raises(warmkey.PolicyRefused, match="purpose"):
        warmkey.default_client().encrypt(b"data", cmm=warmkey.default_cmm(), encryption_context=A)


# --- the cache


def test_a_data_key_cache_above_branch_keys_is_asked_for(function: Function) -> None:
    function.start_with_branch_keys(cache="on")

    messages = [warmkey.encrypt(b"data", A) for _ in range(5)]

    assert len({read_header(message).encrypted_data_keys for message in messages}) == 1
    assert (function.facts.count(CacheMiss), function.facts.count(CacheHit)) == (1, 4)
    assert [warmkey.decrypt(message) for message in messages] == [b"data"] * 5
    assert function.keys.requests() == {"GetItem": 1, "Decrypt": 1}


# --- one cache for both kinds of key


@pytest.mark.parametrize("cache", [None, "on"])
@pytest.mark.parametrize("error", ["denied", "disabled", "not-found"])
def test_an_older_message_that_kms_refuses_is_told_as_without_branch_keys(
    function: Function, error: str, cache: str | None
) -> None:
    function.start_without()
    older = warmkey.encrypt(b"older", A)
    function.start_with_branch_keys(cache=cache)
    warmkey.encrypt(b"newer", A)

    with (
        function.keys.kms.fail("Decrypt", error=error, times=None),
        pytest.raises(KeyUnavailable, match="no configured key could decrypt the data key") as caught,
    ):
        warmkey.decrypt(older)

    assert [attempt.key for attempt in caught.value.attempts] == [function.older_key]
    assert warmkey.decrypt(older) == b"older"
    function.keys.clear()
    warmkey.encrypt(b"newer", A)
    assert function.keys.requests() == {}, "the branch key is under another KMS key, and stays"


def both_kinds(function: Function) -> tuple[bytes, bytes, bytes]:
    """Start over one KMS key for both kinds; return two cached older messages, and a third of another tenant's."""
    function.start(kms_key_arns=function.keys.key_arn)
    cached, another, third = (warmkey.encrypt(b"older", context) for context in (A, {**A, "n": "2"}, B))
    function.start_with_branch_keys()
    for message in (cached, another):
        warmkey.decrypt(message)
    warmkey.encrypt(b"newer", A)
    function.keys.clear()
    return cached, another, third


def test_a_disabled_kms_key_ends_branch_keys_too_whoever_meets_the_refusal_first(function: Function) -> None:
    _, _, third = both_kinds(function)
    with function.keys.kms.fail("Decrypt", error="disabled", times=None):
        with pytest.raises(KeyUnavailable):
            warmkey.decrypt(third)

        with pytest.raises(KeyUnavailable):
            warmkey.encrypt(b"newer", A)


def test_and_data_keys_of_older_messages_when_a_branch_key_meets_it(function: Function) -> None:
    cached, another, _ = both_kinds(function)
    with function.keys.kms.fail("Decrypt", error="disabled", times=None):
        with pytest.raises(KeyUnavailable):
            warmkey.encrypt(b"newer", B)

        for message in (cached, another):
            with pytest.raises(KeyUnavailable):
                warmkey.decrypt(message)


def test_a_denied_branch_key_ends_neither_other_branch_keys_nor_data_keys(function: Function) -> None:
    cached, another, _ = both_kinds(function)
    with function.keys.kms.fail("Decrypt", error="denied", times=None):
        with pytest.raises(KeyUnavailable):
            warmkey.encrypt(b"newer", B)

        assert [warmkey.decrypt(message) for message in (cached, another)] == [b"older"] * 2
        assert warmkey.encrypt(b"newer", A)


def test_a_denial_of_an_older_messages_key_ends_no_branch_key(function: Function) -> None:
    _, another, third = both_kinds(function)
    with function.keys.kms.fail("Decrypt", error="denied", times=None):
        with pytest.raises(KeyUnavailable):
            warmkey.decrypt(third)

        assert warmkey.decrypt(another) == b"older"
        assert warmkey.encrypt(b"newer", A)


@pytest.mark.parametrize("error", ["denied", "disabled"])
def test_a_data_key_above_a_branch_key_ends_with_it(function: Function, error: str) -> None:
    """KMS is asked to decrypt branch keys in order to encrypt, too."""
    function.start_with_branch_keys(cache="on", branch_key_ttl_seconds=100, max_age_jitter=0)
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    client.encrypt(b"data", cmm=cmm, encryption_context=A)
    function.clock.tick(100)

    with function.keys.kms.fail("Decrypt", error=error, times=None):
        assert client.encrypt(b"data", cmm=cmm, encryption_context=A), "the data key has 200 seconds left"
        other_suite = warmkey.Client(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
        with pytest.raises(KeyUnavailable):
            other_suite.encrypt(b"data", cmm=cmm, encryption_context=A)
        with pytest.raises(KeyUnavailable):
            client.encrypt(b"data", cmm=cmm, encryption_context=A)


def test_without_any_cache_of_data_keys_branch_keys_are_cached(function: Function) -> None:
    function.start_without()
    older = warmkey.encrypt(b"older", A)
    function.start_with_branch_keys(cache="off")

    for _ in range(3):
        warmkey.decrypt(warmkey.encrypt(b"data", A))
        warmkey.decrypt(older)

    assert function.keys.requests() == {"GetItem": 1, "Decrypt": 1 + 3}


def test_a_branch_key_lives_for_its_own_time(function: Function) -> None:
    function.start_with_branch_keys(max_age_jitter=0, branch_key_ttl_seconds=1000)
    warmkey.encrypt(b"data", A)

    function.clock.tick(999)
    warmkey.encrypt(b"data", A)
    assert function.keys.requests() == {"GetItem": 1, "Decrypt": 1}
    function.clock.tick(1)
    warmkey.encrypt(b"data", A)

    assert function.keys.requests() == {"GetItem": 2, "Decrypt": 2}


def test_its_life_is_jittered_as_that_of_data_keys(function: Function) -> None:
    function.start_with_branch_keys(max_age_jitter=0.5)
    warmkey.encrypt(b"data", A)

    [entry] = {entry.time_to_live for entry in warmkey.default_cmm().cache._entries.values()}  # type: ignore[attr-defined]

    assert 1800 <= entry < 3600


def test_purge_forgets_branch_keys(function: Function) -> None:
    function.start_with_branch_keys()
    warmkey.encrypt(b"data", A)

    assert warmkey.purge() == 2
    warmkey.encrypt(b"data", A)

    assert function.facts.count(BranchKeyEviction, reason=EvictionReason.PURGED) == 2
    assert function.keys.requests() == {"GetItem": 2, "Decrypt": 2}


@pytest.mark.parametrize("cache", [None, "on", "off"])
def test_purge_by_partition_forgets_them_too(function: Function, cache: str | None) -> None:
    function.start_with_branch_keys(partition_id="mine", cache=cache)
    warmkey.encrypt(b"data", A)
    function.keys.clear()

    warmkey.purge("mine")
    warmkey.encrypt(b"data", A)

    assert function.keys.requests() == {"GetItem": 1, "Decrypt": 1}


@pytest.mark.parametrize("cache", [None, "on", "off"])
def test_reset_forgets_them(function: Function, cache: str | None) -> None:
    function.start_with_branch_keys(cache=cache)
    warmkey.encrypt(b"data", A)
    keyring: Any = warmkey.lambda_runtime.default_client.DEFAULT.get().branch_keys

    warmkey.reset()

    assert len(keyring._keys._cache) == 0


def test_the_books_balance(function: Function) -> None:
    function.start_without()
    older = warmkey.encrypt(b"older", A)
    function.start_with_branch_keys()
    for _ in range(3):
        warmkey.decrypt(warmkey.encrypt(b"data", A))
        warmkey.decrypt(older)
    with pytest.raises(KeyUnavailable):
        warmkey.encrypt(b"data", {"tenant": "tenant-x"})

    info = warmkey.cache_info()

    assert info.branch_keys is not None
    encrypt, decrypt = info.branch_keys[Operation.ENCRYPT], info.branch_keys[Operation.DECRYPT]
    assert (encrypt.hits, encrypt.calls, encrypt.failures) == (2, 1, 1)
    assert (decrypt.hits, decrypt.calls) == (3, 0)
    assert (info.decrypt.hits, info.decrypt.calls) == (2, 1)
    assert info.entries == 3
    assert info.kms_requests == {"Decrypt": {"ok": 2}}
    assert info.dynamodb_requests == {"GetItem": {"ok": 3}}
    told = function.facts
    assert told.count(BranchKeyHit) == encrypt.hits + decrypt.hits
    assert told.count(BranchKeyMiss) == encrypt.calls + decrypt.calls
    assert told.count(DynamoDbRequest) == 3


@pytest.mark.parametrize("cache", [None, "on", "off"])
def test_a_failure_is_remembered_for_branch_keys_as_for_data_keys(function: Function, cache: str | None) -> None:
    function.start_with_branch_keys(cache=cache)
    with function.keys.dynamodb.fail(error="throttled", times=None):
        errors = []
        for _ in range(3):
            with pytest.raises(KeyUnavailable) as caught:
                warmkey.encrypt(b"data", A)
            errors.append(caught.value)

    info = warmkey.cache_info()
    assert [error.remembered for error in errors] == [False, True, True]
    assert info.dynamodb_requests == {"GetItem": {"throttled": 1}}
    assert info.encrypt.failures == 3
    assert info.branch_keys is not None
    books = info.branch_keys[Operation.ENCRYPT]
    assert (books.failures, books.recalled) == ((1, 0) if cache == "on" else (1, 2))


def test_remembering_failures_can_be_turned_off(function: Function) -> None:
    function.start_with_branch_keys(remember_failures_seconds=0)
    with function.keys.dynamodb.fail(error="throttled", times=None):
        for _ in range(3):
            with pytest.raises(KeyUnavailable):
                warmkey.encrypt(b"data", A)

    assert warmkey.cache_info().dynamodb_requests == {"GetItem": {"throttled": 3}}


def test_without_branch_keys_there_are_no_books_of_them(function: Function) -> None:
    function.start_without()

    info = warmkey.cache_info()

    assert (info.branch_keys, info.dynamodb_requests) == (None, {})


# --- warnings


def test_limits_that_have_no_effect_are_a_warning_at_init(function: Function) -> None:
    function.start_with_branch_keys(max_messages_encrypted=5, refresh_ahead="on", max_bytes_encrypted=7)
    warmkey.warm_up()

    assert [warning.setting for warning in function.facts.of(SettingWarning)] == [
        "WARMKEY_MAX_BYTES_ENCRYPTED",
        "WARMKEY_MAX_MESSAGES_ENCRYPTED",
        "WARMKEY_REFRESH_AHEAD",
    ]


@pytest.mark.parametrize("settings", [{"cache": "on"}, {"branch_key_encrypt": "off"}], ids=str)
def test_limits_that_have_an_effect_are_none(function: Function, settings: dict[str, str]) -> None:
    function.start_with_branch_keys(max_messages_encrypted=5, **settings)
    warmkey.warm_up()

    assert function.facts.of(SettingWarning) == []


@pytest.mark.parametrize("capacity", [0, 1])
def test_a_capacity_for_less_than_one_branch_key_is_a_warning_at_init(function: Function, capacity: int) -> None:
    function.start_with_branch_keys(cache_capacity=capacity)
    warmkey.warm_up()

    [warning] = function.facts.of(SettingWarning)
    assert warning.setting == "WARMKEY_CACHE_CAPACITY"
    assert f"it is {capacity}, and a branch key takes two entries" in warning.problem


def test_a_capacity_for_fewer_branch_keys_than_there_are_is_a_warning_once(function: Function) -> None:
    function.start_with_branch_keys(cache_capacity=3)
    for number in range(10):
        function.keys.create(f"tenant {number}")

    for _ in range(3):
        for number in range(10):
            warmkey.encrypt(b"data", {"tenant": f"tenant {number}"})

    [warning] = function.facts.of(SettingWarning)
    assert warning.setting == "WARMKEY_CACHE_CAPACITY"
    assert "3 entries are too few for the branch keys in use" in warning.problem


@pytest.mark.parametrize(("capacity", "evictions"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_the_warning_comes_when_as_many_branch_keys_made_room_as_the_cache_holds(capacity: int, evictions: int) -> None:
    said: list[Event] = []
    watch = CapacityWatch(capacity, said.append)
    eviction = BranchKeyEviction(operation=Operation.ENCRYPT, reason=EvictionReason.CAPACITY, age_seconds=1.0)
    told = []
    for _ in range(evictions + 2):
        watch(dataclasses.replace(eviction, reason=EvictionReason.EXPIRED))
        watch(eviction)
        told.append(len(said))

    assert told == [0] * (evictions - 1) + [1] * 3


# --- which KMS key


@pytest.mark.parametrize("mode", list(KmsMode))
def test_every_mode_reads_what_any_mode_wrote(function: Function, mode: KmsMode) -> None:
    function.start_with_branch_keys()
    message = warmkey.encrypt(b"data", A)
    discovers = mode in (KmsMode.DISCOVERY, KmsMode.MRK_DISCOVERY)
    function.start_with_branch_keys(
        kms_mode=mode,
        decrypt_key_arns=None,
        **({"kms_key_arns": None} if discovers else {}),
    )

    assert warmkey.decrypt(message) == b"data"
    assert warmkey.decrypt(warmkey.encrypt(b"data", A)) == b"data"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"branch_key_id": "x", "branch_key_store_table": None},
            "BRANCH_KEY_ID is set without WARMKEY_BRANCH_KEY_STORE",
        ),
        ({"branch_key_context_key": "x", "branch_key_store_table": None}, "is set without WARMKEY_BRANCH_KEY_STORE"),
        ({"logical_key_store_name": "x", "branch_key_store_table": None}, "is set without WARMKEY_BRANCH_KEY_STORE"),
        ({"branch_key_ttl_seconds": 5, "branch_key_store_table": None}, "is set without WARMKEY_BRANCH_KEY_STORE"),
        ({"branch_key_encrypt": False, "branch_key_store_table": None}, "is set without WARMKEY_BRANCH_KEY_STORE"),
        ({"kms_mode": "mrk-discovery", "branch_key_store_table": None}, "mrk-discovery, which is for branch keys"),
        ({}, "needs either WARMKEY_BRANCH_KEY_ID or WARMKEY_BRANCH_KEY_CONTEXT_KEY"),
        ({"branch_key_id": "x", "branch_key_context_key": "y"}, "needs either WARMKEY_BRANCH_KEY_ID or"),
        ({"branch_key_id": "x", "kms_key_arns": [KEY, OTHER_KEY]}, "must name one key.*not 2; put further keys"),
        ({"branch_key_id": "x", "kms_key_arns": [KEY, OTHER_KEY], "kms_mode": "mrk"}, "must name one key"),
        ({"branch_key_id": "x", "kms_key_arns": []}, "kms_key_arns must be"),
        ({"branch_key_id": "x", "kms_key_arns": "alias/a"}, "'alias/a', which is not a key ARN"),
        (
            {"branch_key_id": "x", "kms_key_arns": "alias/a", "decrypt_key_arns": KEY},
            "'alias/a', which is not a key ARN",
        ),
        ({"branch_key_id": "x", "branch_key_ttl_seconds": 0}, "branch_key_ttl_seconds must be"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], problem: str) -> None:
    given = {"kms_key_arns": KEY, "branch_key_store_table": TABLE, **settings}
    given = {name: value for name, value in given.items() if value is not None}

    with pytest.raises(ConfigurationError, match=problem):
        Settings(**check_keywords(given))


def test_a_table_that_cannot_be_one_is_told_at_init(function: Function) -> None:
    with pytest.raises(ConfigurationError, match="branch_key_store_table must be the name of a DynamoDB table"):
        function.start_with_branch_keys(branch_key_store_table="x")


@pytest.mark.parametrize("name", ["branch_key_id", "logical_key_store_name", "branch_key_store_table"])
def test_no_name_has_a_nul(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be .*; it contains char"):
        check_keywords({name: "a\0b"})


def test_mrk_discovery_needs_to_know_its_region(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    function.start_with_branch_keys(kms_mode="mrk-discovery", kms_key_arns=None, decrypt_key_arns=None)

    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        warmkey.warm_up()


def test_a_logical_name_of_its_own(function: Function) -> None:
    function.keys.another(logical_key_store_name="original").create_key("tenant-c", CONTEXT)
    function.start_with_branch_keys(logical_key_store_name="original")

    assert warmkey.decrypt(warmkey.encrypt(b"data", {"tenant": "tenant-c"})) == b"data"


def test_what_is_given_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_CACHE", "on")

    assert read_settings({"kms_key_arns": KEY}).given == {"kms_key_arns", "cache"}


# --- a container's life


def test_a_forked_child_reads_its_own_branch_key(function: Function) -> None:
    function.start_with_branch_keys()
    message = warmkey.encrypt(b"data", A)
    function.keys.clear()

    def in_the_child() -> tuple[str, dict[str, int]]:
        text = warmkey.decrypt(message).decode()
        return text, function.keys.requests()

    assert in_child(in_the_child) == ["data", {"GetItem": 1, "Decrypt": 1}]


def test_nothing_of_it_goes_into_a_snapshot(function: Function) -> None:
    function.start_with_branch_keys()
    warmkey.encrypt(b"data", A)
    keyring: Any = warmkey.lambda_runtime.default_client.DEFAULT.get().branch_keys

    reset_before_snapshot()

    assert len(keyring._keys._cache) == 0
    assert function.keys.dynamodb.closed
    assert warmkey.decrypt(warmkey.encrypt(b"data", A)) == b"data"


def test_a_frozen_container_renews_its_branch_keys(function: Function) -> None:
    function.start_with_branch_keys()
    warmkey.encrypt(b"data", A)

    function.clock.tick_wall(3600)
    warmkey.encrypt(b"data", A)

    assert function.keys.requests() == {"GetItem": 2, "Decrypt": 2}


@pytest.mark.parametrize("service", ["kms", "dynamodb"])
@pytest.mark.parametrize("error", ["throttled", "denied", "timeout", "internal"])
def test_a_bad_day_of_either_service_is_one_error_and_then_over(function: Function, service: str, error: str) -> None:
    function.start_with_branch_keys()
    fake: Any = getattr(function.keys, service)

    with fake.fail(error=error, times=None), pytest.raises(KeyUnavailable) as caught:
        warmkey.encrypt(b"data", A)

    assert caught.value.attempts[0].outcome is not None
    function.clock.tick(1)  # what is remembered is over
    assert warmkey.decrypt(warmkey.encrypt(b"data", A)) == b"data"


def test_clients_are_made_with_the_settings_time_outs(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    warmkey.reset()
    warmkey.configure(
        kms_key_arns=KEY,
        branch_key_store_table=TABLE,
        branch_key_id="x",
        kms_read_timeout_seconds=0.5,
        kms_max_attempts=2,
    )
    keyring: Any = warmkey.lambda_runtime.default_client.DEFAULT.get().branch_keys
    store: BranchKeyStore = keyring._key_store

    clients: list[Any] = [store._table._requests._client, store._keys._kms._client]

    for client in clients:
        assert client.meta.region_name == "eu-central-1"
        assert client.meta.config.read_timeout == 0.5
        assert client.meta.config.retries["total_max_attempts"] == 2


def test_without_a_table_nothing_of_it_is_loaded() -> None:
    code = """
        import sys, warmkey
        from warmkey.testing import FakeKms

        kms = FakeKms()
        warmkey.configure(kms_client=kms, kms_key_arns=kms.create_key())
        warmkey.decrypt(warmkey.encrypt(b"data"))
        print([name for name in sys.modules if name.startswith("warmkey.") and "branch_key" in name])
    """

    run = in_new_process(code, AWS_REGION="us-east-1")

    assert run.stdout.splitlines()[-1] == "[]", run.stderr
