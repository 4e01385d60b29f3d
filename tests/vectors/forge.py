"""Writes messages field by field, from the pages of the format alone: it shares no code with the library.

Whoever holds a data key can write anything and authenticate it, and so can a :class:`Forgery`: every field may be
given another value than the right one, and tags and signature are computed over what was written. Slow, plain, and
with its own tables on purpose.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Pair = tuple[bytes, bytes]

PUBLIC_KEY_FIELD = b"aws-crypto-public-key"
WRAPPING_KEY = bytes(range(32))
NAMESPACE = "forge"
KEY_NAME = "anvil"


class Suite(NamedTuple):
    """A row of the specification's tables. Source: framework/algorithm-suites.md."""

    id: int
    version: int
    key_length: int
    kdf: hashes.HashAlgorithm | None
    commits: bool
    curve: ec.EllipticCurve | None
    digest: hashes.HashAlgorithm | None

    @property
    def id_bytes(self) -> bytes:
        return self.id.to_bytes(2, "big")

    @property
    def message_id_length(self) -> int:
        return 32 if self.version == 2 else 16


_P256, _P384 = ec.SECP256R1(), ec.SECP384R1()
_SHA256, _SHA384, _SHA512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()

SUITES = {
    suite.id: suite
    for suite in (
        Suite(0x0014, 1, 16, None, False, None, None),
        Suite(0x0046, 1, 24, None, False, None, None),
        Suite(0x0078, 1, 32, None, False, None, None),
        Suite(0x0114, 1, 16, _SHA256, False, None, None),
        Suite(0x0146, 1, 24, _SHA256, False, None, None),
        Suite(0x0178, 1, 32, _SHA256, False, None, None),
        Suite(0x0214, 1, 16, _SHA256, False, _P256, _SHA256),
        Suite(0x0346, 1, 24, _SHA384, False, _P384, _SHA384),
        Suite(0x0378, 1, 32, _SHA384, False, _P384, _SHA384),
        Suite(0x0478, 2, 32, _SHA512, True, None, None),
        Suite(0x0578, 2, 32, _SHA512, True, _P384, _SHA384),
    )
}


def hkdf(algorithm: hashes.HashAlgorithm, key: bytes, *, salt: bytes | None, info: bytes, length: int) -> bytes:
    return HKDF(algorithm, length, salt, info).derive(key)


def derived_keys(suite_id: int, data_key: bytes, message_id: bytes) -> tuple[bytes, bytes]:
    """Encryption key and commit key (empty where there is none).

    Source: framework/transitive-requirements.md#hkdf-encryption-key
    """
    suite = SUITES[suite_id]
    if suite.kdf is None:
        return data_key, b""
    if not suite.commits:
        info = suite.id_bytes + message_id
        return hkdf(suite.kdf, data_key, salt=None, info=info, length=suite.key_length), b""
    encryption_key = hkdf(suite.kdf, data_key, salt=message_id, info=suite.id_bytes + b"DERIVEKEY", length=32)
    return encryption_key, hkdf(suite.kdf, data_key, salt=message_id, info=b"COMMITKEY", length=32)


def sized(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def serialized_pairs(pairs: list[Pair]) -> bytes:
    """The pairs in the order given."""
    if not pairs:
        return b""
    return len(pairs).to_bytes(2, "big") + b"".join(sized(key) + sized(value) for key, value in pairs)


def wrapped(data_key: bytes, aad: bytes, *, wrapping_key: bytes = WRAPPING_KEY, iv: bytes = b"\x07" * 12) -> bytes:
    """An encrypted data key entry of the raw AES keyring. Source: framework/raw-aes-keyring.md#onencrypt."""
    info = KEY_NAME.encode() + (128).to_bytes(4, "big") + (12).to_bytes(4, "big") + iv
    return sized(NAMESPACE.encode()) + sized(info) + sized(AESGCM(wrapping_key).encrypt(iv, data_key, aad))


@dataclass(kw_only=True)
class Forgery:
    """A message to be written.

    :ivar fields: header fields to be written with these bytes instead of the right ones, by name
    :ivar pairs: the encryption context as it is stored, in this order; the public key comes on top by itself
    :ivar only_authenticated: pairs that are authenticated and not stored
    :ivar keys: whole encrypted data key entries instead of the one for ``WRAPPING_KEY``
    """

    suite_id: int = 0x0478
    pairs: list[Pair] = field(default_factory=list)
    only_authenticated: list[Pair] = field(default_factory=list)
    frame_length: int = 16
    framed: bool = True
    fields: dict[str, bytes] = field(default_factory=dict)
    keys: list[bytes] | None = None
    message_id: bytes | None = None
    data_key: bytes | None = None
    header_iv: bytes = bytes(12)
    public_key: bytes | None = None
    with_public_key: bool = True
    signing_scalar: int = 0x5EED

    def __post_init__(self) -> None:
        suite = self.suite
        self.message_id = self.message_id or bytes(range(100, 100 + suite.message_id_length))
        self.data_key = self.data_key or bytes(range(50, 50 + suite.key_length))
        if suite.curve is not None:
            self.signing_key = ec.derive_private_key(self.signing_scalar, suite.curve)
            if self.with_public_key:
                point = self.signing_key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
                self.pairs = sorted([*self.pairs, (PUBLIC_KEY_FIELD, self.public_key or base64.b64encode(point))])

    @property
    def suite(self) -> Suite:
        return SUITES[self.suite_id]

    @property
    def secrets(self) -> tuple[bytes, bytes, AESGCM]:
        """Data key, commit key and the cipher of the derived key."""
        assert self.data_key is not None
        assert self.message_id is not None
        encryption_key, commit_key = derived_keys(self.suite_id, self.data_key, self.message_id)
        return self.data_key, commit_key, AESGCM(encryption_key)

    def header_fields(self) -> list[tuple[str, bytes]]:
        """The header body, field by field. Source: data-format/message-header.md#structure."""
        suite = self.suite
        assert self.message_id is not None
        context = serialized_pairs(self.pairs)
        aad = serialized_pairs(sorted([*self.pairs, *self.only_authenticated]))
        keys = self.keys if self.keys is not None else [wrapped(self.secrets[0], aad)]
        fields = [
            ("version", bytes((suite.version,))),
            ("type", b"\x80"),
            ("algorithm suite ID", suite.id_bytes),
            ("message ID", self.message_id),
            ("context length", len(context).to_bytes(2, "big")),
            ("context", context),
            ("key count", len(keys).to_bytes(2, "big")),
            ("keys", b"".join(keys)),
            ("content type", b"\x02" if self.framed else b"\x01"),
            ("reserved", bytes(4)),
            ("IV length", b"\x0c"),
            ("frame length", (self.frame_length if self.framed else 0).to_bytes(4, "big")),
            ("suite data", self.secrets[1]),
        ]
        absent = {"type", "reserved", "IV length"} if suite.version == 2 else {"suite data"}
        return [(name, self.fields.get(name, value)) for name, value in fields if name not in absent]

    def header(self) -> bytes:
        body = b"".join(value for _name, value in self.header_fields())
        iv = self.header_iv if self.suite.version == 1 else bytes(12)
        tag = self.secrets[2].encrypt(iv, b"", body + serialized_pairs(sorted(self.only_authenticated)))
        return body + (iv if self.suite.version == 1 else b"") + tag

    def block(
        self, content: bytes, number: int, kind: bytes, *, iv: bytes | None = None, length: int | None = None
    ) -> tuple[bytes, bytes]:
        """IV, and content with tag. *length* is the one to authenticate."""
        iv = number.to_bytes(12, "big") if iv is None else iv
        aad = self.aad(number, kind, len(content) if length is None else length)
        return iv, self.secrets[2].encrypt(iv, content, aad)

    def aad(self, number: int, kind: bytes, length: int) -> bytes:
        """What a block authenticates beside its content. Source: data-format/message-body-aad.md#structure."""
        assert self.message_id is not None
        counted = length.to_bytes(8, "big")
        return self.message_id + b"AWSKMSEncryptionClient " + kind + number.to_bytes(4, "big") + counted

    def frame(self, content: bytes, number: int, **details: Any) -> bytes:
        iv, sealed = self.block(content, number, b"Frame", **details)
        return number.to_bytes(4, "big") + iv + sealed

    def final_frame(self, content: bytes, number: int, **details: Any) -> bytes:
        iv, sealed = self.block(content, number, b"Final Frame", **details)
        return b"\xff" * 4 + number.to_bytes(4, "big") + iv + len(content).to_bytes(4, "big") + sealed

    def non_framed(self, content: bytes, **details: Any) -> bytes:
        iv, sealed = self.block(content, 1, b"Single Block", **details)
        return iv + len(content).to_bytes(8, "big") + sealed

    def body(self, plaintext: bytes) -> bytes:
        if not self.framed:
            return self.non_framed(plaintext)
        size = self.frame_length
        pieces = [plaintext[start : start + size] for start in range(0, len(plaintext), size)] or [b""]
        frames = [self.frame(piece, number) for number, piece in enumerate(pieces[:-1], 1)]
        return b"".join([*frames, self.final_frame(pieces[-1], len(pieces))])

    def footer(self, signed: bytes) -> bytes:
        """Signature length and signature, or nothing. RFC 6979 makes the same input give the same bytes."""
        if self.suite.curve is None or self.suite.digest is None:
            return b""
        return sized(self.signing_key.sign(signed, ec.ECDSA(self.suite.digest, deterministic_signing=True)))

    def message(self, plaintext: bytes = b"", *, body: bytes | None = None) -> bytes:
        """Header, body and footer. *body* instead of the right one for *plaintext*."""
        signed = self.header() + (self.body(plaintext) if body is None else body)
        return signed + self.footer(signed)
