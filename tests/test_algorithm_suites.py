"""The table of suites, against the specification's, and what the commitment policies make of it."""

from __future__ import annotations

import copy
import pickle

import pytest

from tests.vectors.forge import SUITES
from warmkey import AlgorithmSuite, CommitmentPolicy
from warmkey.algorithm_suites import SignatureAlgorithm

EVERY_SUITE = pytest.mark.parametrize("suite", AlgorithmSuite, ids=lambda suite: suite.name)
FORBID, ALLOW, REQUIRE = CommitmentPolicy
NOT_COMMITTING = {0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378}
COMMITTING = {0x0478, 0x0578}
CURVES = {SignatureAlgorithm.ECDSA_P256: "secp256r1", SignatureAlgorithm.ECDSA_P384: "secp384r1", None: None}


# spec: framework/algorithm-suites.md#supported-algorithm-suites 584c
# spec: framework/algorithm-suites.md#algorithm-suite-id f30c
def test_there_are_eleven_and_the_names_are_the_specifications() -> None:
    assert {suite.value: suite.name for suite in AlgorithmSuite} == {
        0x0014: "AES_128_GCM_IV12_TAG16_NO_KDF",
        0x0046: "AES_192_GCM_IV12_TAG16_NO_KDF",
        0x0078: "AES_256_GCM_IV12_TAG16_NO_KDF",
        0x0114: "AES_128_GCM_IV12_TAG16_HKDF_SHA256",
        0x0146: "AES_192_GCM_IV12_TAG16_HKDF_SHA256",
        0x0178: "AES_256_GCM_IV12_TAG16_HKDF_SHA256",
        0x0214: "AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256",
        0x0346: "AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384",
        0x0378: "AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384",
        0x0478: "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
        0x0578: "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384",
    }


# spec: framework/algorithm-suites.md#structure 9d05
# spec: framework/algorithm-suites.md#algorithm-suite-id f30c
# spec: framework/algorithm-suites.md#algorithm-suite-data-length 1605
# spec: framework/algorithm-suites.md#identity-kdf d734
@EVERY_SUITE
def test_each_row_is_the_forges(suite: AlgorithmSuite) -> None:
    expected = SUITES[suite.value]

    assert suite.message_version == expected.version
    assert suite.data_key_length == expected.key_length
    assert (suite.kdf_hash.value if suite.kdf_hash else None) == (expected.kdf.name if expected.kdf else None)
    assert suite.has_identity_kdf is (expected.kdf is None)
    assert suite.commits is expected.commits
    assert CURVES[suite.signature] == (expected.curve.name if expected.curve else None)
    assert suite.id_bytes == expected.id_bytes
    assert suite.message_id_length == expected.message_id_length
    assert suite.suite_data_length == (32 if expected.commits else 0)
    if suite.signature is not None:
        assert expected.digest is not None
        assert suite.signature.hash_function.value == expected.digest.name


@EVERY_SUITE
def test_a_suite_is_found_by_its_identifier_and_stays_itself(suite: AlgorithmSuite) -> None:
    assert AlgorithmSuite(suite.value) is suite
    assert pickle.loads(pickle.dumps(suite)) is suite
    assert copy.deepcopy(suite) is suite
    assert {suite: "found"}[AlgorithmSuite(suite.value)] == "found"


# spec: framework/algorithm-suites.md#supported-algorithm-suites 712c
@pytest.mark.parametrize("unknown", [0, 0x0477, 0xFFFF, -1, "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", None, b"\x04\x78"])
def test_anything_else_is_no_suite(unknown: object) -> None:
    with pytest.raises(ValueError, match="AlgorithmSuite"):
        AlgorithmSuite(unknown)  # type: ignore[arg-type]


# spec: framework/commitment-policy.md#esdkforbid_encrypt_allow_decrypt 8a07 158b
# spec: framework/commitment-policy.md#esdkrequire_encrypt_allow_decrypt cae3 f6c9 158b
# spec: framework/commitment-policy.md#esdkrequire_encrypt_require_decrypt cae3 f6c9 57fa
@pytest.mark.parametrize(
    ("policy", "encrypts", "decrypts", "default"),
    [
        (FORBID, NOT_COMMITTING, NOT_COMMITTING | COMMITTING, 0x0378),
        (ALLOW, COMMITTING, NOT_COMMITTING | COMMITTING, 0x0578),
        (REQUIRE, COMMITTING, COMMITTING, 0x0578),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_each_policy_allows(
    policy: CommitmentPolicy, encrypts: set[int], decrypts: set[int], default: int
) -> None:
    assert {suite.value for suite in policy.encrypt_suites} == encrypts
    assert {suite.value for suite in policy.decrypt_suites} == decrypts
    assert policy.default_suite.value == default
    assert policy.default_suite in policy.encrypt_suites


def test_the_policies_are_the_specifications() -> None:
    assert [policy.name for policy in CommitmentPolicy] == [
        "FORBID_ENCRYPT_ALLOW_DECRYPT",
        "REQUIRE_ENCRYPT_ALLOW_DECRYPT",
        "REQUIRE_ENCRYPT_REQUIRE_DECRYPT",
    ]
