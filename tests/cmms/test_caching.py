"""The caching CMM in one thread: what is a hit, what is a miss and why, what bypasses, and the books of all of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.cmms.stage import (
    FORBID,
    IDENTITY,
    LENIENT,
    SIGNED,
    STRICT,
    UNSIGNED,
    WITHOUT_COMMITMENT,
    Below,
    Dictionary,
    Stage,
    check_books,
    data_key,
    data_keys,
    decrypt_request,
    encrypt_request,
    outcomes,
)
from warmkey import (
    CachingCMM,
    ConfigurationError,
    EncryptionContext,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    LocalCMC,
    PolicyRefused,
    events,
)
from warmkey.caches import NullCMC
from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheEviction,
    CacheHit,
    CacheMiss,
    EvictionReason,
    KmsOutcome,
    MissReason,
    Operation,
    RequestFailed,
    UncacheableContext,
)
from warmkey.keyrings import RawAesKeyring

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
LARGEST = 2**63 - 1


# Hit or miss


# spec: framework/caching-cmm.md#get-encryption-materials 847e 436d 9969 1927
def test_a_second_request_is_served_from_the_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    first = cmm.get_encryption_materials(encrypt_request())
    second = cmm.get_encryption_materials(encrypt_request())

    assert second is first
    stage.seen.assert_events(CacheMiss(operation=ENCRYPT, reason=MissReason.ABSENT), CacheHit(operation=ENCRYPT))
    check_books(cmm, stage.below, requests=2)


# spec: framework/caching-cmm.md#decrypt-materials cf6a b248 d5bf eff9
def test_a_second_decrypt_is_served_from_the_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials())
    first = cmm.decrypt_materials(request)

    assert cmm.decrypt_materials(request) is first
    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 1}
    check_books(cmm, stage.below, requests=2)


def test_a_decrypt_is_never_seeded_by_an_encrypt() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = cmm.get_encryption_materials(encrypt_request())
    cmm.decrypt_materials(decrypt_request(materials))

    assert len(stage.below.decrypt_requests) == 1


def test_an_encrypt_is_never_seeded_by_a_decrypt() -> None:
    stage = Stage()
    cmm = stage.cmm()
    cmm.decrypt_materials(decrypt_request(stage.materials()))
    cmm.get_encryption_materials(encrypt_request())

    assert len(stage.below.encrypt_requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({}, id="empty"),
        pytest.param({"tenant": "b"}, id="another value"),
        pytest.param({"Tenant": "a"}, id="another case"),
        pytest.param({"tenant": "a", "more": ""}, id="another pair"),
        pytest.param({"tenant": "a "}, id="a space"),
        pytest.param({"tena": "nta"}, id="the same letters"),
        pytest.param({"tenant": "\uff41"}, id="a letter that NFKC makes the same"),
    ],
)
def test_contexts_match_exactly(other: dict[str, str]) -> None:
    stage = Stage()

    assert data_keys(stage.cmm(), encrypt_request(1, {"tenant": "a"}), encrypt_request(1, other)) == [1, 2]


def test_the_order_of_the_pairs_does_not_matter() -> None:
    stage = Stage()
    requests = encrypt_request(1, {"a": "1", "b": "2"}), encrypt_request(1, {"b": "2", "a": "1"})

    assert data_keys(stage.cmm(), *requests) == [1, 1]


def test_composed_and_decomposed_letters_are_two_contexts() -> None:
    stage = Stage()
    requests = encrypt_request(1, {"name": "\u00e9"}), encrypt_request(1, {"name": "e\u0301"})

    assert data_keys(stage.cmm(), *requests) == [1, 2]


def test_a_suite_that_was_asked_for_and_the_default_are_cached_apart() -> None:
    stage = Stage()
    requests = encrypt_request(suite=None), encrypt_request(suite=SIGNED), encrypt_request(suite=None)

    assert data_keys(stage.cmm(), *requests) == [1, 2, 1]


def test_a_signed_entry_signs_every_message_with_its_key() -> None:
    cmm = Stage().cmm()
    one = cmm.get_encryption_materials(encrypt_request(suite=SIGNED))
    two = cmm.get_encryption_materials(encrypt_request(suite=SIGNED))

    assert one.signing_key is two.signing_key is not None


def test_each_set_of_encrypted_data_keys_has_its_own_entry_whatever_their_order() -> None:
    stage = Stage()
    cmm = stage.cmm()
    one, two = stage.materials().encrypted_data_keys[0], stage.materials().encrypted_data_keys[0]
    request = decrypt_request(stage.materials())
    for keys in ((one,), (two,), (one, two), (two, one), (one,)):
        cmm.decrypt_materials(replace(request, encrypted_data_keys=keys))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 3, "hits": 2}


# Limits


# spec: framework/caching-cmm.md#limit-messages e6b7
# spec: framework/caching-cmm.md#usage-stats db89 5b74
def test_a_data_key_encrypts_as_many_messages_as_allowed_the_first_included() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=3)

    assert data_keys(cmm, *[encrypt_request()] * 7) == [1, 1, 1, 2, 2, 2, 3]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "miss:messages-spent": 2, "hits": 4}
    assert stage.evictions == [EvictionReason.MESSAGES_SPENT] * 2


def test_a_limit_of_one_message_makes_every_request_a_miss() -> None:
    assert data_keys(Stage().cmm(max_messages_encrypted=1), *[encrypt_request()] * 3) == [1, 2, 3]


# spec: framework/caching-cmm.md#limit-bytes ba71
# spec: framework/caching-cmm.md#usage-stats db89 5b74
def test_a_message_that_reaches_the_byte_limit_exactly_is_within_it_and_one_byte_more_is_not() -> None:
    stage = Stage()
    cmm = stage.cmm(max_bytes_encrypted=10)

    assert data_keys(cmm, *map(encrypt_request, [4, 6, 0, 1, 9, 10, 1])) == [1, 1, 1, 2, 2, 3, 4]
    assert stage.evictions == [EvictionReason.BYTES_SPENT] * 3
    assert [(event.messages, event.plaintext_bytes) for event in stage.seen.of(CacheEviction)] == [
        (3, 10),
        (2, 10),
        (1, 10),
    ]


def test_a_message_that_does_not_fit_any_more_takes_a_new_key_and_the_old_one_leaves() -> None:
    stage = Stage()

    assert data_keys(stage.cmm(max_bytes_encrypted=10), *map(encrypt_request, [7, 4, 3])) == [1, 2, 2]
    assert stage.evictions == [EvictionReason.BYTES_SPENT]


def test_a_message_over_the_byte_limit_has_a_key_of_its_own_and_leaves_the_entry_in_place() -> None:
    stage = Stage()
    cmm = stage.cmm(max_bytes_encrypted=10)

    assert data_keys(cmm, *map(encrypt_request, [5, 11, 2**40, 5])) == [1, 2, 3, 1]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "bypass:over-byte-limit": 2, "hits": 1}
    assert (len(stage.cache), stage.evictions) == (1, [])


def test_a_bypass_of_an_oversize_message_is_forwarded_unchanged() -> None:
    stage = Stage()
    request = encrypt_request(11)
    stage.cmm(max_bytes_encrypted=10).get_encryption_materials(request)

    assert stage.below.encrypt_requests == [request]
    assert stage.below.encrypt_requests[0].max_plaintext_length == 11


def test_a_byte_limit_of_zero_caches_for_empty_messages_only() -> None:
    assert data_keys(Stage().cmm(max_bytes_encrypted=0), *map(encrypt_request, [0, 0, 1, 0])) == [1, 1, 2, 1]


# spec: framework/caching-cmm.md#limit-bytes c322
def test_the_largest_limits_hold_the_largest_messages() -> None:
    assert data_keys(Stage().cmm(), *map(encrypt_request, [LARGEST, 0, 1])) == [1, 1, 2]


def test_a_negative_length_can_not_give_bytes_back() -> None:
    stage = Stage()
    cmm = stage.cmm(max_bytes_encrypted=10)
    cmm.get_encryption_materials(encrypt_request(10))
    with pytest.raises(InvalidRequest):
        cmm.get_encryption_materials(encrypt_request(-10))
    cmm.get_encryption_materials(encrypt_request(10))

    assert len(stage.below.encrypt_requests) == 2, "the first key has no byte left"


def test_decrypting_wears_no_key_out() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=1, max_bytes_encrypted=0)
    request = decrypt_request(stage.materials())
    for _ in range(5):
        cmm.decrypt_materials(request)

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 4}


# spec: framework/caching-cmm.md#usage-stats db89 5b74
# spec: framework/caching-cmm.md#limit-messages a3a9
def test_the_use_of_a_key_is_told_when_it_leaves() -> None:
    stage = Stage()
    cmm = stage.cmm()
    for length in (3, 4, 5):
        cmm.get_encryption_materials(encrypt_request(length))
    stage.clock.tick(2)
    cmm.purge()

    assert stage.seen.of(CacheEviction) == [
        CacheEviction(
            operation=ENCRYPT, reason=EvictionReason.PURGED, age_seconds=2, messages=3, plaintext_bytes=12
        )
    ]  # fmt: skip


# spec: framework/cryptographic-materials-cache.md#put-cache-entry 6303
def test_an_entry_has_counted_the_message_that_fills_the_cache_before_it_is_put() -> None:
    class Counting(Dictionary):
        def put_cache_entry(self, identifier: bytes, entry: Any, /) -> None:
            counts.append((entry.messages, entry.plaintext_bytes))
            super().put_cache_entry(identifier, entry)

    counts: list[tuple[int, int]] = []
    Stage().cmm(cache=Counting()).get_encryption_materials(encrypt_request(7))

    assert counts == [(1, 7)]


# Bypass


# spec: framework/caching-cmm.md#get-encryption-materials 7248 fab8
def test_a_request_for_an_identity_kdf_bypasses_the_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = encrypt_request(suite=IDENTITY, policy=FORBID)

    assert data_keys(cmm, request, request) == [1, 2]
    assert stage.below.encrypt_requests == [request, request]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"bypass:identity-kdf": 2}
    assert (len(stage.cache), stage.below.encrypt_requests[0].max_plaintext_length) == (0, 1)


# spec: framework/caching-cmm.md#decrypt-materials 124d 2eda
def test_a_decrypt_with_an_identity_kdf_bypasses_the_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials(suite=IDENTITY, policy=FORBID), policy=FORBID)
    cmm.decrypt_materials(request)
    cmm.decrypt_materials(request)

    assert outcomes(cmm.statistics(DECRYPT)) == {"bypass:identity-kdf": 2}
    assert len(stage.cache) == 0


# spec: framework/caching-cmm.md#get-encryption-materials fab8
def test_an_answer_with_an_identity_kdf_is_not_kept_either() -> None:
    stage = Stage()
    cmm = stage.cmm()
    identity = stage.materials(suite=IDENTITY, policy=FORBID)
    stage.below.answer = lambda _: replace(identity)
    answers = [cmm.get_encryption_materials(encrypt_request(suite=None, policy=FORBID)) for _ in range(2)]

    assert [answer.algorithm_suite for answer in answers] == [IDENTITY] * 2
    assert outcomes(cmm.statistics(ENCRYPT)) == {"bypass:identity-kdf": 2}
    assert (len(stage.cache), stage.below.calls) == (0, 2)


# spec: framework/caching-cmm.md#decrypt-materials 2eda
def test_decryption_materials_with_an_identity_kdf_are_not_kept_either() -> None:
    stage = Stage()
    cmm = stage.cmm()
    stage.below.answer = lambda materials: replace(materials, algorithm_suite=IDENTITY)
    request = decrypt_request(stage.materials())
    for _ in range(2):
        cmm.decrypt_materials(request)

    assert outcomes(cmm.statistics(DECRYPT)) == {"bypass:identity-kdf": 2}
    assert len(stage.cache) == 0


def test_a_request_of_unknown_length_bypasses_the_cache_and_is_forwarded_unchanged() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = encrypt_request(None, {"tenant": "a"}, required=["tenant"])

    assert data_keys(cmm, encrypt_request(1, {"tenant": "a"}), request, request) == [1, 2, 3]
    assert stage.below.encrypt_requests[1:] == [request, request]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "bypass:unknown-length": 2}


def test_a_request_that_fills_the_cache_carries_no_plaintext_length_inward_and_all_the_rest() -> None:
    stage = Stage()
    request = encrypt_request(7, {"tenant": "a"}, suite=None, policy=LENIENT, required=["tenant"])
    stage.cmm().get_encryption_materials(request)

    assert stage.below.encrypt_requests == [replace(request, max_plaintext_length=None)]
    assert request.max_plaintext_length == 7


def test_a_decrypt_that_fills_the_cache_is_forwarded_unchanged() -> None:
    stage = Stage()
    request = decrypt_request(stage.materials(context={"tenant": "a"}), {"tenant": "a"})
    stage.cmm().decrypt_materials(request)

    assert stage.below.decrypt_requests == [request]


@pytest.mark.parametrize("cache", [NullCMC(), LocalCMC(0)], ids=["NullCMC", "capacity 0"])
def test_without_a_place_to_cache_every_request_goes_below_unchanged(cache: Any) -> None:
    stage = Stage()
    cmm = stage.cmm(cache=cache)
    encrypts, decrypts = encrypt_request(5), decrypt_request(stage.materials())
    for _ in range(3):
        cmm.get_encryption_materials(encrypts)
        cmm.decrypt_materials(decrypts)

    assert stage.below.encrypt_requests == [encrypts] * 3
    assert stage.below.encrypt_requests[0].max_plaintext_length == 5
    assert outcomes(cmm.statistics(ENCRYPT)) == outcomes(cmm.statistics(DECRYPT)) == {"bypass:caching-off": 3}
    assert stage.seen.count(CacheBypass, reason=BypassReason.CACHING_OFF) == 6
    assert len(cache) == 0


@pytest.mark.parametrize(
    ("length", "reason"),
    [(9, BypassReason.CACHING_OFF), (10, BypassReason.CACHING_OFF), (11, BypassReason.OVER_BYTE_LIMIT)],
)
def test_with_caching_off_a_message_within_the_byte_limit_is_not_called_over_it(
    length: int, reason: BypassReason
) -> None:
    stage = Stage()
    stage.cmm(cache=NullCMC(), max_bytes_encrypted=10).get_encryption_materials(encrypt_request(length))

    assert stage.seen.of(CacheBypass) == [CacheBypass(operation=ENCRYPT, reason=reason)]


# Partitions


# spec: framework/caching-cmm.md#underlying-cryptographic-materials-cache e442
# spec: framework/caching-cmm.md#partition-id 319a
def test_cmms_over_one_cache_share_nothing_by_default() -> None:
    stage = Stage()
    one, two = stage.cmm(), stage.cmm()
    request = decrypt_request(stage.materials())
    for cmm in (one, two):
        cmm.get_encryption_materials(encrypt_request())
        cmm.decrypt_materials(request)

    assert one.partition_id != two.partition_id
    assert (stage.below.calls, len(stage.cache)) == (4, 4)


def test_a_partition_of_ones_own_is_named_by_128_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def urandom(length: int) -> bytes:
        asked.append(length)
        return bytes(range(length))

    monkeypatch.setattr("os.urandom", urandom)

    assert Stage().cmm().partition_id == "000102030405060708090a0b0c0d0e0f"
    assert asked == [16]


def test_cmms_over_one_cache_share_entries_if_and_only_if_their_partitions_are_equal() -> None:
    stage = Stage()
    settings = [{"partition_id": name} for name in ("a", "a", "A", "a ")]
    keys = [data_key(stage.cmm(**setting).get_encryption_materials(encrypt_request())) for setting in settings]

    assert [keys[0] == key for key in keys] == [True, True, False, False]


def test_the_same_partition_in_two_caches_shares_nothing() -> None:
    keys = {data_key(Stage().cmm(partition_id="a").get_encryption_materials(encrypt_request())) for _ in range(2)}

    assert len(keys) == 2


# spec: framework/caching-cmm.md#partition-id 674b
def test_the_partition_can_not_be_changed() -> None:
    cmm = Stage().cmm(partition_id="mine")
    with pytest.raises(AttributeError):
        cmm.partition_id = "yours"  # type: ignore[misc]

    assert cmm.partition_id == "mine"


def test_each_cmm_holds_an_entry_that_it_shares_to_its_own_message_limit() -> None:
    stage = Stage()
    generous = stage.cmm(partition_id="p", max_messages_encrypted=10)
    strict = stage.cmm(partition_id="p", max_messages_encrypted=2)
    keys = [data_key(cmm.get_encryption_materials(encrypt_request())) for cmm in (generous, generous, generous, strict)]

    assert [key == keys[0] for key in keys] == [True, True, True, False]
    assert stage.evictions == [EvictionReason.MESSAGES_SPENT]


def test_each_cmm_holds_an_entry_that_it_shares_to_its_own_byte_limit() -> None:
    stage = Stage()
    generous = stage.cmm(partition_id="p", max_bytes_encrypted=100)
    strict = stage.cmm(partition_id="p", max_bytes_encrypted=10)
    first = data_key(generous.get_encryption_materials(encrypt_request(10)))

    assert data_key(strict.get_encryption_materials(encrypt_request(0))) == first
    assert data_key(strict.get_encryption_materials(encrypt_request(1))) != first


def test_the_messages_of_all_who_share_an_entry_count_together() -> None:
    stage = Stage()
    cmms = [stage.cmm(partition_id="p", max_messages_encrypted=4) for _ in range(2)]
    keys = [data_key(cmms[number % 2].get_encryption_materials(encrypt_request())) for number in range(6)]

    assert [key == keys[0] for key in keys] == [True] * 4 + [False] * 2


# What the identifier leaves out


def test_a_hit_needs_a_suite_that_the_policy_of_the_request_allows() -> None:
    stage = Stage()
    cmm = stage.cmm()
    lenient = encrypt_request(suite=None, policy=FORBID)
    strict = encrypt_request(suite=None, policy=STRICT)
    answers = [cmm.get_encryption_materials(request) for request in (lenient, strict, strict, lenient)]

    assert [answer.algorithm_suite.commits for answer in answers] == [False, True, True, False]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "miss:policy": 2, "hits": 1}
    assert stage.evictions == [EvictionReason.REPLACED] * 2


def test_two_policies_that_allow_the_cached_suite_share_it() -> None:
    requests = encrypt_request(policy=STRICT), encrypt_request(policy=LENIENT)

    assert data_keys(Stage().cmm(), *requests) == [1, 1]


def test_a_warm_entry_does_not_decrypt_what_the_policy_forbids() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(suite=WITHOUT_COMMITMENT, policy=FORBID)
    cmm.decrypt_materials(decrypt_request(materials, policy=LENIENT))
    with pytest.raises(PolicyRefused):
        cmm.decrypt_materials(decrypt_request(materials, policy=STRICT))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "failures": 1}
    assert stage.seen.count(RequestFailed, error="PolicyRefused") == 1
    cmm.decrypt_materials(decrypt_request(materials, policy=LENIENT))
    assert cmm.statistics(DECRYPT).hits == 1, "the refusal cost nobody their entry"


def test_a_hit_needs_equal_required_keys() -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {"tenant": "a", "kind": "x"}
    requests = [encrypt_request(1, context, required=keys) for keys in ([], ["tenant"], ["tenant", "kind"], ["tenant"])]
    answers = [cmm.get_encryption_materials(request) for request in requests]

    assert [answer.required_encryption_context_keys for answer in answers] == [
        request.required_encryption_context_keys for request in requests
    ]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "miss:context": 3}


def test_a_hit_needs_an_equal_reproduced_context() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"tenant": "a"})
    for reproduced in (None, {}, {"tenant": "a"}, {"tenant": "a"}, {}):
        cmm.decrypt_materials(decrypt_request(materials, reproduced))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 3, "miss:context": 1}


def test_a_second_tenant_does_not_read_a_warm_message_of_the_first() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"tenant": "a"})
    cmm.decrypt_materials(decrypt_request(materials, {"tenant": "a"}))
    for _ in range(2):
        with pytest.raises(PolicyRefused):
            cmm.decrypt_materials(decrypt_request(materials, {"tenant": "b"}))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "failures": 2}


def test_a_context_that_was_only_authenticated_is_compared_by_value_on_a_warm_entry() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"kind": "x", "tenant": "a"}, required=["tenant"])
    first = cmm.decrypt_materials(decrypt_request(materials, {"tenant": "a"}, stored={"kind": "x"}))

    assert first.required_encryption_context_keys == {"tenant"}
    with pytest.raises(Exception, match="could be unwrapped"):
        cmm.decrypt_materials(decrypt_request(materials, {"tenant": "b"}, stored={"kind": "x"}))


# Aliasing


def test_changing_the_callers_context_afterwards_changes_nothing_in_the_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {"tenant": "a"}
    cmm.get_encryption_materials(encrypt_request(1, context))
    context["tenant"] = "b"
    again = cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))

    assert (dict(again.encryption_context), stage.below.calls) == ({"tenant": "a"}, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda context: context.update(tenant="b"),
        lambda context: context.__setitem__("tenant", "b"),
        lambda context: context.pop("tenant"),
        lambda context: context.clear(),
        lambda context: context.setdefault("more", "b"),
        lambda context: context.__ior__({"tenant": "b"}),
        lambda context: context.popitem(),
        lambda context: context.__delitem__("tenant"),
    ],
    ids=["update", "set", "pop", "clear", "setdefault", "ior", "popitem", "delete"],
)
def test_returned_contexts_can_not_be_changed(change: Any) -> None:
    cmm = Stage().cmm()
    materials = cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))
    decrypted = cmm.decrypt_materials(decrypt_request(materials))
    for context in (materials.encryption_context, decrypted.encryption_context):
        with pytest.raises(TypeError):
            change(context)

    assert dict(cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"})).encryption_context) == {"tenant": "a"}


def test_changing_a_copy_of_the_materials_leaves_the_cached_ones_alone() -> None:
    cmm = Stage().cmm()
    replace(cmm.get_encryption_materials(encrypt_request()), plaintext_data_key=b"x" * 32, encrypted_data_keys=())

    assert len(cmm.get_encryption_materials(encrypt_request()).encrypted_data_keys) == 1


# Failures


def test_a_failure_is_counted_reported_and_not_remembered() -> None:
    stage = Stage()
    cmm = stage.cmm()

    def fail(_: object) -> None:
        raise PolicyRefused("not today")

    stage.below.during = fail
    for request in (encrypt_request(), encrypt_request(None), encrypt_request(suite=IDENTITY, policy=FORBID)):
        with pytest.raises(PolicyRefused):
            cmm.get_encryption_materials(request)
    stage.below.during = lambda _: None
    cmm.get_encryption_materials(encrypt_request())

    assert outcomes(cmm.statistics(ENCRYPT)) == {"failures": 3, "miss:absent": 1}
    assert stage.seen.count(RequestFailed, operation=ENCRYPT, error="PolicyRefused") == 3
    check_books(cmm, stage.below, requests=4)


def test_a_failure_leaves_other_entries_and_the_old_one_in_place() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=2)
    generous = stage.cmm(partition_id=cmm.partition_id)
    cmm.get_encryption_materials(encrypt_request())
    cmm.get_encryption_materials(encrypt_request())

    def fail(_: object) -> None:
        raise PolicyRefused("not today")

    stage.below.during = fail
    with pytest.raises(PolicyRefused):
        cmm.get_encryption_materials(encrypt_request())
    generous.get_encryption_materials(encrypt_request())

    assert generous.statistics(ENCRYPT).hits == 1


def test_the_reason_of_an_eviction_is_that_of_who_replaces_and_not_of_an_earlier_failure() -> None:
    stage = Stage()
    strict = stage.cmm(partition_id="p", max_messages_encrypted=1)
    other = stage.cmm(partition_id="p")
    context = {"tenant": "a"}
    strict.get_encryption_materials(encrypt_request(1, context))

    def fail(_: object) -> None:
        raise PolicyRefused("not today")

    stage.below.during = fail
    with pytest.raises(PolicyRefused):
        strict.get_encryption_materials(encrypt_request(1, context))
    stage.below.during = lambda _: None
    other.get_encryption_materials(encrypt_request(1, context, required=["tenant"]))

    assert stage.evictions == [EvictionReason.REPLACED]


# Counters


def test_every_request_is_in_exactly_one_count() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=3, max_bytes_encrypted=10)
    for length in (1, 2, 11, None, 3, 9, 10, 0):
        cmm.get_encryption_materials(encrypt_request(length))
    stage.clock.tick(60)
    cmm.get_encryption_materials(encrypt_request())
    stage.clock.tick(60)
    cmm.purge()
    cmm.get_encryption_materials(encrypt_request())
    request = decrypt_request(stage.materials())
    cmm.decrypt_materials(request)
    cmm.decrypt_materials(request)

    assert outcomes(cmm.statistics(ENCRYPT)) == {
        "hits": 3,
        "miss:absent": 2,
        "miss:messages-spent": 1,
        "miss:bytes-spent": 1,
        "miss:expired": 1,
        "bypass:over-byte-limit": 1,
        "bypass:unknown-length": 1,
    }
    assert outcomes(cmm.statistics(DECRYPT)) == {"hits": 1, "miss:absent": 1}
    check_books(cmm, stage.below, requests=12)
    assert stage.below.calls == cmm.statistics(ENCRYPT).calls + cmm.statistics(DECRYPT).calls


def test_facts_and_books_say_the_same() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=3, max_bytes_encrypted=10)
    for length in (1, 2, 11, None, 3, 9, 10, 0):
        cmm.get_encryption_materials(encrypt_request(length))
    counters = cmm.statistics(ENCRYPT)

    assert stage.seen.count(CacheHit) == counters.hits
    assert {reason: stage.seen.count(CacheMiss, reason=reason) for reason in counters.misses} == counters.misses
    assert {reason: stage.seen.count(CacheBypass, reason=reason) for reason in counters.bypasses} == counters.bypasses


def test_every_entry_that_was_made_is_in_the_cache_or_was_evicted_once() -> None:
    stage = Stage(capacity=3)
    cmm = stage.cmm(max_messages_encrypted=2)
    for step in range(50):
        cmm.get_encryption_materials(encrypt_request(1, {"n": str(step % 7)}))
        stage.clock.tick(3)

    assert len(stage.evictions) + len(stage.cache) == sum(cmm.statistics(ENCRYPT).misses.values())
    cmm.purge()
    assert sum(event.messages for event in stage.seen.of(CacheEviction)) == 50


def test_a_subscriber_that_fails_does_not_fail_a_request() -> None:
    def broken(_: object) -> None:
        raise RuntimeError

    broken.wants_hits = True  # type: ignore[attr-defined]
    cmm = Stage().cmm(emit=broken)

    assert data_keys(cmm, encrypt_request(), encrypt_request(), encrypt_request(None)) == [1, 1, 2]


# Churn


def warnings_of(stage: Stage) -> list[UncacheableContext]:
    return stage.seen.of(UncacheableContext)


def test_a_context_key_that_changes_with_every_message_is_named_once_and_never_its_values() -> None:
    stage = Stage()
    cmm = stage.cmm()
    for number in range(200):
        cmm.get_encryption_materials(encrypt_request(1, {"request_id": f"secret-{number}", "kind": "order"}))

    assert warnings_of(stage) == [UncacheableContext(context_key="request_id", requests=50)]
    assert "secret" not in repr(stage.seen.events)


@pytest.mark.parametrize(("requests", "warnings"), [(49, 0), (50, 1)])
def test_the_fiftieth_miss_in_a_row_is_the_one_that_warns(requests: int, warnings: int) -> None:
    stage = Stage()
    cmm = stage.cmm()
    cmm.get_encryption_materials(encrypt_request())
    cmm.get_encryption_materials(encrypt_request())  # a hit, after which the count begins
    for number in range(requests):
        cmm.get_encryption_materials(encrypt_request(1, {"request_id": str(number)}))

    assert len(warnings_of(stage)) == warnings


def test_decrypts_cause_no_warning() -> None:
    """A message is decrypted once, as a rule: nothing is wrong with that."""
    stage = Stage()
    cmm = stage.cmm()
    for number in range(200):
        cmm.decrypt_materials(decrypt_request(stage.materials(context={"request_id": str(number)})))

    assert warnings_of(stage) == []


def test_requests_that_hit_cause_no_warning() -> None:
    stage = Stage()
    cmm = stage.cmm()
    for number in range(400):
        cmm.get_encryption_materials(encrypt_request(1, {"tenant": str(number % 40)}))

    assert warnings_of(stage) == []


def test_decrypts_that_hit_do_not_hide_an_encrypt_that_never_does() -> None:
    stage = Stage()
    cmm = stage.cmm()
    warm = decrypt_request(stage.materials())
    for number in range(200):
        cmm.get_encryption_materials(encrypt_request(1, {"request_id": str(number)}))
        cmm.decrypt_materials(warm)

    assert [warning.context_key for warning in warnings_of(stage)] == ["request_id"]


def test_misses_for_other_reasons_cause_no_warning() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=1)
    for _ in range(200):
        cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))

    assert warnings_of(stage) == []


# Construction


def build(**settings: Any) -> CachingCMM:
    return CachingCMM(**{"cache": LocalCMC(1), "max_age": 60, "cmm": Below(), **settings})


# spec: framework/caching-cmm.md#initialization ee50
@pytest.mark.parametrize("missing", ["cache", "max_age"])
def test_cache_and_max_age_are_required(missing: str) -> None:
    settings: dict[str, Any] = {"cache": LocalCMC(1), "max_age": 60, "cmm": Below()}
    del settings[missing]
    with pytest.raises(TypeError, match=missing):
        CachingCMM(**settings)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[("max_age", value, "a finite number of seconds greater than 0") for value in (
            0, 0.0, -1, -0.5, float("nan"), float("inf"), "60", None, True,
        )],
        *[("max_messages_encrypted", value, "an int from 1 to 4294967296") for value in (
            0, -1, 2**32 + 1, 1.0, "1", None, True, float("inf"),
        )],
        *[("max_bytes_encrypted", value, "an int from 0 to 9223372036854775807") for value in (
            -1, 2**63, 1.0, "1", None, False,
        )],
        *[("max_age_jitter", value, "a number from 0 to below 1") for value in (-0.1, 1, 1.0, "0", None, True)],
        *[("wait_seconds", value, "a finite number of seconds") for value in (0, -1, float("inf"), None)],
        *[("partition_id", value, "a str that is not empty") for value in ("", 1, b"a", "a\0b")],
    ],
)  # fmt: skip
def test_a_setting_that_can_not_be_used_is_named_with_its_value_and_what_is_allowed(
    name: str, value: Any, allowed: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        build(**{name: value})

    assert str(error.value).startswith(f"{name} must be {allowed}")


# spec: framework/caching-cmm.md#initialization 3239
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("max_age", value) for value in (1, 0.001, 1e-9, 10**9, 1e300)],
        *[("max_messages_encrypted", value) for value in (1, 2**32)],
        *[("max_bytes_encrypted", value) for value in (0, 2**63 - 1)],
        *[("max_age_jitter", value) for value in (0, 0.0, 0.999)],
        ("partition_id", "x" * 10_000),
        ("partition_id", "ключ 🔑"),
    ],
)
def test_a_setting_at_its_bounds_works(name: str, value: Any) -> None:
    build(**{name: value}).get_encryption_materials(encrypt_request(0))


def test_an_age_that_no_clock_can_be_moved_by_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_age must be a finite number of seconds"):
        build(max_age=10**400)


def test_a_partition_that_utf8_can_not_encode_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="partition_id"):
        build(partition_id="\ud800")


def test_without_a_cache_the_error_says_what_to_give() -> None:
    with pytest.raises(ConfigurationError, match="cache is None"):
        build(cache=None)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"cache": 1000}, "cache must be something with get_cache_entry and put_cache_entry, not int"),
        (
            {"cmm": RawAesKeyring("a", "b", bytes(32))},
            "cmm must be something with get_.*, not RawAesKeyring",
        ),
        ({"cmm": None, "keyring": Below()}, "keyring must be something with on_encrypt and on_decrypt, not Below"),
        ({"clock": time.monotonic}, "clock must be something with now, not builtin_function_or_method"),
        ({"emit": []}, "emit must be callable, not list"),
        ({"emit": None}, "emit must be callable, not NoneType"),
    ],
    ids=str,
)
def test_what_was_put_in_the_wrong_place_is_refused_at_construction(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        build(**settings)


# spec: framework/caching-cmm.md#initialization 0ddd
@pytest.mark.parametrize("both", [True, False])
def test_it_takes_a_cmm_or_a_keyring_and_not_both_nor_neither(both: bool) -> None:
    keyring = RawAesKeyring("a", "b", bytes(32))
    with pytest.raises(ConfigurationError, match="give either cmm or keyring"):
        build(cmm=Below() if both else None, keyring=keyring if both else None)


# spec: framework/caching-cmm.md#initialization 2637
def test_built_from_a_keyring_it_works_as_over_a_default_cmm() -> None:
    cmm = build(cmm=None, keyring=RawAesKeyring("a", "b", bytes(32)))
    materials = cmm.get_encryption_materials(encrypt_request())

    assert cmm.decrypt_materials(decrypt_request(materials)).plaintext_data_key == materials.plaintext_data_key


# spec: framework/caching-cmm.md#limit-messages 411e
def test_the_default_limits_are_the_largest_allowed() -> None:
    stage = Stage()
    cmm = stage.cmm()
    cmm.get_encryption_materials(encrypt_request(0))
    for entry in stage.cache._entries.values():
        entry.messages = 2**32 - 1
    cmm.get_encryption_materials(encrypt_request(0))
    cmm.get_encryption_materials(encrypt_request(0))

    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 1, "miss:messages-spent": 1}


def test_its_repr_shows_no_secret() -> None:
    cmm = build(cmm=None, keyring=RawAesKeyring("namespace", "name", b"secretsecretsecretsecretsecret!!"))

    assert "secret" not in repr(cmm)
    assert "RawAesKeyring('namespace', 'name')" in repr(cmm)


def test_a_caching_cmm_over_a_caching_cmm_counts_in_both() -> None:
    stage = Stage()
    inner = stage.cmm()
    outer = CachingCMM(cache=LocalCMC(10, clock=stage.clock), max_age=60, cmm=inner, clock=stage.clock)
    for _ in range(3):
        outer.get_encryption_materials(encrypt_request())

    assert stage.below.calls == 1
    assert outcomes(outer.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 2}
    assert outcomes(inner.statistics(ENCRYPT)) == {"bypass:unknown-length": 1}, "it was told no length"


def test_contexts_are_shared_and_not_copied_on_the_way() -> None:
    stage = Stage()
    context = EncryptionContext.of({"tenant": "a"})
    materials = stage.cmm().get_encryption_materials(encrypt_request(1, context))

    assert materials.encryption_context is context
    assert UNSIGNED.signature is None


# Custom caches


def test_a_cache_of_ones_own_needs_the_three_verbs_only() -> None:
    stage = Stage()
    cmm = stage.cmm(cache=Dictionary(), max_messages_encrypted=2)
    keys = data_keys(cmm, *[encrypt_request()] * 3)
    stage.clock.tick(60)

    assert keys == [1, 1, 2]
    cmm.get_encryption_materials(encrypt_request())
    assert outcomes(cmm.statistics(ENCRYPT)) == {
        "miss:absent": 1,
        "hits": 1,
        "miss:messages-spent": 1,
        "miss:expired": 1,
    }
    with pytest.raises(ConfigurationError, match="Dictionary has no purge method"):
        cmm.purge()


class WithAnotherPurge(Dictionary):
    """Its author knew nothing of ours."""

    def purge(self) -> None:
        self.entries.clear()


@pytest.mark.parametrize("cache", [Dictionary, WithAnotherPurge])
def test_a_cache_that_can_not_purge_as_ours_does_not_stand_in_the_way_of_a_refusal(cache: type[Dictionary]) -> None:
    stage = Stage()
    cmm = stage.cmm(cache=cache())
    attempt = KeyAttempt(keyring="K", operation="Decrypt", key="k", reason="no", outcome=KmsOutcome.DENIED)

    def refuse(_: object) -> None:
        raise KeyUnavailable("no", [attempt])

    stage.below.during = refuse
    with pytest.raises(KeyUnavailable):
        cmm.get_encryption_materials(encrypt_request())


# --- misuse that looks like use


@pytest.mark.parametrize("partition_id", [None, "shared"])
def test_a_cmm_for_each_invocation_over_one_cache_is_called_what_it_is_once(partition_id: str | None) -> None:
    seen: list[object] = []
    told_after: list[int] = []
    cache = LocalCMC(10)
    for number in range(1, 101):
        keyring = RawAesKeyring("tests", "key", bytes(32))
        CachingCMM(cache=cache, keyring=keyring, max_age=60, partition_id=partition_id, emit=seen.append)
        told_after += [number] * (len(seen) - len(told_after))

    assert told_after == ([] if partition_id else [20])
    for warning in seen:
        assert isinstance(warning, events.SettingWarning)
        assert warning.setting == "partition_id"
        assert warning.problem.startswith("20 caching CMMs without one were made over one cache")
        assert "make one CMM, outside of the handler" in warning.problem


def test_a_cache_that_takes_no_attribute_is_none_the_worse() -> None:
    class Slotted:
        __slots__ = ()

        def get_cache_entry(self, _identifier: bytes, /) -> None:
            return None

        def put_cache_entry(self, _identifier: bytes, _entry: object, /) -> None:
            pass

    for _ in range(30):
        CachingCMM(cache=Slotted(), keyring=RawAesKeyring("tests", "key", bytes(32)), max_age=60)  # type: ignore[arg-type]
