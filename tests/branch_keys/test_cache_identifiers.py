"""Cache entry identifiers, beside the formula of the specification written out."""

from __future__ import annotations

import hashlib
import uuid

from warmkey.branch_keys.cache_identifiers import decrypt_identifier, encrypt_identifier
from warmkey.cmms.cache_entry_identifier import encrypt_identifier as cmm_identifier

PARTITION = uuid.UUID("4d7a1c3e-0a3d-4b52-9a55-0d5d3b1f0a11").bytes
VERSION = "83c9f1d3-9a4a-4ed7-a1f0-2f2e0e0d1c11"


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials 3345 5a10 f000 4dff 11f1 d58c
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas 06eb
# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#resource-identifier
# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#scope-identifier
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#resource-suffix e418
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#logical-key-store-name c350
def test_of_the_active_version() -> None:
    expected = hashlib.sha384(b"\x02\x00\x01\x00" + PARTITION + b"\x00logical\x00tenant-\xc3\xa9").digest()

    assert encrypt_identifier(PARTITION, "logical", "tenant-é") == expected


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials c3be 5a10 b94e 4dff 11f1 d58c 4c63
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#resource-suffix e418
def test_of_a_version() -> None:
    parts = b"\x02\x00\x02\x00partition\x00logical\x00tenant\x00" + VERSION.encode()

    assert decrypt_identifier(b"partition", "logical", "tenant", VERSION) == hashlib.sha384(parts).digest()


def test_every_part_counts() -> None:
    identifiers = {
        encrypt_identifier(b"p", "l", "b"),
        encrypt_identifier(b"x", "l", "b"),
        encrypt_identifier(b"p", "x", "b"),
        encrypt_identifier(b"p", "l", "x"),
        decrypt_identifier(b"p", "l", "b", VERSION),
        decrypt_identifier(b"p", "l", "b", str(uuid.UUID(int=0))),
        cmm_identifier("p", None, b""),
    }

    assert len(identifiers) == 7
    assert {len(identifier) for identifier in identifiers} == {48}
