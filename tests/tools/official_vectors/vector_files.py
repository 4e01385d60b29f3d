"""Small manifests in every public format, with keys and messages of our own."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.vectors.forge import KEY_NAME, NAMESPACE, WRAPPING_KEY, Forgery

if TYPE_CHECKING:
    from pathlib import Path

PLAINTEXT = b"plaintext of a vector"
ACCOUNT = "111122223333"
RAW = {"type": "raw", "key": "aes", "provider-id": NAMESPACE, "encryption-algorithm": "aes"}
RSA = {
    "type": "raw",
    "key": "rsa",
    "provider-id": "ours",
    "encryption-algorithm": "rsa",
    "padding-algorithm": "oaep-mgf1",
    "padding-hash": "sha256",
}
PKCS1 = {**RSA, "key": "rsa-public", "padding-algorithm": "pkcs1"}
ALIAS, ENCRYPT_ONLY, HIERARCHY = (
    {"type": "aws-kms", "key": "alias"},
    {"type": "aws-kms", "key": "encrypt-only"},
    {"type": "aws-kms-hierarchy", "key": "branch"},
)
MRK_WEST, MRK_EAST = ({"type": "aws-kms-mrk-aware", "key": key} for key in ("mrk-west", "mrk-east"))
STATIC, NO_KEY = ({"type": "static-material-keyring", "key": key} for key in ("static", "no-key"))


def _ecdh(schema: str) -> dict[str, str]:
    return {"type": "raw-ecdh", "sender": "ecc", "recipient": "ecc", "ecc-curve": "secp256r1", "schema": schema}


ECDH = {schema: _ecdh(schema) for schema in ("static", "ephemeral", "discovery")}


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def public(key: Any, encoding: Encoding = Encoding.PEM) -> bytes:
    return bytes(key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kms(name: str, *, region: str = "us-west-2", decrypt: bool = True) -> dict[str, Any]:
    key_id = f"arn:aws:kms:{region}:{ACCOUNT}:{name}"
    return {"type": "aws-kms", "encrypt": True, "decrypt": decrypt, "key-id": key_id}


def keys() -> dict[str, Any]:
    """A manifest of keys."""
    pair, sender, recipient = rsa.generate_private_key(65537, 2048), _curve_key(), _curve_key()
    entry = {"keyProviderId": "static", "keyProviderInfo": encoded(b"info"), "ciphertext": encoded(b"wrapped")}
    kms_public = {"type": "aws-kms-rsa", "key-id": kms("key/rsa")["key-id"], "material": public(pair).decode()}
    agreed = {
        "sender-material": pem(sender),
        "recipient-material": pem(recipient),
        "sender-material-public-key": encoded(public(sender, Encoding.DER)),
        "recipient-material-public-key": encoded(public(recipient, Encoding.DER)),
    }
    return {
        "manifest": {"type": "keys", "version": 3},
        "keys": {
            "aes": {"type": "symmetric", "key-id": KEY_NAME, "material": encoded(WRAPPING_KEY)},
            "other-aes": {"type": "symmetric", "key-id": KEY_NAME, "material": encoded(bytes(32))},
            "rsa": {"type": "private", "key-id": "pair", "material": pem(pair)},
            "rsa-public": {"type": "public", "key-id": "pair", "material": public(pair).decode()},
            "ecc": {"type": "ecc-private", **agreed},
            "branch": {
                "type": "static-branch-key",
                "key-id": "tenant",
                "branchKeyVersion": "3f29c2e1-7d2a-4a2e-9c6b-0c1d2e3f4a5b",
                "branchKey": encoded(bytes(range(32))),
            },
            "static": {"encryptedDataKeys": [entry], "plaintextDataKey": encoded(bytes(32)), "type": "static-material"},
            "no-key": {"encryptedDataKeys": [entry], "type": "static-material"},
            "alias": kms("alias/ours"),
            "encrypt-only": kms("key/encrypt-only", decrypt=False),
            "mrk-west": kms("key/mrk-1"),
            "mrk-east": kms("key/mrk-1", region="us-east-1"),
            "kms-rsa": kms_public,
            "kms-ecdh": {
                **agreed,
                "type": "aws-kms-ecdh",
                "sender-material": kms("key/sender")["key-id"],
                "recipient-material": kms("key/recipient")["key-id"],
            },
        },
    }


def _curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def keys_of_version_1() -> dict[str, Any]:
    """Material in lines, and no key IDs: the name of a key is its ID."""
    lines = encoded(WRAPPING_KEY)[:20], encoded(WRAPPING_KEY)[20:]
    key = {"type": "symmetric", "material": lines, "line-separator": ""}
    return {"manifest": {"type": "keys", "version": 1}, "keys": {KEY_NAME: key}}


class Folder:
    """A folder of vectors that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("keys.json", json.dumps(keys()).encode())
        self.write("plain", PLAINTEXT)

    def write(self, name: str, data: bytes) -> str:
        (self.path / name).write_bytes(data)
        return f"file://{name}"

    def message(self, name: str, **details: Any) -> str:
        return self.write(name, Forgery(**details).message(PLAINTEXT))

    def manifest(self, kind: str, version: int, tests: dict[str, Any], **more: Any) -> None:
        content = {"manifest": {"type": kind, "version": version}, "keys": "file://keys.json", "tests": tests, **more}
        self.write("manifest.json", json.dumps(content).encode())
