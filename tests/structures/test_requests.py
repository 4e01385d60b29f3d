"""Requests copy what they are given and show no value of a context."""

# Source: framework/cmm-interface.md#inputs

from __future__ import annotations

from dataclasses import replace

from warmkey import (
    AlgorithmSuite,
    CommitmentPolicy,
    DecryptMaterialsRequest,
    EncryptedDataKey,
    EncryptionMaterialsRequest,
)

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
POLICY = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
KEY = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c")
VALUE = "blue-whale"


# spec: framework/cmm-interface.md#encryption-materials-request c88e
# spec: framework/cmm-interface.md#decrypt-materials-request 663c 7e3a
def test_requests_copy_what_they_are_given() -> None:
    context, keys = {"tenant": VALUE}, [KEY]
    encrypt = EncryptionMaterialsRequest(encryption_context=context, commitment_policy=POLICY)
    decrypt = DecryptMaterialsRequest(
        algorithm_suite=SUITE,
        commitment_policy=POLICY,
        encrypted_data_keys=keys,
        encryption_context=context,
        reproduced_encryption_context=context,
    )
    context.clear()
    keys.clear()

    assert encrypt.encryption_context == {"tenant": VALUE}
    assert decrypt.encryption_context == decrypt.reproduced_encryption_context == {"tenant": VALUE}
    assert decrypt.encrypted_data_keys == (KEY,)


def test_no_reproduced_context_is_an_empty_one() -> None:
    request = DecryptMaterialsRequest(
        algorithm_suite=SUITE, commitment_policy=POLICY, encrypted_data_keys=(), encryption_context={}
    )

    assert request.reproduced_encryption_context == {}


def test_requests_show_no_context_value() -> None:
    encrypt = EncryptionMaterialsRequest(encryption_context={"tenant": VALUE}, commitment_policy=POLICY)
    decrypt = DecryptMaterialsRequest(
        algorithm_suite=SUITE,
        commitment_policy=POLICY,
        encrypted_data_keys=(),
        encryption_context={"tenant": VALUE},
        reproduced_encryption_context={"tenant": VALUE},
    )

    assert VALUE not in repr(encrypt) + repr(decrypt)


# spec: framework/cmm-interface.md#encryption-materials-request d7a3
def test_replace_makes_another() -> None:
    request = EncryptionMaterialsRequest(
        encryption_context={"tenant": VALUE}, commitment_policy=POLICY, max_plaintext_length=5
    )
    other = replace(request, max_plaintext_length=None)

    assert (request.max_plaintext_length, other.max_plaintext_length) == (5, None)
    assert other.encryption_context == {"tenant": VALUE}
    assert other != request
    assert replace(other, max_plaintext_length=5) == request
