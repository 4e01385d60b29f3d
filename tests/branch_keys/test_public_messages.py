"""Messages that other clients wrote and published, together with their branch key.

They belong to others and are not part of this repository. To run these tests, put checkouts of the repositories
aws-encryption-sdk-c and aws-encryption-sdk-javascript, or what they have of these files, into one folder and name it::

    WARMKEY_TEST_PUBLIC_MESSAGES=FOLDER .venv-test/bin/python -m pytest tests/branch_keys/test_public_messages.py
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from warmkey import Client, CommitmentPolicy
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "WARMKEY_TEST_PUBLIC_MESSAGES"
FOLDER = os.environ.get(VARIABLE)

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason=f"{VARIABLE} names no folder with messages that other clients published"
)


def found(pattern: str) -> Path:
    for path in sorted(Path(FOLDER or "").rglob(pattern)):
        return path
    pytest.skip(f"{FOLDER} has no {pattern}")


def keyring(key: Mapping[str, str]) -> AwsKmsHierarchicalKeyring:
    key_store = FakeBranchKeyStore()
    key_store.add(
        key["key-id"], branch_key_version=key["branchKeyVersion"], branch_key=base64.b64decode(key["branchKey"])
    )
    return AwsKmsHierarchicalKeyring(key_store, branch_key_id=key["key-id"], ttl_seconds=60)


def published_key() -> dict[str, str]:
    keys = json.loads(found("from-dafny/keys.json").read_bytes())
    key: dict[str, str] = keys["keys"]["static-branch-key-1"]
    return key


def test_messages_of_the_material_providers_library() -> None:
    manifest = found("from-dafny/decrypt-manifest.json")
    client = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
    scenarios = [test["decryption-scenario"] for test in json.loads(manifest.read_bytes())["tests"].values()]
    hierarchical = [each for each in scenarios if each["decryptKeyDescription"].get("key") == "static-branch-key-1"]

    for scenario in hierarchical:
        ciphertext, plaintext = (
            (manifest.parent / scenario[name].removeprefix("file://")).read_bytes() for name in ("ciphertext", "result")
        )
        context = scenario["reproduced-encryption-context"]

        opened = client.decrypt(ciphertext, keyring=keyring(published_key()), encryption_context=context)

        assert opened.plaintext == plaintext
    assert len(hierarchical) == 11


def javascript_messages(source: str) -> Iterator[tuple[bytes, bytes]]:
    """Ciphertext and plaintext of each of JavaScript's examples for this keyring, in the order of the file."""
    examples = source[source.index("export function hierarchicalKeyringCompatibilityVectors") :]
    texts = re.findall(r"\b(ciphertext|plaintextBase64):\s*'([A-Za-z0-9+/=]+)'", examples)
    assert [name for name, _ in texts] == ["ciphertext", "plaintextBase64"] * (len(texts) // 2)
    decoded = [base64.b64decode(text) for _, text in texts]
    return zip(decoded[::2], decoded[1::2], strict=True)


def test_messages_of_the_javascript_client() -> None:
    messages = list(javascript_messages(found("decrypt-node/test/fixtures.ts").read_text(encoding="utf-8")))

    for ciphertext, plaintext in messages:
        assert Client().decrypt(ciphertext, keyring=keyring(published_key())).plaintext == plaintext
    assert len(messages) == 4
