"""Wraps data keys under branch keys from the specification's page alone: it shares no code with the library.

Three versions of two branch keys are known here, and to the key store that :func:`key_store` makes.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode

from tests.vectors.forge import sized
from warmkey.testing.branch_keys import FakeBranchKeyStore

PROVIDER = b"aws-kms-hierarchy"
SALT, IV = bytes(range(16)), bytes(range(16, 28))


class Version(NamedTuple):
    """One version of a branch key."""

    branch_key_id: str
    version: uuid.UUID
    key: bytes


TENANT_A_OLD = Version("tenant-a", uuid.UUID("0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a01"), bytes(range(32, 64)))
TENANT_A = Version("tenant-a", uuid.UUID("0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a02"), bytes(range(64, 96)))
TENANT_B = Version("tenant-b", uuid.UUID("0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b01"), bytes(range(96, 128)))
VERSIONS = (TENANT_A_OLD, TENANT_A, TENANT_B)


def key_store() -> FakeBranchKeyStore:
    """A key store that has these versions."""
    store = FakeBranchKeyStore()
    for branch_key_id, version, key in VERSIONS:
        store.add(branch_key_id, branch_key_version=str(version), branch_key=key)
    return store


def derived_key(key: bytes, *, label: bytes, context: bytes) -> bytes:
    """Return what cryptography derives in counter mode, as the hierarchical keyring is to do."""
    return KBKDFHMAC(
        algorithm=hashes.SHA256(),
        mode=Mode.CounterMode,
        length=32,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(key)


def wrapping_cipher(branch_key: bytes, salt: bytes) -> AESGCM:
    """Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping."""
    return AESGCM(derived_key(branch_key, label=PROVIDER, context=salt))


def wrapping_aad(branch_key_id: str, version: bytes, context: bytes) -> bytes:
    """Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad."""
    return PROVIDER + branch_key_id.encode() + version + context


def ciphertext_of(
    data_key: bytes, context: bytes, under: Version = TENANT_A, *, salt: bytes = SALT, iv: bytes = IV
) -> bytes:
    """Salt, IV, version, wrapped key and tag. Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext."""
    aad = wrapping_aad(under.branch_key_id, under.version.bytes, context)
    return salt + iv + under.version.bytes + wrapping_cipher(under.key, salt).encrypt(iv, data_key, aad)


def wrapped_under(
    under: Version, data_key: bytes, context: bytes, *, branch_key_id: str | None = None, iv: bytes = IV
) -> bytes:
    """An encrypted data key entry; *branch_key_id* where it names another branch key than it is wrapped under."""
    name = under.branch_key_id if branch_key_id is None else branch_key_id
    return sized(PROVIDER) + sized(name.encode()) + sized(ciphertext_of(data_key, context, under, iv=iv))
