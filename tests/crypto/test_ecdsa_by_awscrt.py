"""What awscrt does in another way than cryptography is evened out, and what it can't do becomes an error of ours."""

from __future__ import annotations

import gc
import hashlib
import importlib
import sys
import weakref
from types import SimpleNamespace
from typing import Any

import _awscrt
import pytest
from awscrt.crypto import EC, ECType
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto import ecdsa_by_awscrt
from warmkey.crypto.ecdsa_by_awscrt import generate, load
from warmkey.crypto.ecdsa_by_cryptography import CURVES
from warmkey.crypto.signature_library import SignatureChoice, choose
from warmkey.crypto.signatures import EcdsaSigningKey, EcdsaVerificationKey
from warmkey.exceptions import AuthenticationFailed, KeyUnavailable, MalformedMessage

P256, P384 = SignatureAlgorithm
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", SignatureAlgorithm, ids=lambda algorithm: algorithm.name)
AWS_ERROR = RuntimeError("7179 (AWS_ERROR_CAL_CRYPTO_OPERATION_FAILED): Unknown error")


@pytest.fixture(autouse=True)
def _by_awscrt() -> None:
    choose(SignatureChoice.AWSCRT)


def digest(algorithm: SignatureAlgorithm) -> bytes:
    return hashlib.new(algorithm.hash_function.value, b"header and body").digest()


def point_of(private_value: int, algorithm: SignatureAlgorithm) -> bytes:
    key = ec.derive_private_key(private_value, CURVES[algorithm]).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


class Broken:
    """Stands for awscrt's EC, and fails in whatever is named."""

    def __init__(self, *failing: str) -> None:
        self._failing = failing

    def __getattr__(self, name: str) -> Any:
        if name in self._failing:
            return self._fail
        answers = {
            "new_generate": self,
            "new_key_from_der_data": self,
            "get_public_coords": SimpleNamespace(x=b"\x01", y=b"\x02"),
        }
        return lambda *_arguments: answers[name]

    def _fail(self, *_arguments: object) -> None:
        raise AWS_ERROR


@pytest.mark.parametrize("step", ["new_generate", "get_public_coords"])
def test_a_key_that_awscrt_can_not_generate_is_not_available(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecdsa_by_awscrt, "EC", Broken(step))

    with pytest.raises(KeyUnavailable, match=r"could not generate a signing key: 7179 \(AWS_ERROR"):
        EcdsaSigningKey(P384)


def test_a_digest_that_awscrt_can_not_sign_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecdsa_by_awscrt, "EC", Broken("sign"))
    key = EcdsaSigningKey(P384)

    with pytest.raises(KeyUnavailable, match="awscrt could not sign: 7179"):
        key.sign(digest(P384))


def test_a_point_that_awscrt_does_not_take_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecdsa_by_awscrt, "EC", Broken("new_key_from_der_data"))

    with pytest.raises(MalformedMessage, match="not a base64 compressed public key"):
        EcdsaVerificationKey(P384, point_of(7, P384))


def test_a_signature_that_awscrt_has_no_verdict_on_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecdsa_by_awscrt, "EC", Broken("verify"))
    key = EcdsaVerificationKey(P384, point_of(7, P384))

    with pytest.raises(AuthenticationFailed):
        key.verify(b"", digest(P384))


@EVERY_ALGORITHM
def test_coordinates_that_awscrt_gives_without_their_leading_zeros_are_whole_in_the_point(
    algorithm: SignatureAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key in 256 has an x that begins with a zero byte."""
    size = algorithm.coordinate_length
    keys = (ec.derive_private_key(value, CURVES[algorithm]) for value in range(1, 5000))
    key = next(key for key in keys if key.public_key().public_numbers().x < 1 << 8 * (size - 1))
    numbers = key.public_key().public_numbers()
    stripped = SimpleNamespace(x=numbers.x.to_bytes(size, "big").lstrip(b"\0"), y=numbers.y.to_bytes(size, "big"))
    monkeypatch.setattr(
        ecdsa_by_awscrt,
        "EC",
        SimpleNamespace(new_generate=lambda _: SimpleNamespace(get_public_coords=lambda: stripped)),
    )
    point = EcdsaSigningKey(algorithm).verification_key

    assert point == key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


@EVERY_ALGORITHM
def test_generated_points_are_whole(algorithm: SignatureAlgorithm) -> None:
    """Enough keys for a coordinate with a leading zero byte to be likely."""
    for _ in range(600):
        sign, (x, y) = generate(algorithm)
        numbers = ec.EllipticCurvePublicNumbers(x, y, CURVES[algorithm])
        assert numbers.public_key()
    assert load(algorithm, EcdsaSigningKey(algorithm).verification_key)(b"", digest(algorithm)) is False
    assert sign(digest(algorithm))


def test_a_key_of_another_curve_is_not_taken_for_one_of_the_suites() -> None:
    """By itself, awscrt would take whichever curve the encoded key names."""
    with pytest.raises(ValueError, match=r"."):
        load(P384, point_of(7, P256))


@EVERY_ALGORITHM
def test_a_key_leaves_with_what_holds_it(algorithm: SignatureAlgorithm, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[weakref.ref[Any]] = []

    def watch(key: Any) -> Any:
        loaded.append(weakref.ref(key))
        return key

    watched = SimpleNamespace(
        new_generate=lambda kind: watch(EC.new_generate(kind)),
        new_key_from_der_data=lambda der: watch(EC.new_key_from_der_data(der)),
    )
    monkeypatch.setattr(ecdsa_by_awscrt, "EC", watched)
    signing = EcdsaSigningKey(algorithm)
    verifying = EcdsaVerificationKey(algorithm, signing.verification_key)
    verifying.verify(signing.sign(digest(algorithm)), digest(algorithm))
    assert [reference() is not None for reference in loaded] == [True, True]

    del signing, verifying
    gc.collect()

    assert [reference() for reference in loaded] == [None, None]


@pytest.mark.parametrize("name", ["ec_sign", "ec_verify", "ec_new_generate", "ec_get_public_coords"])
def test_python_files_that_met_the_library_of_an_older_version_are_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(_awscrt, name)
    monkeypatch.delitem(sys.modules, ecdsa_by_awscrt.__name__)

    with pytest.raises(ImportError, match=f"has no {name}"):
        importlib.import_module(ecdsa_by_awscrt.__name__)


def test_awscrt_still_has_the_differences_that_are_evened_out() -> None:
    """When one of these fails, awscrt has changed, and our code may become simpler."""
    key = EC.new_generate(ECType.P_384)
    signature = key.sign(digest(P384))

    assert key.verify(digest(P384) + b"more", signature)
    with pytest.raises(RuntimeError):
        EC.new_key_from_der_data(b"not a key")
    with pytest.raises(TypeError):
        key.sign(bytearray(digest(P384)))
