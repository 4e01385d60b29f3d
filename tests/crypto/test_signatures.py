"""Message signatures: ECDSA with keys that stay loaded and stay here; the same by either library."""

# Source: framework/transitive-requirements.md#ecdsa

from __future__ import annotations

import base64
import copy
import hashlib
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.signature_library import SignatureChoice, choose, signatures_made
from warmkey.crypto.signatures import (
    EcdsaSigningKey,
    EcdsaVerificationKey,
    library_in_use,
    use_deterministic_signatures,
)
from warmkey.exceptions import AuthenticationFailed, InvalidRequest, MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", SignatureAlgorithm, ids=lambda algorithm: algorithm.name)
CURVES = {SignatureAlgorithm.ECDSA_P256: ec.SECP256R1(), SignatureAlgorithm.ECDSA_P384: ec.SECP384R1()}
HASHES = {SignatureAlgorithm.ECDSA_P256: hashes.SHA256(), SignatureAlgorithm.ECDSA_P384: hashes.SHA384()}


@pytest.fixture(params=["cryptography", "awscrt"], autouse=True)
def library(request: pytest.FixtureRequest) -> str:
    choose(SignatureChoice(request.param))
    return str(request.param)


@pytest.fixture
def deterministic() -> Iterator[None]:
    use_deterministic_signatures(deterministic=True)
    yield
    use_deterministic_signatures(deterministic=False)


def digest(algorithm: SignatureAlgorithm, message: bytes = b"header and body") -> bytes:
    return hashlib.new(algorithm.hash_function.value, message).digest()


def verification_key(algorithm: SignatureAlgorithm, key: EcdsaSigningKey) -> EcdsaVerificationKey:
    return EcdsaVerificationKey(algorithm, key.verification_key)


@EVERY_ALGORITHM
def test_what_a_key_signs_its_public_point_verifies(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)

    verification_key(algorithm, key).verify(key.sign(digest(algorithm)), digest(algorithm))


# spec: framework/structures.md#signing-key 25e7
# spec: framework/transitive-requirements.md#ecdsa a451
# spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 40ba
@EVERY_ALGORITHM
def test_another_implementation_verifies_it_from_the_message(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)
    public_key = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], key.verification_key)

    public_key.verify(key.sign(digest(algorithm)), b"header and body", ec.ECDSA(HASHES[algorithm]))


@EVERY_ALGORITHM
def test_the_public_point_is_compressed(algorithm: SignatureAlgorithm) -> None:
    point = EcdsaSigningKey(algorithm).verification_key

    assert len(point) == 1 + algorithm.coordinate_length
    assert point[0] in (2, 3)


def test_every_key_is_another_one() -> None:
    assert len({EcdsaSigningKey(SignatureAlgorithm.ECDSA_P256).verification_key for _ in range(20)}) == 20


@EVERY_ALGORITHM
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("drawn", [b"\x00", b"\xff", b"\x5a"])
def test_where_a_snapshot_may_be_restored_the_key_comes_from_the_operating_systems_randomness(
    algorithm: SignatureAlgorithm, drawn: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is drawn, the scalar is from 1 to the order of the curve."""
    sizes = []

    def urandom(size: int) -> bytes:
        sizes.append(size)
        return drawn * size

    monkeypatch.setattr(os, "urandom", urandom)

    one, other = EcdsaSigningKey(algorithm), EcdsaSigningKey(algorithm)

    assert one.verification_key == other.verification_key
    assert sizes == [algorithm.coordinate_length + 8] * 2


@EVERY_ALGORITHM
@pytest.mark.usefixtures("deterministic")
def test_deterministic_signatures_draw_nothing(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)

    assert key.sign(digest(algorithm)) == key.sign(digest(algorithm))


def test_deterministic_signatures_are_by_cryptography_whatever_was_chosen(library: str, deterministic: None) -> None:
    verification_key(SignatureAlgorithm.ECDSA_P384, EcdsaSigningKey(SignatureAlgorithm.ECDSA_P384))

    assert library_in_use() == {"cryptography": "cryptography", "awscrt": "awscrt (cryptography to sign)"}[library]


def test_signatures_are_counted() -> None:
    before, key = signatures_made(), EcdsaSigningKey(SignatureAlgorithm.ECDSA_P256)
    for _ in range(3):
        key.sign(digest(SignatureAlgorithm.ECDSA_P256))

    assert signatures_made() == before + 3


@EVERY_ALGORITHM
def test_other_signatures_differ_each_time(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)

    assert key.sign(digest(algorithm)) != key.sign(digest(algorithm))


@EVERY_ALGORITHM
def test_a_signature_of_any_valid_der_length_is_accepted(algorithm: SignatureAlgorithm) -> None:
    """Leading zeros make DER shorter, a set top bit longer."""
    key = EcdsaSigningKey(algorithm)
    lengths = set()
    for number in range(200):
        signed = digest(algorithm, bytes((number,)))
        signature = key.sign(signed)
        lengths.add(len(signature))
        verification_key(algorithm, key).verify(signature, signed)

    assert len(lengths) >= 3


# spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 8c7e
@EVERY_ALGORITHM
def test_what_was_not_signed_by_this_key_over_this_digest_is_refused(algorithm: SignatureAlgorithm) -> None:
    key, other = EcdsaSigningKey(algorithm), EcdsaSigningKey(algorithm)
    signature, good = key.sign(digest(algorithm)), verification_key(algorithm, key)

    with pytest.raises(AuthenticationFailed, match="signature in the footer"):
        good.verify(signature, digest(algorithm, b"another message"))
    with pytest.raises(AuthenticationFailed):
        verification_key(algorithm, other).verify(signature, digest(algorithm))


@EVERY_ALGORITHM
def test_every_changed_bit_of_a_signature_is_refused(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)
    signature, good = key.sign(digest(algorithm)), verification_key(algorithm, key)
    for bit in range(8 * len(signature)):
        changed = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(len(signature), "big")
        with pytest.raises(AuthenticationFailed):
            good.verify(changed, digest(algorithm))


@EVERY_ALGORITHM
@pytest.mark.parametrize("change", [-1, 1, 16, -100], ids="{:+}".format)
def test_a_digest_of_another_length_is_refused_and_not_cut(algorithm: SignatureAlgorithm, change: int) -> None:
    key = EcdsaSigningKey(algorithm)
    signature, good = key.sign(digest(algorithm)), verification_key(algorithm, key)
    wrong = (digest(algorithm) + bytes(max(change, 0)))[: max(algorithm.digest_length + change, 0)]

    with pytest.raises(InvalidRequest, match=f"must be {algorithm.digest_length} bytes long, not {len(wrong)}"):
        key.sign(wrong)
    with pytest.raises(InvalidRequest, match=f"must be {algorithm.digest_length} bytes long, not {len(wrong)}"):
        good.verify(signature, wrong)


@EVERY_ALGORITHM
@pytest.mark.parametrize("hold", [bytearray, memoryview])
def test_any_buffer_will_do(algorithm: SignatureAlgorithm, hold: Any) -> None:
    key = EcdsaSigningKey(algorithm)

    verification_key(algorithm, key).verify(hold(key.sign(hold(digest(algorithm)))), hold(digest(algorithm)))


@EVERY_ALGORITHM
def test_the_twin_of_a_signature_is_good_too(algorithm: SignatureAlgorithm) -> None:
    """ECDSA is malleable: whoever has (r, s) has (r, n - s). No official client refuses either."""
    key = EcdsaSigningKey(algorithm)
    r, s = utils.decode_dss_signature(key.sign(digest(algorithm)))
    twin = utils.encode_dss_signature(r, CURVES[algorithm].group_order - s)

    verification_key(algorithm, key).verify(twin, digest(algorithm))


# spec: framework/transitive-requirements.md#ecdsa a451
@EVERY_ALGORITHM
def test_only_der_is_a_signature(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)
    signature, good = key.sign(digest(algorithm)), verification_key(algorithm, key)
    r, s = utils.decode_dss_signature(signature)
    size = algorithm.coordinate_length
    zero, order = utils.encode_dss_signature(0, 0), CURVES[algorithm].group_order
    hostile = [
        b"",
        b"\x30",
        signature[:-1],
        signature + b"\x00",
        b"\x30\x81" + signature[1:],  # a length longer than DER allows
        b"\x30\x80" + signature[2:] + b"\x00\x00",  # BER's indefinite length
        b"\x31" + signature[1:],
        r.to_bytes(size, "big") + s.to_bytes(size, "big"),
        zero,
        utils.encode_dss_signature(r, 0),
        utils.encode_dss_signature(0, s),
        utils.encode_dss_signature(r + order, s),
        utils.encode_dss_signature(r, s + order),
        bytes(65_535),
    ]

    for candidate in hostile:
        with pytest.raises(AuthenticationFailed):
            good.verify(candidate, digest(algorithm))


@EVERY_ALGORITHM
def test_verification_keys_are_equal_by_their_point(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)
    one, same, another = [verification_key(algorithm, of) for of in (key, key, EcdsaSigningKey(algorithm))]

    choose(SignatureChoice.CRYPTOGRAPHY)
    same_by_cryptography = verification_key(algorithm, key)

    assert one == same == same_by_cryptography != another
    assert len({one, same, another}) == 2
    assert one != key.verification_key


@EVERY_ALGORITHM
def test_the_public_key_is_read_from_the_context(algorithm: SignatureAlgorithm) -> None:
    key = EcdsaSigningKey(algorithm)
    value = base64.b64encode(key.verification_key).decode()

    EcdsaVerificationKey.from_context_value(algorithm, value).verify(key.sign(digest(algorithm)), digest(algorithm))


def test_a_point_has_one_spelling() -> None:
    """Other bits may follow the last byte in base64, which Python reads as if they were not there."""
    algorithm = SignatureAlgorithm.ECDSA_P384
    text = base64.b64encode(EcdsaSigningKey(algorithm).verification_key).decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = f"{text[:-3]}{alphabet[alphabet.index(text[-3]) + 1]}=="

    assert text.endswith("==")
    assert base64.b64decode(spare, validate=True) == base64.b64decode(text)
    EcdsaVerificationKey.from_context_value(algorithm, text)
    with pytest.raises(MalformedMessage):
        EcdsaVerificationKey.from_context_value(algorithm, spare)


# spec: framework/structures.md#verification-key bda8
@EVERY_ALGORITHM
def test_whatever_else_stands_there_is_malformed(algorithm: SignatureAlgorithm) -> None:
    other = next(candidate for candidate in SignatureAlgorithm if candidate is not algorithm)
    public_key = ec.generate_private_key(CURVES[algorithm]).public_key()
    size = algorithm.coordinate_length
    compressed = public_key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    uncompressed = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    points = [
        b"",
        b"\x00",  # infinity
        uncompressed,
        bytes((6 + (uncompressed[-1] & 1),)) + uncompressed[1:],  # hybrid
        b"\x04" + compressed[1:],
        b"\x02" + b"\xff" * size,  # not an element of the field
        compressed[:-1],
        compressed + b"\x00",
        EcdsaSigningKey(other).verification_key,
        b"\x02" + next(x for x in (bytes(size - 1) + bytes((n,)) for n in range(256)) if not on_curve(algorithm, x)),
    ]
    text = base64.b64encode(compressed).decode()
    values = [base64.b64encode(point).decode() for point in points]

    for value in [*values, " " + text, text + "\n", text[:-3], text + "====", "ключ", "\ud800", "-_-_"]:
        with pytest.raises(MalformedMessage) as caught:
            EcdsaVerificationKey.from_context_value(algorithm, value)
        assert caught.value.where == "encryption context › aws-crypto-public-key"
        assert not value or value not in str(caught.value)


def on_curve(algorithm: SignatureAlgorithm, x: bytes) -> bool:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], b"\x02" + x)
    except ValueError:
        return False
    return True


# spec: framework/structures.md#signing-key 229f
@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_keys_refuse_to_leave(leave: object) -> None:
    key = EcdsaSigningKey(SignatureAlgorithm.ECDSA_P384)
    for held in (key, verification_key(SignatureAlgorithm.ECDSA_P384, key)):
        with pytest.raises(TypeError, match="holds key material and can't be pickled or copied"):
            leave(held)  # type: ignore[operator]


# spec: framework/structures.md#signing-key 229f
def test_repr_shows_nothing() -> None:
    assert repr(EcdsaSigningKey(SignatureAlgorithm.ECDSA_P256)) == "<EcdsaSigningKey>"
    assert not hasattr(EcdsaSigningKey(SignatureAlgorithm.ECDSA_P256), "__dict__")
