"""Whatever CMM made materials, they are held against the request they answer."""

from __future__ import annotations

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
    Below,
    as_id,
    decrypt_request,
    encrypt_request,
)
from warmkey import AlgorithmSuite, CommitmentPolicy, ConfigurationError, EncryptionContext, PolicyRefused, WarmkeyError
from warmkey.cmms.interface import (
    check_decryption_materials,
    check_encryption_materials,
    check_may_decrypt,
    check_may_encrypt,
    check_reproduced_context,
)

CONTEXT = {"tenant": "a", "kind": "x"}


# spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt 8a07 158b
# spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt f6c9 158b
# spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt f6c9 57fa
@pytest.mark.parametrize("suite", AlgorithmSuite)
def test_which_policy_allows_what(suite: AlgorithmSuite) -> None:
    def allowed(check: Any, policy: CommitmentPolicy) -> bool:
        try:
            check(suite, policy)
        except PolicyRefused:
            return False
        return True

    assert [allowed(check_may_encrypt, policy) for policy in (FORBID, LENIENT, STRICT)] == [
        not suite.commits,
        suite.commits,
        suite.commits,
    ]
    assert [allowed(check_may_decrypt, policy) for policy in (FORBID, LENIENT, STRICT)] == [True, True, suite.commits]


def test_a_refused_decrypt_says_what_to_use() -> None:
    with pytest.raises(PolicyRefused, match="REQUIRE_ENCRYPT_ALLOW_DECRYPT"):
        check_may_decrypt(WITHOUT_COMMITMENT, STRICT)


# spec: framework/cmm-interface.md#decrypt-materials db9f
@pytest.mark.parametrize(
    ("reproduced", "fits"),
    [
        ({}, True),
        (CONTEXT, True),
        ({"tenant": "a"}, True),
        ({"more": "1"}, True),
        ({"tenant": "b"}, False),
        ({"tenant": "A"}, False),
        ({"tenant": ""}, False),
        ({"kind": "x", "tenant": "b"}, False),
    ],
    ids=as_id,
)
def test_a_reproduced_pair_must_have_the_stored_value(reproduced: dict[str, str], fits: object) -> None:
    if fits:
        check_reproduced_context(CONTEXT, reproduced)
    else:
        with pytest.raises(PolicyRefused):
            check_reproduced_context(CONTEXT, reproduced)


# spec: framework/cmm-interface.md#get-encryption-materials 1128
@pytest.mark.parametrize("suite", [SIGNED, UNSIGNED])
def test_whole_encryption_materials_pass(suite: AlgorithmSuite) -> None:
    request = encrypt_request(1, CONTEXT, suite=suite, required=["tenant"])
    materials = Below().get_encryption_materials(request)
    check_encryption_materials(materials, request)
    context = {**materials.encryption_context, "added": "by the CMM"}
    more = replace(materials, encryption_context=context, required_encryption_context_keys={"tenant", "added"})
    check_encryption_materials(more, request)


# spec: framework/cmm-interface.md#get-encryption-materials b062 2c09 6e14 5bab 7fbd 1f12 2a39 9680
# spec: framework/structures.md#overview 49a4
# spec: framework/structures.md#encrypted-data-keys 27ea
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"plaintext_data_key": None}, ConfigurationError),
        ({"plaintext_data_key": bytes(16)}, ConfigurationError),
        ({"encrypted_data_keys": ()}, ConfigurationError),
        ({"signing_key": None}, ConfigurationError),
        ({"encryption_context": {"tenant": "a"}}, ConfigurationError),
        ({"encryption_context": {"tenant": "b", "kind": "x"}}, ConfigurationError),
        ({"required_encryption_context_keys": frozenset()}, ConfigurationError),
        ({"required_encryption_context_keys": {"kind"}}, ConfigurationError),
        ({"required_encryption_context_keys": {"tenant", "missing"}}, ConfigurationError),
        ({"algorithm_suite": WITHOUT_COMMITMENT}, PolicyRefused),
        ({"algorithm_suite": UNSIGNED}, ConfigurationError),
    ],
    ids=as_id,
)
def test_encryption_materials_that_do_not_fit_are_refused(changes: dict[str, Any], error: type[WarmkeyError]) -> None:
    request = encrypt_request(1, CONTEXT, suite=SIGNED, required=["tenant"])
    materials = replace(Below().get_encryption_materials(request), **changes)
    with pytest.raises(error):
        check_encryption_materials(materials, request)


# spec: framework/cmm-interface.md#decrypt-materials 3cd3
def test_whole_decryption_materials_pass() -> None:
    materials = Below().get_encryption_materials(encrypt_request(1, CONTEXT, suite=SIGNED))
    request = decrypt_request(materials, {"tenant": "a"})

    check_decryption_materials(Below().decrypt_materials(request), request)


# spec: framework/cmm-interface.md#decrypt-materials d58f 7358 2a15 6e14 64a9
# spec: framework/structures.md#overview 49a4
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"plaintext_data_key": None}, ConfigurationError),
        ({"plaintext_data_key": bytes(16)}, ConfigurationError),
        ({"verification_key": None}, ConfigurationError),
        ({"algorithm_suite": UNSIGNED}, ConfigurationError),
        ({"encryption_context": {"tenant": "b", "kind": "x"}}, PolicyRefused),
        ({"encryption_context": {"kind": "x"}}, PolicyRefused),
        ({"required_encryption_context_keys": {"missing"}}, ConfigurationError),
    ],
    ids=as_id,
)
def test_decryption_materials_that_do_not_fit_are_refused(changes: dict[str, Any], error: type[WarmkeyError]) -> None:
    materials = Below().get_encryption_materials(encrypt_request(1, CONTEXT, suite=SIGNED))
    request = decrypt_request(materials, {"tenant": "a"})
    answer = replace(Below().decrypt_materials(request), **changes)
    with pytest.raises(error):
        check_decryption_materials(answer, request)


def test_a_supplied_pair_that_is_not_stored_must_come_back_authenticated() -> None:
    materials = Below().get_encryption_materials(encrypt_request(1, CONTEXT, required=["tenant"]))
    request = decrypt_request(materials, {"tenant": "a"}, stored={"kind": "x"})
    answer = Below().decrypt_materials(request)
    check_decryption_materials(answer, request)
    with pytest.raises(PolicyRefused, match="did not authenticate 'tenant'"):
        check_decryption_materials(
            replace(answer, encryption_context={"kind": "x"}, required_encryption_context_keys=frozenset()), request
        )
    with pytest.raises(ConfigurationError, match="left 'tenant' out"):
        check_decryption_materials(replace(answer, required_encryption_context_keys=frozenset()), request)


@pytest.mark.parametrize("materials", [None, object()], ids=["None", "object"])
def test_what_is_no_materials_is_called_that(materials: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"the CMM gave {type(materials).__name__} for materials"):
        check_encryption_materials(materials, encrypt_request(1))
    with pytest.raises(ConfigurationError, match=f"the CMM gave {type(materials).__name__} for materials"):
        check_decryption_materials(materials, decrypt_request(Below().get_encryption_materials(encrypt_request(1))))


@pytest.mark.parametrize("reproduced", [{}, CONTEXT], ids=as_id)
def test_a_cmm_that_answers_with_another_value_than_is_stored_is_refused(reproduced: dict[str, str]) -> None:
    materials = Below().get_encryption_materials(encrypt_request(1, CONTEXT))
    request = decrypt_request(materials, reproduced)
    answer = Below().decrypt_materials(request)
    with pytest.raises(PolicyRefused, match="another value for 'tenant'"):
        check_decryption_materials(replace(answer, encryption_context={**CONTEXT, "tenant": "b"}), request)


def test_a_value_that_the_caller_does_not_expect_is_refused_though_the_cmm_answers_with_what_is_stored() -> None:
    materials = Below().get_encryption_materials(encrypt_request(1, CONTEXT))
    request = decrypt_request(materials, {"tenant": "b"})
    stored = replace(Below().decrypt_materials(decrypt_request(materials)), encryption_context=CONTEXT)
    with pytest.raises(PolicyRefused, match="another value for 'tenant' than the one you supplied"):
        check_decryption_materials(stored, request)


def test_encryption_materials_may_have_a_copy_of_the_context() -> None:
    request = encrypt_request(1, CONTEXT, suite=UNSIGNED)
    materials = replace(Below().get_encryption_materials(request), encryption_context=EncryptionContext(CONTEXT))

    check_encryption_materials(materials, request)


@pytest.mark.parametrize(
    ("suite", "policy", "needs"), [(SIGNED, FORBID, "without"), (WITHOUT_COMMITMENT, STRICT, "with")], ids=as_id
)
def test_a_refused_encrypt_says_what_the_policy_allows(
    suite: AlgorithmSuite, policy: CommitmentPolicy, needs: str
) -> None:
    with pytest.raises(PolicyRefused, match=f"allows encrypting only {needs} key commitment"):
        check_may_encrypt(suite, policy)
