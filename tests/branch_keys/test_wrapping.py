"""The bytes of a wrapped data key, beside another way to make them."""

from __future__ import annotations

import copy
import pickle
import uuid

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.branch_key_forge import derived_key
from warmkey.branch_keys import BranchKeyMaterials
from warmkey.branch_keys.wrapping import BranchKeyCipher, InvalidTag, ciphertext_length, version_in

BRANCH_KEY = bytes(range(32))
VERSION = uuid.UUID("83c9f1d3-9a4a-4ed7-a1f0-2f2e0e0d1c11")
RANDOM = bytes(range(100, 128))
CONTEXT = b"\x00\x01\x00\x01k\x00\x01v"


def cipher(
    *, branch_key: bytes = BRANCH_KEY, version: uuid.UUID = VERSION, branch_key_id: str = "tenant-é"
) -> BranchKeyCipher:
    return BranchKeyCipher(
        BranchKeyMaterials(branch_key_id=branch_key_id, branch_key_version=str(version), branch_key=branch_key)
    )


def wrapping_key(salt: bytes) -> bytes:
    """What the specification's key derivation gives, by the library's own construction."""
    return derived_key(BRANCH_KEY, label=b"aws-kms-hierarchy", context=salt)


# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 14ff b6d0 4444 2ecd a7b1 33ba
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad 7b1a 0ce5
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt bc4e
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 1f6d
@pytest.mark.parametrize("length", [16, 24, 32])
def test_the_ciphertext_byte_by_byte(length: int) -> None:
    data_key = bytes(length)

    ciphertext = cipher().wrap(data_key, RANDOM, CONTEXT)

    salt, iv = RANDOM[:16], RANDOM[16:]
    aad = b"aws-kms-hierarchy" + b"tenant-\xc3\xa9" + VERSION.bytes + CONTEXT
    assert ciphertext == salt + iv + VERSION.bytes + AESGCM(wrapping_key(salt)).encrypt(iv, data_key, aad)
    assert len(ciphertext) == ciphertext_length(length) == 60 + length
    assert version_in(ciphertext) == VERSION.bytes


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping f918 d58e b2e4 5279 4cbf d404
def test_it_comes_back() -> None:
    ciphertext = cipher().wrap(b"data key of some kind, 32 bytes.", RANDOM, CONTEXT)

    assert cipher().unwrap(ciphertext, CONTEXT) == b"data key of some kind, 32 bytes."


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad 7b1a
@pytest.mark.parametrize(
    "stranger",
    [
        cipher(branch_key=bytes(32)),
        cipher(version=uuid.UUID(int=1)),
        cipher(branch_key_id="tenant-b"),
    ],
    ids=["branch key", "version", "id"],
)
def test_another_branch_key_version_or_id_does_not_unwrap_it(stranger: BranchKeyCipher) -> None:
    ciphertext = cipher().wrap(bytes(32), RANDOM, CONTEXT)

    with pytest.raises(InvalidTag):
        stranger.unwrap(ciphertext, CONTEXT)


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping d404
def test_another_context_does_not_unwrap_it() -> None:
    with pytest.raises(InvalidTag):
        cipher().unwrap(cipher().wrap(bytes(32), RANDOM, CONTEXT), b"")


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping d58e b2e4 4cbf 52df
@pytest.mark.parametrize("position", [*range(28), *range(44, 92)])
def test_every_byte_counts(position: int) -> None:
    """Those of the version, 28 to 43, decide which branch key is looked up."""
    ciphertext = bytearray(cipher().wrap(bytes(32), RANDOM, CONTEXT))
    ciphertext[position] ^= 1

    with pytest.raises(InvalidTag):
        cipher().unwrap(bytes(ciphertext), CONTEXT)


def test_a_cipher_shows_nothing_and_goes_nowhere() -> None:
    assert repr(cipher()) == "<BranchKeyCipher>"
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="holds key material"):
            leave(cipher())
