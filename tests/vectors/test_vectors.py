"""The vector file: what was readable stays readable, and what was refused stays refused, for the same reason."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest

from tests.vectors import write
from tests.vectors.readers import COMMITTING
from warmkey import AuthenticationFailed, KeyUnavailable, MalformedMessage, PolicyRefused, WarmkeyError
from warmkey.keyrings import RawAesKeyring

CONTENT = json.loads(write.FILE.read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = CONTENT["vectors"]
FAILURES: dict[str, type[WarmkeyError]] = {
    "malformed": MalformedMessage,
    "authentication": AuthenticationFailed,
    "refused": PolicyRefused,
    "no key": KeyUnavailable,
}
EACH = pytest.mark.parametrize("vector", VECTORS, ids=[f"{vector['suite']} {vector['what']}" for vector in VECTORS])


def keyring() -> RawAesKeyring:
    key = CONTENT["wrapping key"]
    return RawAesKeyring(key["namespace"], key["name"], base64.b64decode(key["key"]))


# spec: client-apis/decrypt.md#get-the-decryption-materials 3de0
# spec: client-apis/decrypt.md#verify-the-header f220
@EACH
def test_each_ends_as_it_says(vector: dict[str, Any]) -> None:
    message, supplied = base64.b64decode(vector["message"]), vector.get("supplied")
    if vector["outcome"] == "success":
        result = COMMITTING.decrypt(message, keyring=keyring(), encryption_context=supplied)

        assert result.plaintext == base64.b64decode(vector["plaintext"])
        assert result.encryption_context == vector["context"]
        assert f"{result.algorithm_suite.value:04x}" == vector["suite"]
    else:
        with pytest.raises(FAILURES[vector["outcome"]]):
            COMMITTING.decrypt(message, keyring=keyring(), encryption_context=supplied)


@EACH
def test_so_does_each_as_a_stream(vector: dict[str, Any]) -> None:
    source, supplied = io.BytesIO(base64.b64decode(vector["message"])), vector.get("supplied")
    stream = COMMITTING.decrypt_stream(source, keyring=keyring(), encryption_context=supplied)
    if vector["outcome"] == "success":
        assert stream.read() == base64.b64decode(vector["plaintext"])
        assert stream.encryption_context == vector["context"]
    else:
        with pytest.raises(FAILURES[vector["outcome"]]):
            stream.read()


def test_the_file_is_what_the_forge_writes() -> None:
    assert write.FILE.read_text(encoding="utf-8") == write.content()


def test_every_outcome_and_suite_is_there() -> None:
    assert {vector["outcome"] for vector in VECTORS} == {"success", *FAILURES}
    assert len({vector["suite"] for vector in VECTORS}) == 11
