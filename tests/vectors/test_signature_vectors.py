"""Signatures and points at the edges: each library comes to the verdict that the file says.

The file is ours, and a gate. Where ``WYCHEPROOF`` names a clone of Project Wycheproof, its vectors are verified too.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.vectors import test_vectors, write_signatures
from tests.vectors.curve import CURVES, P256, P384
from tests.vectors.readers import COMMITTING
from warmkey.algorithm_suites import AlgorithmSuite, SignatureAlgorithm
from warmkey.crypto.signature_library import SignatureChoice, choose
from warmkey.crypto.signatures import EcdsaVerificationKey
from warmkey.exceptions import AuthenticationFailed, MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = json.loads(write_signatures.FILE.read_text(encoding="utf-8"))
VECTORS: list[dict[str, str]] = CONTENT["vectors"]
ALGORITHMS = {"P-256": SignatureAlgorithm.ECDSA_P256, "P-384": SignatureAlgorithm.ECDSA_P384}
EACH = pytest.mark.parametrize("vector", VECTORS, ids=[f"{vector['curve']} {vector['what']}" for vector in VECTORS])
SIGNED = [vector for vector in test_vectors.VECTORS if AlgorithmSuite(int(vector["suite"], 16)).signature]


@pytest.fixture(params=["cryptography", "awscrt"], autouse=True)
def library(request: pytest.FixtureRequest) -> None:
    choose(SignatureChoice(request.param))


def verdict(algorithm: SignatureAlgorithm, point: bytes, digest: bytes, signature: bytes) -> str:
    try:
        EcdsaVerificationKey(algorithm, point).verify(signature, digest)
    except MalformedMessage:
        return "malformed"
    except AuthenticationFailed:
        return "refused"
    return "good"


@EACH
def test_each_library_comes_to_the_verdict_of_the_file(vector: dict[str, str]) -> None:
    point, digest, signature = (bytes.fromhex(vector[name]) for name in ("point", "digest", "signature"))

    assert verdict(ALGORITHMS[vector["curve"]], point, digest, signature) == vector["outcome"]


def test_the_file_is_what_is_written() -> None:
    assert write_signatures.FILE.read_text(encoding="utf-8") == write_signatures.content()


def test_every_curve_and_outcome_is_there() -> None:
    found = Counter((vector["curve"], vector["outcome"]) for vector in VECTORS)

    assert set(found) == {(curve.name, outcome) for curve in CURVES for outcome in ("good", "refused", "malformed")}
    assert min(found.values()) > 20


def test_the_arithmetic_behind_the_file_is_that_of_the_curves() -> None:
    for curve, known in ((P256, ec.SECP256R1()), (P384, ec.SECP384R1())):
        for scalar in (1, 2, 3, curve.n - 1, 0xD0E5**9):
            numbers = ec.derive_private_key(scalar % curve.n, known).public_key().public_numbers()
            assert curve.multiply(scalar, curve.base) == (numbers.x, numbers.y)
        assert curve.multiply(curve.n, curve.base) is None


@pytest.mark.parametrize("vector", SIGNED, ids=[f"{vector['suite']} {vector['what']}" for vector in SIGNED])
def test_signed_messages_end_as_their_file_says_by_either_library(vector: dict[str, Any]) -> None:
    message, supplied = base64.b64decode(vector["message"]), vector.get("supplied")
    for read in (
        lambda: COMMITTING.decrypt(message, keyring=test_vectors.keyring(), encryption_context=supplied).plaintext,
        lambda: COMMITTING.decrypt_stream(
            io.BytesIO(message), keyring=test_vectors.keyring(), encryption_context=supplied
        ).read(),
    ):
        if vector["outcome"] == "success":
            assert read() == base64.b64decode(vector["plaintext"])
        else:
            with pytest.raises(test_vectors.FAILURES[vector["outcome"]]):
                read()


# --- Project Wycheproof

WYCHEPROOF_FILES = {
    "ecdsa_secp256r1_sha256_test.json": SignatureAlgorithm.ECDSA_P256,
    "ecdsa_secp384r1_sha384_test.json": SignatureAlgorithm.ECDSA_P384,
}


def wycheproof() -> Iterator[tuple[SignatureAlgorithm, dict[str, Any], dict[str, Any]]]:
    """The groups and tests of all files, from the clone that the environment names."""
    folder = os.environ.get("WYCHEPROOF")
    if not folder:
        pytest.skip("WYCHEPROOF names no clone of Project Wycheproof")
    for name, algorithm in WYCHEPROOF_FILES.items():
        paths = sorted(Path(folder).rglob(name))
        assert paths, f"{folder} has no {name}"
        for group in json.loads(paths[-1].read_text(encoding="utf-8"))["testGroups"]:
            for test in group["tests"]:
                yield algorithm, group, test


def test_wycheproofs_vectors_end_as_they_say() -> None:
    wrong, seen = [], 0
    for algorithm, group, test in wycheproof():
        key = group.get("publicKey") or group["key"]
        whole = bytes.fromhex(key["uncompressed"])
        point = bytes([2 + whole[-1] % 2]) + whole[1 : 1 + algorithm.coordinate_length]
        digest = hashlib.new(algorithm.hash_function.value, bytes.fromhex(test["msg"])).digest()
        outcome = verdict(algorithm, point, digest, bytes.fromhex(test["sig"]))
        seen += 1
        if {"valid": "good", "invalid": "refused"}.get(test["result"], outcome) != outcome:
            wrong.append((algorithm.name, test["tcId"], test["comment"], outcome))

    assert seen > 500
    assert wrong == []
