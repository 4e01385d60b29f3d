from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tests.keyrings.line_up import encrypted, pair, private_pem, public_pem, rsa_key, to_decrypt
from warmkey import Client, CommitmentPolicy, ConfigurationError, EncryptedDataKey, KeyUnavailable, MultiKeyring
from warmkey.keyrings import PaddingScheme, RawAesKeyring, RawRsaKeyring

OAEP = PaddingScheme.OAEP_SHA256_MGF1
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "material_providers_library.json").read_text("utf-8"))

CRYPTOGRAPHYS_PADDING = {
    PaddingScheme.PKCS1: padding.PKCS1v15(),
    PaddingScheme.OAEP_SHA1_MGF1: padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
    PaddingScheme.OAEP_SHA256_MGF1: padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    PaddingScheme.OAEP_SHA384_MGF1: padding.OAEP(padding.MGF1(hashes.SHA384()), hashes.SHA384(), None),
    PaddingScheme.OAEP_SHA512_MGF1: padding.OAEP(padding.MGF1(hashes.SHA512()), hashes.SHA512(), None),
}


def keyring(scheme: PaddingScheme = OAEP, **keys: Any) -> RawRsaKeyring:
    return RawRsaKeyring("ns", "name", scheme, **keys)


# spec: framework/raw-rsa-keyring.md#ondecrypt a9cb
# spec: framework/raw-rsa-keyring.md#ondecrypt ec19
@pytest.mark.parametrize("vector", VECTORS["raw_rsa"], ids=lambda vector: vector["padding_scheme"])
def test_decrypts_what_the_material_providers_library_encrypted(vector: dict[str, str]) -> None:
    # spec: framework/raw-rsa-keyring.md#supported-padding-schemes 8e17
    ours = RawRsaKeyring(
        "ns", "n", PaddingScheme[vector["padding_scheme"]], private_key=VECTORS["rsa_private_key"].encode()
    )
    key = EncryptedDataKey(
        key_provider_id=vector["key_provider_id"],
        key_provider_info=bytes.fromhex(vector["key_provider_info"]),
        ciphertext=bytes.fromhex(vector["ciphertext"]),
    )

    unwrapped = ours.on_decrypt(to_decrypt(context=VECTORS["encryption_context"]), [key])

    assert bytes.fromhex(vector["data_key"]) == unwrapped.plaintext_data_key


# spec: framework/raw-rsa-keyring.md#padding-scheme f39f
# spec: framework/raw-rsa-keyring.md#onencrypt f56e 6442 6b55
# spec: framework/keyring-interface.md#key-provider-info 6ff3
@pytest.mark.parametrize("scheme", PaddingScheme)
def test_the_encrypted_data_key_names_namespace_and_name_and_holds_the_data_key(scheme: PaddingScheme) -> None:
    """One hash function serves OAEP and MGF1."""
    made = encrypted(keyring(scheme, public_key=public_pem(rsa_key())))

    (key,) = made.encrypted_data_keys
    assert (key.key_provider_id, key.key_provider_info) == ("ns", b"name")
    assert rsa_key().decrypt(key.ciphertext, CRYPTOGRAPHYS_PADDING[scheme]) == made.plaintext_data_key


@pytest.mark.parametrize("scheme", PaddingScheme)
def test_another_padding_scheme_does_not_decrypt(scheme: PaddingScheme) -> None:
    made = encrypted(pair(f"raw RSA {scheme.name}").encrypts)

    for other in set(PaddingScheme) - {scheme, PaddingScheme.PKCS1}:
        with pytest.raises(KeyUnavailable):
            pair(f"raw RSA {other.name}").decrypts.on_decrypt(to_decrypt(), made.encrypted_data_keys)


# spec: framework/keyring-interface.md#onencrypt 9636
# spec: framework/raw-rsa-keyring.md#onencrypt c655 e66c
def test_no_public_key_no_encryption() -> None:
    """Nor is one derived from the private key."""
    with pytest.raises(ConfigurationError, match="'name' has no public_key, so it can't encrypt"):
        encrypted(keyring(private_key=private_pem(rsa_key())))


# spec: framework/raw-rsa-keyring.md#ondecrypt 0a14
def test_no_private_key_no_decryption() -> None:
    public = keyring(public_key=public_pem(rsa_key()))

    with pytest.raises(ConfigurationError, match="'name' has no private_key, so it can't decrypt"):
        public.on_decrypt(to_decrypt(), encrypted(public).encrypted_data_keys)


def test_a_multi_keyring_goes_on_past_a_keyring_without_private_key() -> None:
    public, aes = keyring(public_key=public_pem(rsa_key())), RawAesKeyring("ns", "aes", bytes(32))
    client = Client()
    message = client.encrypt(b"text", keyring=MultiKeyring(public, [aes])).ciphertext

    assert client.decrypt(message, keyring=MultiKeyring(public, [aes])).plaintext == b"text"


# spec: framework/raw-rsa-keyring.md#ondecrypt ec19 6340
@pytest.mark.parametrize(
    "other",
    [{"key_provider_id": "other"}, {"key_provider_info": b"nam"}, {"key_provider_info": b"name\0"}],
    ids=repr,
)
def test_only_encrypted_data_keys_of_this_namespace_and_name_are_tried(other: dict[str, Any]) -> None:
    both = pair("raw RSA OAEP_SHA256_MGF1")
    (key,) = encrypted(both.encrypts).encrypted_data_keys

    with pytest.raises(KeyUnavailable) as failure:
        both.decrypts.on_decrypt(to_decrypt(), [replace(key, **other)])
    assert failure.value.attempts == ()


class TestNoOracle:
    """What is wrong with a ciphertext is not told: whoever learns it can decrypt without the key."""

    @staticmethod
    def failures(scheme: PaddingScheme, ciphertexts: list[bytes]) -> set[str]:
        decrypts = keyring(scheme, private_key=private_pem(rsa_key()))
        reasons = set()
        for ciphertext in ciphertexts:
            key = EncryptedDataKey(key_provider_id="ns", key_provider_info=b"name", ciphertext=ciphertext)
            with pytest.raises(KeyUnavailable) as failure:
                decrypts.on_decrypt(to_decrypt(), [key])
            assert failure.value.__cause__ is None
            assert [attempt.cause for attempt in failure.value.attempts] == [None]
            reasons.add(str(failure.value))
        return reasons

    @pytest.mark.parametrize("scheme", PaddingScheme)
    def test_every_failure_looks_the_same(self, scheme: PaddingScheme) -> None:
        public = rsa_key().public_key()
        size, modulus = public.key_size // 8, public.public_numbers().n
        too_short = public.encrypt(bytes(31), CRYPTOGRAPHYS_PADDING[scheme])
        too_long = public.encrypt(bytes(33), CRYPTOGRAPHYS_PADDING[scheme])
        of_no_length = [b"", b"\0", bytes(size + 1), too_short[:-1], too_short + b"\0"]
        over_the_modulus = modulus.to_bytes(size, "big")

        assert len(self.failures(scheme, [too_short, too_long, over_the_modulus, *of_no_length])) == 1

    def test_bad_pkcs1_padding_never_gives_the_data_key_nor_a_foreign_exception(self) -> None:
        """OpenSSL answers bad padding with random bytes, so a length may fit by chance; the header then fails."""
        both = pair("raw RSA PKCS1")
        made = encrypted(both.encrypts)
        (key,) = made.encrypted_data_keys
        for position in range(0, len(key.ciphertext), 16):
            damaged = bytearray(key.ciphertext)
            damaged[position] ^= 1
            try:
                unwrapped = both.decrypts.on_decrypt(to_decrypt(), [replace(key, ciphertext=bytes(damaged))])
            except KeyUnavailable:
                continue
            assert unwrapped.plaintext_data_key != made.plaintext_data_key


class TestConstructor:
    # spec: framework/raw-rsa-keyring.md#changelog ade8
    def test_the_namespace_of_kms_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="is reserved for KMS"):
            RawRsaKeyring("aws-kms", "name", OAEP, public_key=public_pem(rsa_key()))

    @pytest.mark.parametrize("text", ["", None, b"name", "\ud800"])
    def test_namespace_and_name_are_texts(self, text: Any) -> None:
        for namespace, name in ((text, "name"), ("ns", text)):
            if namespace == "":  # other clients write it
                continue
            with pytest.raises(ConfigurationError, match=r"^key_name"):
                RawRsaKeyring(namespace, name, OAEP, public_key=public_pem(rsa_key()))

    def test_one_of_the_keys_is_needed(self) -> None:
        # spec: framework/raw-rsa-keyring.md#initialization b15a
        with pytest.raises(ConfigurationError, match="public_key to encrypt, private_key to decrypt"):
            keyring()

    # spec: framework/raw-rsa-keyring.md#padding-scheme 809f
    # spec: framework/raw-rsa-keyring.md#supported-padding-schemes 8e17
    @pytest.mark.parametrize("scheme", ["PKCS1", None, "sha256"])
    def test_the_padding_scheme_is_one_of_the_enum(self, scheme: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"padding_scheme must be .*PaddingScheme\.OAEP_SHA256_MGF1"):
            keyring(scheme, public_key=public_pem(rsa_key()))

    def test_traditional_private_keys_work_too(self) -> None:
        traditional = rsa_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        assert traditional.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
        made = encrypted(keyring(public_key=public_pem(rsa_key())))

        unwrapped = keyring(private_key=traditional).on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key

    def test_pkcs1_public_keys_work_too(self) -> None:
        pkcs1 = rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
        made = encrypted(keyring(public_key=pkcs1))

        unwrapped = pair("raw RSA OAEP_SHA256_MGF1").decrypts.on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key

    # spec: framework/raw-rsa-keyring.md#public-key eec9
    # spec: framework/raw-rsa-keyring.md#private-key 2bea
    @pytest.mark.parametrize("which", ["public_key", "private_key"])
    def test_what_is_no_key_is_refused_and_not_shown(self, which: str) -> None:
        secret = private_pem(rsa_key())
        with_password = rsa_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
        elliptic = ec.generate_private_key(ec.SECP256R1())
        of_another_kind = public_pem(elliptic) if which == "public_key" else private_pem(elliptic)
        swapped = secret if which == "public_key" else public_pem(rsa_key())
        no_keys: list[Any] = [b"", b"no key", secret[:200], with_password, swapped, of_another_kind, secret.decode()]
        for no_key in no_keys:
            keys: dict[str, Any] = {which: no_key}
            with pytest.raises(ConfigurationError, match=f"^{which} ") as failure:
                keyring(**keys)
            shown = f"{failure.value!r}{failure.value.__cause__!r}"
            assert "MII" not in shown
            assert failure.value.__suppress_context__ or failure.value.__context__ is None

    def test_a_key_too_short_for_the_padding_says_so(self) -> None:
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)

        with pytest.raises(ConfigurationError, match="RSA key of 1024 bits is too short for this padding and 32 bytes"):
            encrypted(keyring(PaddingScheme.OAEP_SHA512_MGF1, public_key=public_pem(short)))


def test_repr_names_the_key_and_shows_nothing_of_it() -> None:
    ours = keyring(private_key=private_pem(rsa_key()), public_key=public_pem(rsa_key()))

    assert repr(ours) == "RawRsaKeyring('ns', 'name', PaddingScheme.OAEP_SHA256_MGF1)"


# spec: framework/raw-rsa-keyring.md#public-key 1f35
# spec: framework/raw-rsa-keyring.md#private-key 21be
# spec: framework/raw-rsa-keyring.md#onencrypt 5350
# spec: framework/raw-rsa-keyring.md#ondecrypt bf25
@pytest.mark.parametrize("scheme", PaddingScheme)
def test_messages_of_every_suite(scheme: PaddingScheme) -> None:
    both = pair(f"raw RSA {scheme.name}")
    for suite in both.suites():
        policy = "REQUIRE_ENCRYPT_REQUIRE_DECRYPT" if suite.commits else "FORBID_ENCRYPT_ALLOW_DECRYPT"
        client = Client(commitment_policy=CommitmentPolicy[policy])
        message = client.encrypt(b"text", keyring=both.encrypts, algorithm_suite=suite).ciphertext

        assert client.decrypt(message, keyring=both.decrypts).plaintext == b"text"


# spec: framework/keyring-interface.md#key-provider-id 26f8
@pytest.mark.parametrize("namespace", ["", "aws-kms-custom"])
def test_namespaces_that_other_clients_write_are_read_and_never_written(namespace: str) -> None:
    pem = {"public_key": public_pem(rsa_key()), "private_key": private_pem(rsa_key())}
    written = encrypted(RawRsaKeyring("ours", "name", OAEP, **pem))
    theirs = [replace(key, key_provider_id=namespace) for key in written.encrypted_data_keys]
    keyring = RawRsaKeyring(namespace, "name", OAEP, **pem)

    assert keyring.on_decrypt(to_decrypt(), theirs).plaintext_data_key == written.plaintext_data_key
    with pytest.raises(ConfigurationError, match=r"must not be empty or start with 'aws-kms'.*to encrypt"):
        encrypted(keyring)
