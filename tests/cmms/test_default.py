"""The default CMM: asks its keyring each time, signs where the suite signs, and takes nothing on trust."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from tests.cmms.stage import (
    FORBID,
    LENIENT,
    SIGNED,
    STRICT,
    UNSIGNED,
    WITHOUT_COMMITMENT,
    as_id,
    decrypt_request,
    encrypt_request,
)
from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    CommitmentPolicy,
    ConfigurationError,
    DefaultCMM,
    EncryptedDataKey,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    MalformedMessage,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.events import KmsOutcome
from warmkey.keyrings import RawAesKeyring
from warmkey.structures import PUBLIC_KEY_FIELD
from warmkey.testing import FakeKms

KEYRING = RawAesKeyring("namespace", "name", bytes(32))
CMM = DefaultCMM(KEYRING)


class Altering:
    """A keyring whose answers were altered."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self.asked: list[str] = []

    def on_encrypt(self, materials: Any, /) -> Any:
        self.asked.append("on_encrypt")
        return replace(KEYRING.on_encrypt(materials), **self._changes)

    def on_decrypt(self, materials: Any, keys: Any, /) -> Any:
        self.asked.append("on_decrypt")
        return replace(KEYRING.on_decrypt(materials, keys), **self._changes)


# spec: framework/default-cmm.md#initialization 615f
def test_a_keyring_is_needed() -> None:
    with pytest.raises(TypeError, match="keyring"):
        DefaultCMM()  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="keyring must be something with on_encrypt and on_decrypt"):
        DefaultCMM(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("keyring", [None, "alias/mine", object()], ids=["None", "a name", "an object"])
def test_a_keyring_for_one_message_is_looked_at_too(keyring: Any) -> None:
    with pytest.raises(ConfigurationError, match="keyring must be something with on_encrypt and on_decrypt"):
        DefaultCMM.of(keyring)


def test_one_for_one_message_asks_its_keyring() -> None:
    keyring = Altering()
    materials = DefaultCMM.of(keyring).get_encryption_materials(encrypt_request())
    DefaultCMM.of(keyring).decrypt_materials(decrypt_request(materials))

    assert keyring.asked == ["on_encrypt", "on_decrypt"]


# Get encryption materials


# spec: framework/default-cmm.md#get-encryption-materials 38fb
@pytest.mark.parametrize("policy", CommitmentPolicy)
def test_without_a_suite_the_policys_default_is_used(policy: CommitmentPolicy) -> None:
    materials = CMM.get_encryption_materials(encrypt_request(suite=None, policy=policy))

    assert materials.algorithm_suite is policy.default_suite


# spec: framework/default-cmm.md#get-encryption-materials 8fe4 7015
# spec: framework/cmm-interface.md#get-encryption-materials d791 e610
@pytest.mark.parametrize("suite", AlgorithmSuite)
@pytest.mark.parametrize("policy", CommitmentPolicy)
def test_a_suite_that_was_asked_for_is_used_or_refused_and_nothing_else(
    policy: CommitmentPolicy, suite: AlgorithmSuite
) -> None:
    request = encrypt_request(suite=suite, policy=policy)
    if suite.commits is (policy is not FORBID):
        assert CMM.get_encryption_materials(request).algorithm_suite is suite
    else:
        keyring = Altering()
        with pytest.raises(PolicyRefused, match=suite.name):
            DefaultCMM(keyring).get_encryption_materials(request)
        assert keyring.asked == [], "before a key service is asked"


# spec: framework/default-cmm.md#get-encryption-materials a3e1 29e6 b37b
# spec: framework/cmm-interface.md#get-encryption-materials ab6d a8bd 2773 cde1
# spec: framework/structures.md#encryption-context-1 d73f e997
@pytest.mark.parametrize("suite", [suite for suite in AlgorithmSuite if suite.signature is not None])
def test_a_suite_that_signs_gets_a_new_key_pair_each_time_and_its_public_half_in_the_context(
    suite: AlgorithmSuite,
) -> None:
    policy = STRICT if suite.commits else FORBID
    request = encrypt_request(1, {"tenant": "a"}, suite=suite, policy=policy)
    one, two = (CMM.get_encryption_materials(request) for _ in range(2))
    public_keys = [base64.b64decode(materials.encryption_context[PUBLIC_KEY_FIELD]) for materials in (one, two)]

    assert [one.signing_key.verification_key, two.signing_key.verification_key] == public_keys  # type: ignore[union-attr]
    assert public_keys[0] != public_keys[1]
    assert one.encryption_context["tenant"] == "a"
    assert dict(request.encryption_context) == {"tenant": "a"}, "the caller's context is not touched"


# spec: framework/cmm-interface.md#get-encryption-materials 0a09
def test_a_suite_that_does_not_sign_gets_neither() -> None:
    materials = CMM.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))

    assert materials.signing_key is None
    assert dict(materials.encryption_context) == {"tenant": "a"}


# spec: framework/default-cmm.md#get-encryption-materials d02a
@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
def test_a_context_that_has_the_reserved_key_is_refused(suite: AlgorithmSuite) -> None:
    with pytest.raises(InvalidRequest, match=PUBLIC_KEY_FIELD):
        CMM.get_encryption_materials(encrypt_request(1, {PUBLIC_KEY_FIELD: "mine"}, suite=suite))


# spec: framework/default-cmm.md#get-encryption-materials 161e
# spec: framework/cmm-interface.md#overview 1c7f
# spec: framework/cmm-interface.md#behaviors 4c4d
# spec: framework/default-cmm.md#decrypt-materials 2f3e
# spec: framework/structures.md#plaintext-data-key 2358
def test_every_call_asks_the_keyring_and_every_data_key_is_new() -> None:
    keyring = Altering()
    cmm = DefaultCMM(keyring)
    materials = [cmm.get_encryption_materials(encrypt_request()) for _ in range(3)]
    for one in materials:
        cmm.decrypt_materials(decrypt_request(one))

    assert keyring.asked == ["on_encrypt"] * 3 + ["on_decrypt"] * 3
    assert len({one.plaintext_data_key for one in materials}) == 3


# spec: framework/default-cmm.md#get-encryption-materials 363c f7ee
# spec: framework/default-cmm.md#decrypt-materials 3cb0
def test_the_keyrings_data_key_and_encrypted_data_keys_are_returned() -> None:
    data_key = b"the keyring's data key, 32 bytes"
    keys = (EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c"),)
    request = decrypt_request(CMM.get_encryption_materials(encrypt_request()))

    altering = Altering(plaintext_data_key=data_key, encrypted_data_keys=keys)
    made = DefaultCMM(altering).get_encryption_materials(encrypt_request())
    decrypted = DefaultCMM(Altering(plaintext_data_key=data_key)).decrypt_materials(request)

    assert (made.plaintext_data_key, made.encrypted_data_keys) == (data_key, keys)
    assert decrypted.plaintext_data_key == data_key


# spec: framework/cmm-interface.md#get-encryption-materials b062 6e14 5bab 7fbd 2a39 9680
@pytest.mark.parametrize(
    "changes",
    [
        {"plaintext_data_key": None},
        {"plaintext_data_key": bytes(31)},
        {"plaintext_data_key": b""},
        {"encrypted_data_keys": ()},
        {"encryption_context": {}},
        {"encryption_context": {"tenant": "b"}},
        {"required_encryption_context_keys": frozenset()},
        {"required_encryption_context_keys": frozenset({"tenant", "missing"})},
        {"algorithm_suite": SIGNED},
        {"algorithm_suite": WITHOUT_COMMITMENT},
    ],
    ids=as_id,
)
def test_what_a_keyring_returns_must_fit_the_request(changes: dict[str, Any]) -> None:
    request = encrypt_request(1, {"tenant": "a"}, required=["tenant"])
    with pytest.raises(WarmkeyError):
        DefaultCMM(Altering(**changes)).get_encryption_materials(request)


# Decrypt materials


# spec: framework/default-cmm.md#decrypt-materials 83a1 2de4 3cb0
# spec: framework/cmm-interface.md#decrypt-materials edf7 eb7e d58f
@pytest.mark.parametrize("suite", AlgorithmSuite)
@pytest.mark.parametrize("policy", CommitmentPolicy)
def test_a_message_is_decrypted_with_its_suite_where_the_policy_allows(
    policy: CommitmentPolicy, suite: AlgorithmSuite
) -> None:
    materials = CMM.get_encryption_materials(encrypt_request(suite=suite, policy=STRICT if suite.commits else FORBID))
    keyring = Altering()
    request = decrypt_request(materials, policy=policy)
    if suite.commits or policy is not STRICT:
        decrypted = DefaultCMM(keyring).decrypt_materials(request)
        assert decrypted.plaintext_data_key == materials.plaintext_data_key
        assert decrypted.algorithm_suite is suite
        assert (decrypted.verification_key is None) == (suite.signature is None)
    else:
        with pytest.raises(PolicyRefused, match=suite.name):
            DefaultCMM(keyring).decrypt_materials(request)
        assert keyring.asked == [], "before a key service is asked"


# spec: framework/default-cmm.md#decrypt-materials ec4f
# spec: framework/cmm-interface.md#decrypt-materials a243
def test_a_signed_suite_without_a_public_key_fails() -> None:
    materials = CMM.get_encryption_materials(encrypt_request(suite=SIGNED))
    with pytest.raises(MalformedMessage, match="missing"):
        CMM.decrypt_materials(decrypt_request(materials, stored={}))


# spec: framework/default-cmm.md#decrypt-materials 6f56
# spec: framework/cmm-interface.md#decrypt-materials adb0
def test_an_unsigned_suite_with_a_public_key_fails() -> None:
    materials = CMM.get_encryption_materials(encrypt_request())
    with pytest.raises(MalformedMessage, match="although the suite has no signature"):
        CMM.decrypt_materials(decrypt_request(materials, stored={PUBLIC_KEY_FIELD: "x"}))


@pytest.mark.parametrize("value", ["", "x", "not base64!", "AAAA", base64.b64encode(bytes(49)).decode(), "é"])
def test_a_public_key_that_is_none_fails_as_malformed(value: str) -> None:
    materials = CMM.get_encryption_materials(encrypt_request(suite=SIGNED))
    with pytest.raises(MalformedMessage):
        CMM.decrypt_materials(decrypt_request(materials, stored={PUBLIC_KEY_FIELD: value}))


def test_a_public_key_that_the_caller_reproduces_does_not_stand_in_for_the_messages() -> None:
    materials = CMM.get_encryption_materials(encrypt_request(suite=SIGNED))
    reproduced = {PUBLIC_KEY_FIELD: materials.encryption_context[PUBLIC_KEY_FIELD]}
    with pytest.raises(MalformedMessage):
        CMM.decrypt_materials(decrypt_request(materials, reproduced, stored={}))


# spec: framework/cmm-interface.md#decrypt-materials 24bc db9f
def test_a_key_in_both_contexts_must_have_one_value() -> None:
    materials = CMM.get_encryption_materials(encrypt_request(1, {"tenant": "value of a"}))
    keyring = Altering()
    with pytest.raises(PolicyRefused, match="'tenant'") as caught:
        DefaultCMM(keyring).decrypt_materials(decrypt_request(materials, {"tenant": "value of b"}))

    assert "value of" not in str(caught.value)
    assert keyring.asked == []


# spec: framework/cmm-interface.md#decrypt-materials 18b5 0d7b 64a9
def test_a_pair_that_is_not_stored_joins_the_context_and_is_required() -> None:
    materials = CMM.get_encryption_materials(encrypt_request(1, {"tenant": "a", "kind": "x"}, required=["tenant"]))
    decrypted = CMM.decrypt_materials(decrypt_request(materials, {"tenant": "a", "kind": "x"}, stored={"kind": "x"}))

    assert dict(decrypted.encryption_context) == {"tenant": "a", "kind": "x"}
    assert decrypted.required_encryption_context_keys == {"tenant"}


@pytest.mark.parametrize("reproduced", [None, {}, {"tenant": "a"}])
def test_pairs_that_are_stored_already_change_nothing(reproduced: dict[str, str] | None) -> None:
    materials = CMM.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))
    decrypted = CMM.decrypt_materials(decrypt_request(materials, reproduced))

    assert dict(decrypted.encryption_context) == {"tenant": "a"}
    assert decrypted.required_encryption_context_keys == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"plaintext_data_key": None},
        {"plaintext_data_key": bytes(33)},
        {"algorithm_suite": SIGNED},
        {"algorithm_suite": WITHOUT_COMMITMENT},
        {"encryption_context": {"tenant": "a", "kind": "y"}},
        {"encryption_context": {"kind": "x"}, "required_encryption_context_keys": frozenset()},
        {"required_encryption_context_keys": frozenset()},
        {"required_encryption_context_keys": frozenset({"tenant", "missing"})},
    ],
    ids=as_id,
)
def test_what_a_keyring_decrypts_must_fit_the_message(changes: dict[str, Any]) -> None:
    materials = CMM.get_encryption_materials(encrypt_request(1, {"tenant": "a", "kind": "x"}, required=["tenant"]))
    request = decrypt_request(materials, {"tenant": "a"}, stored={"kind": "x"}, policy=LENIENT)
    with pytest.raises(WarmkeyError):
        DefaultCMM(Altering(**changes)).decrypt_materials(request)


def test_a_keyring_at_fault_is_not_the_callers_fault() -> None:
    with pytest.raises(ConfigurationError, match="keyring gave no"):
        DefaultCMM(Altering(plaintext_data_key=None)).get_encryption_materials(encrypt_request())


def test_its_repr_names_its_keyring() -> None:
    assert repr(CMM) == "DefaultCMM(RawAesKeyring('namespace', 'name'))"


# What the caller supplied and the message does not store


def failure(keyring: Any, *, supplied: dict[str, str]) -> KeyUnavailable:
    materials = DefaultCMM(keyring).get_encryption_materials(encrypt_request(context={"tenant": "a"}))
    request = decrypt_request(materials, reproduced=supplied)
    with pytest.raises(KeyUnavailable) as caught:
        DefaultCMM(keyring).decrypt_materials(request)
    return caught.value


def kms_keyring(kms: FakeKms) -> AwsKmsKeyring:
    return AwsKmsKeyring(kms.create_key(), kms_client=kms)


@pytest.mark.parametrize("keyring", [KEYRING, kms_keyring(FakeKms())], ids=["raw", "AWS KMS"])
def test_a_supplied_context_key_that_the_message_does_not_store_is_named(keyring: Any) -> None:
    text = str(failure(keyring, supplied={"tenant": "a", "order": "a value", "customer": "another"}))

    assert "the message does not store the encryption context key 'customer', 'order', which you supplied" in text
    assert "a value" not in text


@pytest.mark.parametrize("fault", ["denied", "disabled", "throttled", "timeout"])
def test_where_kms_gives_another_reason_that_one_stands_alone(fault: str) -> None:
    kms = FakeKms()
    keyring = kms_keyring(kms)
    kms.fail("Decrypt", error=fault)

    assert "does not store" not in str(failure(keyring, supplied={"order": "1"}))


def test_with_the_stored_keys_alone_nothing_is_named() -> None:
    kms = FakeKms()
    keyring = kms_keyring(kms)
    kms.fail("Decrypt", error="invalid-ciphertext")

    assert "does not store" not in str(failure(keyring, supplied={"tenant": "a"}))


class Failing:
    """A keyring that encrypts, and fails to decrypt with *error*."""

    def __init__(self, error: KeyUnavailable) -> None:
        self._error = error

    def on_encrypt(self, materials: Any, /) -> Any:
        return KEYRING.on_encrypt(materials)

    def on_decrypt(self, _materials: Any, _keys: Any, /) -> Any:
        raise self._error


def attempt(outcome: KmsOutcome | None) -> KeyAttempt:
    return KeyAttempt(keyring="K", operation="Decrypt", key="k", reason="no", outcome=outcome)


CLEAR = [outcome for outcome in KmsOutcome if outcome is not KmsOutcome.OTHER]


@pytest.mark.parametrize("unclear", [None, KmsOutcome.OTHER])
@pytest.mark.parametrize("others", [[], [KmsOutcome.DENIED], CLEAR], ids=["alone", "beside one", "beside all"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_one_key_that_fails_for_an_unclear_reason_is_enough_for_the_supplied_keys_to_be_named(
    unclear: KmsOutcome | None, others: list[KmsOutcome], first: bool
) -> None:
    attempts = [attempt(outcome) for outcome in ([unclear, *others] if first else [*others, unclear])]

    assert "does not store" in str(failure(Failing(KeyUnavailable("no", attempts)), supplied={"order": "1"}))


@pytest.mark.parametrize("outcomes", [[], CLEAR, *([outcome] for outcome in CLEAR)], ids=str)
def test_without_an_unclear_reason_nothing_is_named(outcomes: list[KmsOutcome]) -> None:
    error = KeyUnavailable("no", list(map(attempt, outcomes)))

    assert "does not store" not in str(failure(Failing(error), supplied={"order": "1"}))


def test_what_an_error_of_the_users_own_holds_besides_its_text_stays() -> None:
    error = KeyUnavailable("no", [attempt(None)])
    error.args = ("no", "vault", 7)
    caught = failure(Failing(error), supplied={"order": "1"})

    assert caught is error
    assert caught.args[0].startswith("no; the message does not store the encryption context key 'order'")
    assert caught.args[1:] == ("vault", 7)


@pytest.mark.parametrize("args", [(), ("no",)], ids=["without a text", "with a text"])
def test_an_error_without_a_text_is_left_alone(args: tuple[str, ...]) -> None:
    error = KeyUnavailable("no", [attempt(None)])
    error.args = args
    failure(Failing(error), supplied={"order": "1"})

    assert (error.args == ()) == (args == ())


@pytest.mark.parametrize(("supplied", "told"), [(9, ""), (10, ""), (11, " and 1 more"), (25, " and 15 more")])
def test_ten_supplied_keys_are_named_and_the_others_are_counted(supplied: int, told: str) -> None:
    names = [f"key-{number:02}" for number in range(supplied)]
    text = str(failure(KEYRING, supplied=dict.fromkeys(names, "x")))

    named = ", ".join(f"'{name}'" for name in names[:10])
    assert f"the encryption context key {named}{told}, which you supplied" in text
