"""Manifests of the material providers library: keyrings and CMMs, without messages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tools.official_vectors.cases import Json, NotRunError, Report, VectorError, must_fail
from tools.official_vectors.keys import encrypted_data_key
from warmkey import (
    AlgorithmSuite,
    CommitmentPolicy,
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)

if TYPE_CHECKING:
    from tools.official_vectors.keys import Keys

__all__ = ["decrypt_cases", "encrypt_cases"]


def decrypt_cases(manifest: Json, keys: Keys, report: Report) -> None:
    """Run a manifest of type awses-mpl-decrypt: encrypted data keys to unwrap, or to refuse."""
    for name, case in manifest["tests"].items():
        report.run(name, lambda case=case: _decrypt_case(case, keys))  # type: ignore[misc]


def _decrypt_case(case: Json, keys: Keys) -> None:
    suite = _suite(case)
    cmm = keys.cmm(case["keyDescription"], encrypts=False)
    request = DecryptMaterialsRequest(
        suite,
        _policy(suite),
        tuple(encrypted_data_key(entry) for entry in case["encryptedDataKeys"]),
        case["encryptionContext"],
        case.get("reproducedEncryptionContext") or {},
    )
    if case["type"] == "negative-keyring":
        must_fail(lambda: cmm.decrypt_materials(request), case["errorDescription"])
        return
    materials, expected = cmm.decrypt_materials(request), case["result"]
    _check_equal("data key", materials.plaintext_data_key, base64.b64decode(expected["plaintextDataKey"]))
    required = set(expected.get("requiredEncryptionContextKeys", ()))
    _check_equal("required keys", set(materials.required_encryption_context_keys), required)


def encrypt_cases(manifest: Json, keys: Keys, report: Report) -> None:
    """Run a manifest of type awses-mpl-encrypt: materials to encrypt with, and to decrypt again."""
    for name, case in manifest["tests"].items():
        report.run(name, lambda case=case: _encrypt_case(case, keys))  # type: ignore[misc]


def _encrypt_case(case: Json, keys: Keys) -> None:
    suite = _suite(case)
    request = EncryptionMaterialsRequest(
        case["encryptionContext"],
        _policy(suite),
        suite,
        frozenset(case.get("requiredEncryptionContextKeys") or ()),
        case.get("maxPlaintextLength"),
    )
    if case["type"] == "negative-encrypt-keyring":
        cmm = keys.cmm(case["keyDescription"], encrypts=True)
        must_fail(lambda: cmm.get_encryption_materials(request), case["errorDescription"])
        return
    materials = keys.cmm(case["encryptKeyDescription"], encrypts=True).get_encryption_materials(request)
    if case["type"] == "positive-keyring":
        _check_equal("data key", _decrypted(case, keys, materials).plaintext_data_key, materials.plaintext_data_key)
        return
    if case["type"] != "negative-decrypt-keyring":
        raise NotRunError(f"case of type {case['type']}")
    keys.cmm(case["decryptKeyDescription"], encrypts=False)  # what is not here raises before something must fail
    must_fail(lambda: _decrypted(case, keys, materials), case["decryptErrorDescription"])


def _decrypted(case: Json, keys: Keys, materials: EncryptionMaterials) -> DecryptionMaterials:
    """Ask for the materials of a message that would store all but the required pairs."""
    required = materials.required_encryption_context_keys
    stored = {key: value for key, value in materials.encryption_context.items() if key not in required}
    suite = materials.algorithm_suite
    reproduced = case.get("reproducedEncryptionContext") or {}
    request = DecryptMaterialsRequest(suite, _policy(suite), materials.encrypted_data_keys, stored, reproduced)
    return keys.cmm(case["decryptKeyDescription"], encrypts=False).decrypt_materials(request)


def _suite(case: Json) -> AlgorithmSuite:
    number = int(case["algorithmSuiteId"], 16)
    if number not in {suite.value for suite in AlgorithmSuite}:
        raise NotRunError(f"suite {number:04X}, which is not one of the AWS Encryption SDK's")
    return AlgorithmSuite(number)


def _policy(suite: AlgorithmSuite) -> CommitmentPolicy:
    if suite.commits:
        return CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT


def _check_equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise VectorError(f"another {what}")  # without it: keys of vectors are public, but nobody needs to read them
