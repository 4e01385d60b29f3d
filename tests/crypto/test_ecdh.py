from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.keyrings.line_up import ec_key, private_pem, public_der
from warmkey import ConfigurationError
from warmkey.crypto import ecdh
from warmkey.crypto.aes_gcm import AESGCM
from warmkey.crypto.ecdh import EcdhPrivateKey, EcdhPublicKey, unwrap, wrap
from warmkey.keyrings import EcdhCurveSpec

CURVES = ["secp256r1", "secp384r1", "secp521r1"]
INFO = b"fixed\0info"


@pytest.mark.parametrize("curve", CURVES)
def test_two_fresh_keys_arrive_at_the_same_secret(curve: str) -> None:
    alice, bob = EcdhPrivateKey.generate(curve), EcdhPrivateKey.generate(curve)

    secret = alice.shared_secret(bob.public_key)

    assert secret == bob.shared_secret(alice.public_key)
    assert (
        len(secret) == alice.public_key.coordinate_length == {"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}[curve]
    )


@pytest.mark.parametrize("curve", CURVES)
def test_a_public_key_survives_as_point_and_as_der(curve: str) -> None:
    key = EcdhPrivateKey.generate(curve).public_key

    from_point = EcdhPublicKey.from_point(key.point, curve=curve)

    assert from_point is not None
    assert from_point.point == EcdhPublicKey.from_der(key.der, curve=curve, name="key").point == key.point
    assert from_point.der == key.der


@pytest.mark.parametrize("curve", CURVES)
def test_what_is_no_compressed_point_of_the_curve_is_none(curve: str) -> None:
    point = EcdhPrivateKey.generate(curve).public_key.point
    other = EcdhPrivateKey.generate({"secp256r1": "secp384r1"}.get(curve, "secp256r1")).public_key.point

    for bad in (
        b"",
        b"\x00",
        point[:-1],
        point + b"\0",
        b"\x04" + point[1:],
        b"\x02" + b"\xff" * (len(point) - 1),
        other,
    ):
        assert EcdhPublicKey.from_point(bad, curve=curve) is None


def test_keys_of_another_curve_are_refused() -> None:
    key = ec_key(EcdhCurveSpec.ECC_NIST_P384, "a")

    with pytest.raises(ConfigurationError, match=r"^the key is not a key of the curve secp256r1"):
        EcdhPrivateKey.from_pem(private_pem(key), curve="secp256r1", name="the key")
    with pytest.raises(ConfigurationError, match=r"^the key is not a key of the curve secp256r1"):
        EcdhPublicKey.from_der(public_der(key), curve="secp256r1", name="the key")


# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt e5f4 f740 8244 5d8a
# spec: framework/key-agreement-schemas.md#key-derivation 68ad 5c1c aaca a043 ddef
# spec: framework/raw-ecdh-keyring.md#onencrypt e5f4 f740 7fbf 7725
# spec: framework/raw-ecdh-keyring.md#data-key-wrapping 12cc 0226 b270 fef0 5d1c a7b1 deb2
def test_the_derivation_is_nists_counter_mode() -> None:
    """NIST SP 800-108: HMAC-SHA-384 over counter, label, 0, context and length in bits, twice."""
    secret = bytes(range(32))
    wrapped = wrap(secret, INFO, b"data key")
    salt, commitment, ciphertext = wrapped[:32], wrapped[32:64], wrapped[64:]
    blocks = [
        hmac.digest(secret, n.to_bytes(4, "big") + INFO + b"\0" + salt + (512).to_bytes(4, "big"), hashlib.sha384)
        for n in (1, 2)
    ]
    derived = b"".join(blocks)[:64]

    assert commitment == derived[:32]
    assert AESGCM(derived[32:]).decrypt(bytes(12), ciphertext, INFO) == b"data key"


def test_unwraps_what_was_wrapped_and_nothing_else() -> None:
    secret = bytes(32)
    wrapped = wrap(secret, INFO, b"data key")

    assert unwrap(secret, INFO, wrapped) == b"data key"
    assert unwrap(b"\1" * 32, INFO, wrapped) is None
    assert unwrap(secret, INFO + b"!", wrapped) is None
    assert unwrap(secret, INFO, b"") is None
    for position in range(len(wrapped)):
        damaged = bytearray(wrapped)
        damaged[position] ^= 0x80
        assert unwrap(secret, INFO, bytes(damaged)) is None
        assert unwrap(secret, INFO, wrapped[:position]) is None


# spec: framework/key-agreement-schemas.md#key-derivation 26cd a043
def test_every_wrapping_has_a_salt_of_its_own() -> None:
    wrapped = {wrap(bytes(32), INFO, b"data key")[:32] for _ in range(10)}

    assert len(wrapped) == 10


# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt f709
# spec: framework/key-agreement-schemas.md#key-commitment 4cf3
# spec: framework/raw-ecdh-keyring.md#ondecrypt f709
def test_commitments_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it takes is not measured: it is the standard library's comparison, and its answer is what counts."""
    wrapped, compared = wrap(bytes(32), INFO, b"data key"), []
    monkeypatch.setattr(ecdh, "compare_digest", lambda *commitments: compared.append(commitments) or False)

    assert unwrap(bytes(32), INFO, wrapped) is None
    assert compared == [(wrapped[32:64], wrapped[32:64])]
    monkeypatch.undo()
    assert ecdh.compare_digest is hmac.compare_digest


def test_repr_shows_the_point_of_a_public_key() -> None:
    key = EcdhPublicKey(ec.derive_private_key(1, ec.SECP256R1()).public_key())

    assert repr(key) == f"<EcdhPublicKey {key.point.hex()}>"
