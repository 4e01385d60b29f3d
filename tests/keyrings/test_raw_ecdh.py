from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from tests.keyrings.line_up import (
    CONTEXT,
    ec_key,
    encrypted,
    private_pem,
    public_der,
    public_pem,
    raw_discovery,
    raw_ephemeral,
    raw_static,
    rsa_key,
    to_decrypt,
)
from warmkey import Client, ConfigurationError, EncryptedDataKey, KeyUnavailable, MultiKeyring
from warmkey.keyrings import (
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    PublicKeyDiscovery,
    RawEcdhKeyring,
    RawPrivateKeyToStaticPublicKey,
)

if TYPE_CHECKING:
    from warmkey import EncryptionMaterials

P256, P384, P521 = EcdhCurveSpec
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "material_providers_library.json").read_text("utf-8"))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def only_key(made: EncryptionMaterials) -> EncryptedDataKey:
    (key,) = made.encrypted_data_keys
    return key


class TestKnownAnswers:
    """Data keys that the AWS Cryptographic Material Providers Library wrapped."""

    @pytest.fixture(params=VECTORS["raw_ecdh"], ids=lambda row: row["curve_spec"])
    def row(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        row: dict[str, Any] = request.param
        return row

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt f594
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 73bf 5d8a e5f4 f740 8244 50d5 fffc 3b6f
    # spec: framework/key-agreement-schemas.md#raw-ecdh-key-agreement-schemas 337a
    # spec: framework/key-agreement-schemas.md#key-derivation 5ed3 84ec b090 0879 c095 f2b4 68e2 5c1c aaca ddef
    # spec: framework/raw-ecdh-keyring.md#onencrypt f594
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 73bf 5d8a e5f4 f740 7fbf 50d5 fffc 3b6f
    # spec: framework/raw-ecdh-keyring.md#data-key-unwrapping df78 d58e b2e4 4f42 5d1c deb2
    @pytest.mark.parametrize("which", ["static", "ephemeral", "static, empty context"])
    def test_the_recipient_decrypts_by_discovery(self, row: dict[str, Any], which: str) -> None:
        # spec: framework/raw-ecdh-keyring.md#key-provider-information 236d
        schema = PublicKeyDiscovery(recipient_static_private_key=row["recipient_private_key"].encode())

        self.check(RawEcdhKeyring(schema, curve_spec=EcdhCurveSpec[row["curve_spec"]]), row[which], which)

    # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 7837
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 6a0b
    @pytest.mark.parametrize("who", ["sender", "recipient"])
    def test_both_parties_decrypt_what_one_encrypted_for_the_other(self, row: dict[str, Any], who: str) -> None:
        other = {"sender": "recipient", "recipient": "sender"}[who]
        others_key = serialization.load_pem_private_key(row[f"{other}_private_key"].encode(), password=None)
        assert isinstance(others_key, ec.EllipticCurvePrivateKey)
        schema = RawPrivateKeyToStaticPublicKey(
            sender_static_private_key=row[f"{who}_private_key"].encode(), recipient_public_key=public_der(others_key)
        )

        self.check(RawEcdhKeyring(schema, curve_spec=EcdhCurveSpec[row["curve_spec"]]), row["static"], "static")

    @staticmethod
    def check(keyring: RawEcdhKeyring, vector: dict[str, str], which: str) -> None:
        key = EncryptedDataKey(
            key_provider_id=vector["key_provider_id"],
            key_provider_info=bytes.fromhex(vector["key_provider_info"]),
            ciphertext=bytes.fromhex(vector["ciphertext"]),
        )
        context = {} if which.endswith("empty context") else VECTORS["encryption_context"]

        unwrapped = keyring.on_decrypt(to_decrypt(context=context), [key])

        assert bytes.fromhex(vector["data_key"]) == unwrapped.plaintext_data_key


@pytest.mark.parametrize("spec", EcdhCurveSpec)
class TestLayout:
    # spec: framework/raw-ecdh-keyring.md#onencrypt a686 aaf5
    def test_the_provider_information_has_version_recipient_and_sender(self, spec: EcdhCurveSpec) -> None:
        # spec: framework/raw-ecdh-keyring.md#key-provider-information 236d
        key = only_key(encrypted(raw_static(spec, "alice", "bob")))
        sender, recipient = point(ec_key(spec, "alice")), point(ec_key(spec, "bob"))
        length = {P256: 33, P384: 49, P521: 67}[spec].to_bytes(4, "big")

        assert key.key_provider_id == "raw-ecdh"
        assert key.key_provider_info == b"\x01" + length + recipient + length + sender

    # spec: framework/raw-ecdh-keyring.md#onencrypt a686
    def test_the_ciphertext_has_salt_commitment_wrapped_key_and_tag(self, spec: EcdhCurveSpec) -> None:
        # Source: framework/raw-ecdh-keyring.md#ciphertext
        key = only_key(encrypted(raw_static(spec, "alice", "bob")))

        assert len(key.ciphertext) == 32 + 32 + 32 + 16

    # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey b4af
    def test_an_ephemeral_key_pair_serves_one_data_key(self, spec: EcdhCurveSpec) -> None:
        keyring = raw_ephemeral(spec, "bob")
        infos = [only_key(encrypted(keyring)).key_provider_info for _ in range(2)]

        half = (len(infos[0]) - 1) // 2
        assert infos[0][: 1 + half] == infos[1][: 1 + half]
        assert infos[0][1 + half :] != infos[1][1 + half :]


class TestWhoDecryptsWhat:
    """alice and bob write to each other; carol reads nothing of it."""

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 29ca
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 29ca
    # spec: framework/raw-ecdh-keyring.md#onencrypt 6a0b
    @pytest.mark.parametrize("provider_id", ["raw-ecdh", "aws-kms-ecdh"])
    def test_either_provider_id_is_read(self, provider_id: str) -> None:
        made = encrypted(raw_static(P256, "alice", "bob"))
        key = replace(only_key(made), key_provider_id=provider_id)

        unwrapped = raw_static(P256, "bob", "alice").on_decrypt(to_decrypt(), [key])

        assert made.plaintext_data_key == unwrapped.plaintext_data_key

    def test_the_sender_reads_what_it_wrote(self) -> None:
        keyring = raw_static(P256, "alice", "bob")
        made = encrypted(keyring)

        assert made.plaintext_data_key == keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys).plaintext_data_key

    # spec: framework/key-agreement-schemas.md#publickeydiscovery 8f56
    # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey db46
    # spec: framework/raw-ecdh-keyring.md#ondecrypt a3ad 8f89
    @pytest.mark.parametrize(
        "reader",
        [
            raw_static(P256, "carol", "alice"),
            raw_static(P256, "carol", "bob"),
            raw_static(P256, "bob", "carol"),
            raw_static(P256, "bob", "bob"),
            raw_static(P384, "bob", "alice"),
            raw_discovery(P256, "carol"),
            raw_discovery(P256, "alice"),
            raw_discovery(P384, "bob"),
        ],
        ids=[
            "carol's static to alice",
            "carol's static to bob",
            "bob's static to carol",
            "bob's static to himself",
            "bob's static on another curve",
            "carol's discovery",
            "alice's discovery",
            "bob's discovery on another curve",
        ],
    )
    def test_nobody_else_tries(self, reader: RawEcdhKeyring) -> None:
        made = encrypted(raw_static(P256, "alice", "bob"))

        with pytest.raises(KeyUnavailable) as failure:
            reader.on_decrypt(to_decrypt(), made.encrypted_data_keys)
        assert failure.value.attempts == ()

    # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey d4ee 3a24 fff1
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 86fa
    def test_an_ephemeral_keyring_never_decrypts(self) -> None:
        keyring = raw_ephemeral(P256, "bob")

        with pytest.raises(ConfigurationError, match="can only encrypt"):
            keyring.on_decrypt(to_decrypt(), encrypted(keyring).encrypted_data_keys)

    # spec: framework/key-agreement-schemas.md#publickeydiscovery 804f
    # spec: framework/raw-ecdh-keyring.md#onencrypt afd3 3944
    def test_a_discovery_keyring_never_encrypts(self) -> None:
        with pytest.raises(ConfigurationError, match="can only decrypt"):
            encrypted(raw_discovery(P256, "bob"))

    def test_ephemeral_and_discovery_make_a_multi_keyring(self) -> None:
        keyring = MultiKeyring(raw_ephemeral(P256, "bob"), [raw_static(P256, "alice", "bob")])
        client = Client()
        message = client.encrypt(b"text", keyring=keyring, encryption_context=CONTEXT).ciphertext

        assert client.decrypt(message, keyring=raw_discovery(P256, "bob")).plaintext == b"text"
        assert client.decrypt(message, keyring=keyring).plaintext == b"text"


# spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey 6ec6
# spec: framework/key-agreement-schemas.md#key-derivation d1bc
@pytest.mark.parametrize("keyring", [raw_ephemeral(P256, "bob"), raw_static(P256, "alice", "bob")], ids=["key", "salt"])
def test_without_randomness_nothing_is_encrypted(keyring: RawEcdhKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_length: int) -> bytes:
        raise OSError

    monkeypatch.setattr("os.urandom", fail)
    with pytest.raises(OSError, match=r"^$"):
        encrypted(keyring, data_key=bytes(32))


class TestDamage:
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 9e2b 3cd6 f085 449c 13f1
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 9e2b 3cd6 f085 449c 13f1
    def test_what_is_damaged_is_an_attempt_and_the_next_key_is_tried(self) -> None:
        made = encrypted(raw_static(P256, "alice", "bob"))
        key = only_key(made)
        damaged = []
        for position in (0, 32, 64, 111):
            ciphertext = bytearray(key.ciphertext)
            ciphertext[position] ^= 1
            damaged.append(replace(key, ciphertext=bytes(ciphertext)))
        bob = raw_discovery(P256, "bob")

        assert bob.on_decrypt(to_decrypt(), [*damaged, key, *damaged]).plaintext_data_key == made.plaintext_data_key
        with pytest.raises(KeyUnavailable) as failure:
            bob.on_decrypt(to_decrypt(), damaged)
        assert len(failure.value.attempts) == len(damaged)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 8871 f085
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 8871 f085
    @pytest.mark.parametrize("position", [0, 31, 32, 63, 64, 95, 96, 111])
    def test_salt_commitment_key_and_tag_are_authenticated(self, position: int) -> None:
        key = only_key(encrypted(raw_static(P256, "alice", "bob")))
        damaged = bytearray(key.ciphertext)
        damaged[position] ^= 1

        with pytest.raises(KeyUnavailable, match="it does not authenticate between these keys") as failure:
            raw_discovery(P256, "bob").on_decrypt(to_decrypt(), [replace(key, ciphertext=bytes(damaged))])
        assert len(failure.value.attempts) == 1

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 50d5
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 50d5
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 1af4
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 1af4
    @pytest.mark.parametrize("change", [b"", b"\0"], ids=["shorter", "longer"])
    def test_the_ciphertext_has_the_length_of_the_suite(self, change: bytes) -> None:
        # Source: framework/raw-ecdh-keyring.md#ciphertext
        key = only_key(encrypted(raw_static(P256, "alice", "bob")))
        ciphertext = key.ciphertext + change if change else key.ciphertext[:-1]

        with pytest.raises(KeyUnavailable, match="wrong length for the algorithm suite") as failure:
            raw_discovery(P256, "bob").on_decrypt(to_decrypt(), [replace(key, ciphertext=ciphertext)])
        assert len(failure.value.attempts) == 1

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 2507
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 2507
    def test_another_version_is_not_read(self) -> None:
        key = only_key(encrypted(raw_static(P256, "alice", "bob")))

        with pytest.raises(KeyUnavailable) as failure:
            raw_discovery(P256, "bob").on_decrypt(
                to_decrypt(), [replace(key, key_provider_info=b"\x02" + key.key_provider_info[1:])]
            )
        assert failure.value.attempts == ()

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt f39a
    # spec: framework/raw-ecdh-keyring.md#ondecrypt f39a
    def test_every_cut_and_every_length_of_the_provider_information_is_refused(self) -> None:
        key = only_key(encrypted(raw_static(P256, "alice", "bob")))
        info = key.key_provider_info
        cuts = [info[:length] for length in range(len(info))]
        lengths = [info[:4] + bytes([n]) + info[5:] for n in (0, 32, 34, 70, 255)]
        huge = [info[:1] + b"\xff" * 4 + info[5:], info[:38] + b"\xff" * 4 + info[42:], info + b"\0"]

        for bad in cuts + lengths + huge:
            with pytest.raises(KeyUnavailable):
                raw_discovery(P256, "bob").on_decrypt(to_decrypt(), [replace(key, key_provider_info=bad)])

    # spec: framework/raw-ecdh-keyring.md#ondecrypt 52fc
    @pytest.mark.parametrize(
        "sender",
        [
            b"\x00" * 33,  # the point at infinity, padded
            b"\x02" + b"\xff" * 32,  # no x-coordinate of the field
            b"\x02" + bytes(31) + b"\x01",  # an x-coordinate that no point has
            b"\x04" + bytes(32),  # uncompressed
        ],
        ids=bytes.hex,
    )
    def test_a_sender_that_is_no_point_is_refused(self, sender: bytes) -> None:
        key = only_key(encrypted(raw_ephemeral(P256, "bob")))
        info = key.key_provider_info[:-33] + sender

        with pytest.raises(KeyUnavailable, match="sender's public key is not a point of the curve"):
            raw_discovery(P256, "bob").on_decrypt(to_decrypt(), [replace(key, key_provider_info=info)])

    def test_another_sender_does_not_authenticate(self) -> None:
        key = only_key(encrypted(raw_ephemeral(P256, "bob")))
        info = key.key_provider_info[:-33] + point(ec_key(P256, "carol"))

        with pytest.raises(KeyUnavailable, match="does not authenticate"):
            raw_discovery(P256, "bob").on_decrypt(to_decrypt(), [replace(key, key_provider_info=info)])

    def test_the_two_parties_may_not_be_swapped(self) -> None:
        key = only_key(encrypted(raw_static(P256, "alice", "bob")))
        info = key.key_provider_info
        swapped = info[:5] + info[-33:] + info[38:42] + info[5:38]

        with pytest.raises(KeyUnavailable, match="does not authenticate"):
            raw_static(P256, "bob", "alice").on_decrypt(to_decrypt(), [replace(key, key_provider_info=swapped)])


class TestConstructor:
    # spec: framework/raw-ecdh-keyring.md#initialization eca8
    # spec: framework/raw-ecdh-keyring.md#curve-specification df6b
    # spec: framework/raw-ecdh-keyring.md#supported-curve-specifications 263f
    @pytest.mark.parametrize("curve_spec", [None, "ECC_NIST_P256", "SM2"])
    def test_the_curve_is_one_of_the_enum(self, curve_spec: Any) -> None:
        schema = PublicKeyDiscovery(recipient_static_private_key=private_pem(ec_key(P256, "bob")))

        with pytest.raises(ConfigurationError, match=r"must be one of EcdhCurveSpec\.ECC_NIST_P256"):
            RawEcdhKeyring(schema, curve_spec=curve_spec)

    # spec: framework/raw-ecdh-keyring.md#initialization 0d4b
    @pytest.mark.parametrize(
        "schema", [None, "PublicKeyDiscovery", KmsPublicKeyDiscovery(recipient_kms_identifier="1")]
    )
    def test_the_schema_is_one_of_three(self, schema: Any) -> None:
        with pytest.raises(ConfigurationError, match="allowed: EphemeralPrivateKeyToStaticPublicKey, PublicKeyDisc"):
            RawEcdhKeyring(schema, curve_spec=P256)

    # spec: framework/raw-ecdh-keyring.md#initialization 6ed5
    @pytest.mark.parametrize(
        "public_key",
        [
            public_der(ec_key(P384, "bob")),
            public_der(ec_key(P521, "bob")),
            public_der(ec.generate_private_key(ec.SECP256K1())),
            public_der(rsa_key()),
            x25519.X25519PrivateKey.generate().public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        ],
        ids=["P-384", "P-521", "secp256k1", "RSA", "X25519"],
    )  # fmt: skip
    def test_the_public_key_is_of_the_curve(self, public_key: bytes) -> None:
        schemas = (
            EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=public_key),
            RawPrivateKeyToStaticPublicKey(
                sender_static_private_key=private_pem(ec_key(P256, "alice")), recipient_public_key=public_key
            ),
        )
        for schema in schemas:
            with pytest.raises(ConfigurationError, match="recipient_public_key is not a key of the curve secp256r1"):
                RawEcdhKeyring(schema, curve_spec=P256)

    # spec: framework/raw-ecdh-keyring.md#initialization 6ed5
    def test_the_private_key_is_of_the_curve(self) -> None:
        for key in (ec_key(P384, "alice"), rsa_key()):
            with pytest.raises(ConfigurationError, match="recipient_static_private_key is not a key of the curve"):
                RawEcdhKeyring(PublicKeyDiscovery(recipient_static_private_key=private_pem(key)), curve_spec=P256)
            schema = RawPrivateKeyToStaticPublicKey(
                sender_static_private_key=private_pem(key), recipient_public_key=public_der(ec_key(P256, "bob"))
            )
            with pytest.raises(ConfigurationError, match="sender_static_private_key is not a key of the curve"):
                RawEcdhKeyring(schema, curve_spec=P256)

    # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey 7854 1240 00ef
    # spec: framework/key-agreement-schemas.md#publickeydiscovery a05d 615c 1a5f
    # spec: framework/raw-ecdh-keyring.md#ecc-keys 257b 5d15
    def test_the_public_key_is_der_and_the_private_key_pem(self) -> None:
        alice = ec_key(P256, "alice")
        private_der = alice.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

        with pytest.raises(ConfigurationError, match="recipient_public_key is not a DER public key"):
            RawEcdhKeyring(
                EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=public_pem(alice)), curve_spec=P256
            )
        with pytest.raises(ConfigurationError, match="recipient_static_private_key is not a PEM private key"):
            RawEcdhKeyring(PublicKeyDiscovery(recipient_static_private_key=private_der), curve_spec=P256)

    # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 613a 615c 1a5f 7854 1240 00ef
    def test_the_keys_of_two_parties_are_der_and_pem(self) -> None:
        alice, bob = ec_key(P256, "alice"), ec_key(P256, "bob")
        private_der = alice.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for private, public, problem in (
            (private_der, public_der(bob), "sender_static_private_key is not a PEM private key"),
            (private_pem(alice), public_pem(bob), "recipient_public_key is not a DER public key"),
        ):
            schema = RawPrivateKeyToStaticPublicKey(sender_static_private_key=private, recipient_public_key=public)
            with pytest.raises(ConfigurationError, match=problem):
                RawEcdhKeyring(schema, curve_spec=P256)

    # spec: framework/raw-ecdh-keyring.md#initialization 6ed5
    def test_the_point_at_infinity_is_refused(self) -> None:
        der = public_der(ec_key(P256, "bob"))
        point_starts = der.index(b"\x03\x42\x00\x04")
        header, algorithm = der[:2], der[2:point_starts]
        infinity = header[:1] + bytes([len(algorithm) + 4]) + algorithm + b"\x03\x02\x00\x00"

        with pytest.raises(ConfigurationError, match="recipient_public_key is not"):
            RawEcdhKeyring(EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=infinity), curve_spec=P256)

    def test_what_is_no_key_is_refused_and_not_shown(self) -> None:
        secret = private_pem(ec_key(P256, "alice"))
        for bad in (b"", b"no key", secret[:80], secret.decode(), None):
            with pytest.raises(ConfigurationError, match="recipient_static_private_key") as failure:
                RawEcdhKeyring(PublicKeyDiscovery(recipient_static_private_key=bad), curve_spec=P256)  # type: ignore[arg-type]
            assert "MIG" not in f"{failure.value!r}{failure.value.__cause__!r}"


# spec: framework/raw-ecdh-keyring.md#initialization b4f5
def test_repr_shows_public_keys_only() -> None:
    keyring = raw_static(P256, "alice", "bob")
    alice, bob = point(ec_key(P256, "alice")).hex(), point(ec_key(P256, "bob")).hex()

    expected = f"RawEcdhKeyring(ECC_NIST_P256, own=<EcdhPublicKey {alice}>, peer=<EcdhPublicKey {bob}>)"
    assert repr(keyring) == expected
    assert repr(raw_discovery(P256, "bob")) == f"RawEcdhKeyring(ECC_NIST_P256, own=<EcdhPublicKey {bob}>, peer=None)"
