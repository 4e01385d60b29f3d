from __future__ import annotations

import pytest

from tests.keyrings.line_up import ec_key, private_pem, public_pem, rsa_key
from warmkey import ConfigurationError
from warmkey.crypto.rsa import RsaPrivateKey, RsaPublicKey
from warmkey.keyrings import EcdhCurveSpec

OAEP_HASHES = ["sha1", "sha256", "sha384", "sha512"]


@pytest.fixture(scope="module")
def public() -> RsaPublicKey:
    return RsaPublicKey(public_pem(rsa_key()), name="key")


@pytest.fixture(scope="module")
def private() -> RsaPrivateKey:
    return RsaPrivateKey(private_pem(rsa_key()), name="key")


@pytest.mark.parametrize("oaep_hash", [None, *OAEP_HASHES])
def test_decrypts_what_the_public_key_encrypted(
    public: RsaPublicKey, private: RsaPrivateKey, oaep_hash: str | None
) -> None:
    # Source: framework/raw-rsa-keyring.md#rsa
    assert private.decrypt(public.encrypt(b"secret", oaep_hash), oaep_hash) == b"secret"


@pytest.mark.parametrize("oaep_hash", OAEP_HASHES)
def test_what_is_no_ciphertext_gives_nothing(private: RsaPrivateKey, oaep_hash: str) -> None:
    for ciphertext in (b"", bytes(255), bytes(256), bytes(257), b"\xff" * 256):
        assert private.decrypt(ciphertext, oaep_hash) is None


def test_the_length_of_the_modulus(public: RsaPublicKey) -> None:
    assert public.bits == 2048


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 876a
def test_the_longest_secret_fits_and_one_byte_more_does_not(public: RsaPublicKey, private: RsaPrivateKey) -> None:
    for oaep_hash, longest in ((None, 256 - 11), ("sha1", 256 - 2 - 40), ("sha512", 256 - 2 - 128)):
        assert private.decrypt(public.encrypt(bytes(longest), oaep_hash), oaep_hash) == bytes(longest)
        with pytest.raises(ConfigurationError, match="2048 bits is too short"):
            public.encrypt(bytes(longest + 1), oaep_hash)


def test_keys_of_another_kind_are_refused() -> None:
    elliptic = ec_key(EcdhCurveSpec.ECC_NIST_P256, "a")

    with pytest.raises(ConfigurationError, match=r"^the key is not an RSA key$"):
        RsaPublicKey(public_pem(elliptic), name="the key")
    with pytest.raises(ConfigurationError, match=r"^the key is not an RSA key$"):
        RsaPrivateKey(private_pem(elliptic), name="the key")
