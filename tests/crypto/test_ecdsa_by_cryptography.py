"""OpenSSL draws keys and nonces, unless a snapshot may be restored many times."""

from __future__ import annotations

import hashlib
import os

import pytest

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.ecdsa_by_cryptography import generate, generate_for_snapshots, load

EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", SignatureAlgorithm, ids=lambda algorithm: algorithm.name)


def digest(algorithm: SignatureAlgorithm) -> bytes:
    return hashlib.new(algorithm.hash_function.value, b"header and body").digest()


def compressed(point: tuple[int, int], algorithm: SignatureAlgorithm) -> bytes:
    x, y = point
    return bytes([2 + y % 2]) + x.to_bytes(algorithm.coordinate_length, "big")


@EVERY_ALGORITHM
def test_a_generated_key_asks_the_operating_system_for_nothing_through_python(
    algorithm: SignatureAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", None)
    sign, point = generate(algorithm)

    assert load(algorithm, compressed(point, algorithm))(sign(digest(algorithm)), digest(algorithm))
    assert generate(algorithm)[1] != point


@EVERY_ALGORITHM
def test_a_key_for_snapshots_is_made_of_what_the_operating_system_gives_and_signs_without_any(
    algorithm: SignatureAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\x5a" * size)
    (sign, point), (sign_again, same) = generate_for_snapshots(algorithm), generate_for_snapshots(algorithm)

    assert point == same
    assert sign(digest(algorithm)) == sign_again(digest(algorithm))


@EVERY_ALGORITHM
def test_what_is_no_point_is_a_value_error(algorithm: SignatureAlgorithm) -> None:
    with pytest.raises(ValueError, match=r"."):
        load(algorithm, b"\x02" + b"\xff" * algorithm.coordinate_length)
