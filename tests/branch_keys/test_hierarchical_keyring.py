"""The AWS KMS hierarchical keyring: which branch key it uses, and what it makes of encrypted data keys."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.branch_keys.key_store import CONTEXT, ID, KeyStore
from warmkey import (
    AlgorithmSuite,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionMaterials,
    InvalidRequest,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
)
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.branch_keys.wrapping import ciphertext_length
from warmkey.testing import SettableClock
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
OTHER = "tenant-b"
DATA_CONTEXT = {"tenant": ID, "ключ": "значение", "\U0001f511": "key", "\uffff": "last of the plane"}


@pytest.fixture
def key_store() -> FakeBranchKeyStore:
    store = FakeBranchKeyStore()
    store.add(ID)
    store.add(OTHER)
    return store


def keyring(key_store: Any, branch_key_id: str | None = ID, **arguments: Any) -> AwsKmsHierarchicalKeyring:
    if "branch_key_id_supplier" in arguments:
        branch_key_id = None
    return AwsKmsHierarchicalKeyring(key_store, branch_key_id=branch_key_id, **{"ttl_seconds": 60, **arguments})


def to_encrypt(suite: AlgorithmSuite = SUITE, context: Mapping[str, str] = DATA_CONTEXT) -> EncryptionMaterials:
    return EncryptionMaterials(algorithm_suite=suite, encryption_context=context)


def to_decrypt(suite: AlgorithmSuite = SUITE, context: Mapping[str, str] = DATA_CONTEXT) -> DecryptionMaterials:
    return DecryptionMaterials(algorithm_suite=suite, encryption_context=context)


# --- construction


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization ddaa 1da4
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 6939
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"branch_key_id": None}, "give either branch_key_id or branch_key_id_supplier, and neither is given"),
        (
            {"branch_key_id_supplier": dict.get, "branch_key_id": ID},
            "give either branch_key_id or branch_key_id_supplier, not both",
        ),
        ({"branch_key_id": ""}, "branch_key_id must be a str that is not empty and has no NUL"),
        ({"branch_key_id": "a\0b"}, "branch_key_id must be a str that is not empty and has no NUL"),
        ({"branch_key_id": 7}, "branch_key_id must be a str, not int"),
        ({"branch_key_id": "x" * 2049}, "branch_key_id must have 1 to 2048 bytes"),
        ({"branch_key_id": None, "branch_key_id_supplier": 7}, "branch_key_id_supplier"),
        ({"ttl_seconds": 0}, "ttl_seconds"),
        ({"ttl_seconds": -1}, "ttl_seconds"),
        ({"ttl_seconds": float("inf")}, "ttl_seconds"),
        ({"ttl_seconds": float("nan")}, "ttl_seconds"),
        ({"ttl_seconds": "60"}, "ttl_seconds"),
        ({"ttl_seconds": True}, "ttl_seconds"),
        ({"ttl_jitter": 1}, "ttl_jitter"),
        ({"ttl_jitter": -0.1}, "ttl_jitter"),
        ({"partition_id": ""}, "partition_id must be a str that is not empty and has no NUL"),
        ({"partition_id": "a\0"}, "partition_id must be a str that is not empty and has no NUL"),
        ({"partition_id": b"bytes"}, "partition_id must be a str, not bytes"),
        ({"cache": object()}, "cache"),
        ({"clock": object()}, "clock"),
        ({"emit": []}, "emit"),
    ],
)
def test_an_argument_that_cannot_be_used_is_an_error_at_once(
    key_store: FakeBranchKeyStore, arguments: dict[str, Any], problem: str
) -> None:
    given = {"branch_key_id": ID, "ttl_seconds": 60, **arguments}

    with pytest.raises(ConfigurationError, match=problem):
        AwsKmsHierarchicalKeyring(key_store, **given)

    assert key_store.requests == []


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 503d
@pytest.mark.parametrize("method", ["get_active_branch_key", "get_branch_key_version", "get_key_store_info"])
def test_a_key_store_has_three_methods(key_store: FakeBranchKeyStore, method: str) -> None:
    setattr(key_store, method, None)

    with pytest.raises(ConfigurationError, match=f"key_store .*{method}"):
        keyring(key_store)


def test_a_logical_name_with_nul_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="logical_key_store_name must be a str"):
        keyring(FakeBranchKeyStore("a\0b"))


def test_its_repr_names_the_branch_key(key_store: FakeBranchKeyStore) -> None:
    assert ID in repr(keyring(key_store))
    assert "supplier" in repr(keyring(key_store, branch_key_id_supplier=lambda _: ID))


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id 6b7b 674b
def test_its_partition_id_is_a_random_uuid_unless_given(key_store: FakeBranchKeyStore) -> None:
    made = [keyring(key_store).partition_id for _ in range(2)]

    assert {uuid.UUID(partition_id).version for partition_id in made} == {4}
    assert len(set(made)) == 2
    assert keyring(key_store, partition_id="mine").partition_id == "mine"


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id abe9 6b7b
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#partition-id-1 1f4b 5a89
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt b1c6
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt e0cd
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas 06eb
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 9daa
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 7551
@pytest.mark.parametrize("partition_id", [None, "eigene für é"])
def test_the_cache_is_asked_by_the_bytes_of_the_partition(
    key_store: FakeBranchKeyStore, partition_id: str | None
) -> None:
    """A UUID is its 16 bytes, and any other text its UTF-8."""
    cache = LocalCMC(10)
    ours = keyring(key_store, cache=cache, partition_id=partition_id)
    made = ours.on_encrypt(to_encrypt())
    ours.on_decrypt(to_decrypt(), made.encrypted_data_keys)
    version = str(uuid.UUID(bytes=made.encrypted_data_keys[0].ciphertext[28:44]))
    partition = partition_id.encode() if partition_id else uuid.UUID(ours.partition_id).bytes
    end = partition + b"\0" + key_store.get_key_store_info().logical_key_store_name.encode() + b"\0" + ID.encode()

    assert set(cache._entries) == {
        hashlib.sha384(b"\x02\0\x01\0" + end).digest(),
        hashlib.sha384(b"\x02\0\x02\0" + end + b"\0" + version.encode()).digest(),
    }


# --- encrypting


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 0b9d fbd2 bc4e 0e99 106f
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 6d9e b0e6
@pytest.mark.parametrize("suite", list(AlgorithmSuite), ids=lambda suite: suite.name)
def test_every_suite_there_and_back(key_store: FakeBranchKeyStore, suite: AlgorithmSuite) -> None:
    made = keyring(key_store).on_encrypt(to_encrypt(suite))
    opened = keyring(key_store).on_decrypt(to_decrypt(suite), made.encrypted_data_keys)

    [wrapped] = made.encrypted_data_keys
    assert (wrapped.key_provider_id, wrapped.key_provider_info) == ("aws-kms-hierarchy", ID.encode())
    assert len(wrapped.ciphertext) == ciphertext_length(suite.data_key_length)
    assert made.plaintext_data_key is not None
    assert len(made.plaintext_data_key) == suite.data_key_length
    assert opened.plaintext_data_key == made.plaintext_data_key


def test_whole_messages_of_every_suite(key_store: FakeBranchKeyStore) -> None:
    for policy in (
        CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
        CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
    ):
        client = Client(commitment_policy=policy)
        for suite in policy.encrypt_suites:
            message = client.encrypt(
                b"data", keyring=keyring(key_store), encryption_context=DATA_CONTEXT, algorithm_suite=suite
            ).ciphertext

            assert client.decrypt(message, keyring=keyring(key_store)).plaintext == b"data"


def test_no_two_data_keys_salts_or_ivs_are_alike(key_store: FakeBranchKeyStore) -> None:
    ours = keyring(key_store)
    made = [ours.on_encrypt(to_encrypt()) for _ in range(20)]

    ciphertexts = [materials.encrypted_data_keys[0].ciphertext for materials in made]
    assert len({materials.plaintext_data_key for materials in made}) == 20
    assert len({ciphertext[:16] for ciphertext in ciphertexts}) == 20
    assert len({ciphertext[16:28] for ciphertext in ciphertexts}) == 20
    assert len(key_store.requests) == 1


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 08a0
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 14ff
def test_salt_iv_and_data_key_come_from_the_operating_system(
    key_store: FakeBranchKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = keyring(key_store)
    ours.on_encrypt(to_encrypt())
    monkeypatch.setattr("os.urandom", lambda length: bytes(range(length)))

    made = ours.on_encrypt(to_encrypt())

    assert made.encrypted_data_keys[0].ciphertext[:28] == bytes(range(28))
    assert made.plaintext_data_key == bytes(range(28, 60))


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 3b38 fbd2
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 4444
def test_a_data_key_that_is_there_is_wrapped_and_kept(key_store: FakeBranchKeyStore) -> None:
    earlier = EncryptedDataKey(key_provider_id="a", key_provider_info=b"b", ciphertext=b"c")
    materials = EncryptionMaterials(
        algorithm_suite=SUITE,
        encryption_context=DATA_CONTEXT,
        plaintext_data_key=bytes(range(32)),
        encrypted_data_keys=[earlier],
        required_encryption_context_keys=frozenset({"tenant"}),
    )

    made = keyring(key_store).on_encrypt(materials)

    assert made.plaintext_data_key == bytes(range(32))
    assert made.encrypted_data_keys[0] is earlier
    assert made.required_encryption_context_keys == {"tenant"}
    opened = keyring(key_store).on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert opened.plaintext_data_key == bytes(range(32))


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt a936 2f9d
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 03f0
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 6e64
def test_materials_stay_as_they_were_when_there_is_no_branch_key(key_store: FakeBranchKeyStore) -> None:
    materials = to_encrypt()

    with pytest.raises(KeyUnavailable, match=r"branch key 'unknown'.*it is not there"):
        keyring(key_store, "unknown").on_encrypt(materials)

    assert materials == to_encrypt()


def test_after_a_rotation_and_the_ttl_the_new_version_encrypts(key_store: FakeBranchKeyStore) -> None:
    clock = SettableClock()
    ours = keyring(key_store, clock=clock)
    old = ours.on_encrypt(to_encrypt())
    version = uuid.UUID(key_store.add(ID)).bytes

    clock.tick(59)
    before = ours.on_encrypt(to_encrypt())
    clock.tick(1)
    after = ours.on_encrypt(to_encrypt())

    versions = [made.encrypted_data_keys[0].ciphertext[28:44] for made in (old, before, after)]
    assert versions[0] == versions[1] != versions[2] == version
    for made in (old, before, after):
        opened = ours.on_decrypt(to_decrypt(), made.encrypted_data_keys)
        assert opened.plaintext_data_key == made.plaintext_data_key


# --- decrypting


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a74a
def test_materials_with_a_data_key_are_refused(key_store: FakeBranchKeyStore) -> None:
    made = keyring(key_store).on_encrypt(to_encrypt())
    full = replace(to_decrypt(), plaintext_data_key=bytes(32))

    with pytest.raises(InvalidRequest, match="already have a plaintext data key"):
        keyring(key_store).on_decrypt(full, made.encrypted_data_keys)


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a3ad 911a c679 9810 dbcb 9e2b a6d0 4b5f
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 694b
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping 52df
def test_what_cannot_be_used_is_passed_over_and_collected(key_store: FakeBranchKeyStore) -> None:
    [good] = keyring(key_store).on_encrypt(to_encrypt()).encrypted_data_keys
    wrong = {
        "another provider": replace(good, key_provider_id="aws-kms"),
        "another id": keyring(key_store, OTHER).on_encrypt(to_encrypt()).encrypted_data_keys[0],
        "not UTF-8": replace(good, key_provider_info=b"\xff\xfe"),
        "too short": replace(good, ciphertext=good.ciphertext[:-1]),
        "too long": replace(good, ciphertext=good.ciphertext + b"\0"),
        "empty": replace(good, ciphertext=b""),
        "unknown version": replace(good, ciphertext=good.ciphertext[:28] + bytes(16) + good.ciphertext[44:]),
        "broken tag": replace(good, ciphertext=good.ciphertext[:-1] + bytes([good.ciphertext[-1] ^ 1])),
    }

    opened = keyring(key_store).on_decrypt(to_decrypt(), [*wrong.values(), good])
    with pytest.raises(KeyUnavailable) as caught:
        keyring(key_store).on_decrypt(to_decrypt(), list(wrong.values()))

    assert opened.plaintext_data_key is not None
    reasons = [attempt.reason for attempt in caught.value.attempts]
    assert reasons[:3] == [f"a wrapped data key must have 92 bytes here, not {length}" for length in (91, 93, 0)]
    assert reasons[3] == "it is not there"
    assert "does not authenticate under version" in reasons[4]
    assert len(reasons) == 5


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a3ad 9810
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 1f6d
def test_none_of_ours_names_those_that_are_there(key_store: FakeBranchKeyStore) -> None:
    [theirs] = keyring(key_store, OTHER).on_encrypt(to_encrypt()).encrypted_data_keys

    with pytest.raises(KeyUnavailable, match="'aws-kms-hierarchy' 'tenant-b'") as caught:
        keyring(key_store).on_decrypt(to_decrypt(), [theirs])

    assert caught.value.attempts == ()


def test_a_length_that_does_not_fit_asks_nobody(key_store: FakeBranchKeyStore) -> None:
    [good] = keyring(key_store).on_encrypt(to_encrypt()).encrypted_data_keys
    key_store.requests.clear()

    with pytest.raises(KeyUnavailable, match="must have 76 bytes here, not 92"):
        keyring(key_store).on_decrypt(to_decrypt(AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256), [good])

    assert key_store.requests == []


def test_another_context_does_not_decrypt(key_store: FakeBranchKeyStore) -> None:
    made = keyring(key_store).on_encrypt(to_encrypt())

    with pytest.raises(KeyUnavailable, match="does not authenticate") as caught:
        keyring(key_store).on_decrypt(to_decrypt(context={"tenant": "b"}), made.encrypted_data_keys)

    assert "значение" not in str(caught.value)


def test_required_keys_are_bound_though_the_header_lacks_them(key_store: FakeBranchKeyStore) -> None:
    materials = EncryptionMaterials(
        algorithm_suite=SUITE, encryption_context=DATA_CONTEXT, required_encryption_context_keys=frozenset({"tenant"})
    )
    made = keyring(key_store).on_encrypt(materials)
    required = DecryptionMaterials(
        algorithm_suite=SUITE, encryption_context=DATA_CONTEXT, required_encryption_context_keys=frozenset({"tenant"})
    )

    opened = keyring(key_store).on_decrypt(required, made.encrypted_data_keys)

    assert opened.plaintext_data_key == made.plaintext_data_key
    assert opened.required_encryption_context_keys == {"tenant"}


def test_beside_another_keyring_each_opens_what_the_other_wrapped(key_store: FakeBranchKeyStore) -> None:
    first, second = keyring(key_store), keyring(key_store, OTHER)
    client = Client()
    message = client.encrypt(b"data", keyring=MultiKeyring(first, [second])).ciphertext

    for alone in (first, second, MultiKeyring(children=[second, first])):
        assert client.decrypt(message, keyring=alone).plaintext == b"data"


# --- the supplier


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-supplier 8630
def test_the_supplier_picks_by_the_encryption_context(key_store: FakeBranchKeyStore) -> None:
    ours = keyring(key_store, branch_key_id_supplier=lambda context: context["tenant"])

    for tenant in (ID, OTHER):
        context = {"tenant": tenant}
        made = ours.on_encrypt(to_encrypt(context=context))
        opened = ours.on_decrypt(to_decrypt(context=context), made.encrypted_data_keys)

        assert made.encrypted_data_keys[0].key_provider_info == tenant.encode()
        assert opened.plaintext_data_key == made.plaintext_data_key


def _raise(_context: Any) -> str:
    raise RuntimeError("the value of a context")


@pytest.mark.parametrize(
    ("supplier", "reason"),
    [
        (lambda context: context["no such key"], "branch_key_id_supplier raised KeyError"),
        (_raise, "branch_key_id_supplier raised RuntimeError"),
        (lambda _: None, "branch_key_id must be a str, not NoneType"),
        (lambda _: "", "branch_key_id must be a str that is not empty and has no NUL"),
        (lambda _: "a\0b", "branch_key_id must be a str that is not empty and has no NUL"),
        (lambda _: b"bytes", "branch_key_id must be a str, not bytes"),
        (lambda _: "x" * 2049, "branch_key_id must have 1 to 2048 bytes"),
        (lambda _: "unknown", "it is not there"),
    ],
    ids=["absent", "raises", "nothing", "empty", "NUL", "bytes", "too long", "unknown"],
)
def test_a_supplier_that_does_not_supply(key_store: FakeBranchKeyStore, supplier: Any, reason: str) -> None:
    ours = keyring(key_store, branch_key_id_supplier=supplier)
    made = keyring(key_store).on_encrypt(to_encrypt())

    for use in (
        lambda: ours.on_encrypt(to_encrypt()),
        lambda: ours.on_decrypt(to_decrypt(), made.encrypted_data_keys) if reason != "it is not there" else _unknown(),
    ):
        with pytest.raises(KeyUnavailable, match=reason) as caught:
            use()
        assert "the value of a context" not in str(caught.value)


def _unknown() -> None:
    raise KeyUnavailable("it is not there")


def test_a_message_without_branch_keys_does_not_trouble_the_supplier(key_store: FakeBranchKeyStore) -> None:
    """A message from before the switch may lack what the supplier looks for."""
    ours = keyring(key_store, branch_key_id_supplier=_raise)
    older = EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=b"arn", ciphertext=b"c")

    with pytest.raises(KeyUnavailable, match="none of the configured keys is among the message's"):
        ours.on_decrypt(to_decrypt(), [older])


# --- over a real key store


def test_over_a_key_store_one_request_each_serves_both_directions() -> None:
    keys = KeyStore()
    keys.create()
    keys.clear()
    ours = keyring(keys.store, emit=keys.facts)
    client = Client()

    messages = [client.encrypt(b"data", keyring=ours, encryption_context=CONTEXT).ciphertext for _ in range(5)]

    assert [client.decrypt(message, keyring=ours).plaintext for message in messages] == [b"data"] * 5
    assert keys.requests() == {"GetItem": 1, "Decrypt": 1}


def test_it_may_share_its_cache_with_a_caching_cmm() -> None:
    from warmkey import CachingCMM  # noqa: PLC0415

    keys = KeyStore()
    keys.create()
    keys.clear()
    cache = LocalCMC(10)
    cmm = CachingCMM(cache=cache, keyring=keyring(keys.store, cache=cache), max_age=60)
    client = Client()

    messages = [client.encrypt(b"data", cmm=cmm).ciphertext for _ in range(5)]

    assert [client.decrypt(message, cmm=cmm).plaintext for message in messages] == [b"data"] * 5
    assert keys.requests() == {"GetItem": 1, "Decrypt": 1}
    assert len(cache) == 4  # a data key to encrypt and one to decrypt, a branch key and its version
