"""The vectors of records, tokens and checkpoints: each ends as it says, and what is written is what they hold."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.vectors import write_sealed
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import AuthenticationFailed, DefaultCMM, MalformedMessage, PolicyRefused, TokenExpired, WarmkeyError
from warmkey.client_apis.decrypt import decrypt
from warmkey.clock import Instant
from warmkey.sealed import checkpoints, records, tokens
from warmkey.sealed.text import from_base64url
from warmkey.sealed.values import decode, encode
from warmkey.sealing import message_in

CONTENT = json.loads(write_sealed.FILE.read_text(encoding="utf-8"))
VECTORS: list[dict[str, Any]] = CONTENT["vectors"]
FAILURES: dict[str, type[WarmkeyError]] = {
    "malformed": MalformedMessage,
    "authentication": AuthenticationFailed,
    "refused": PolicyRefused,
    "expired": TokenExpired,
}


def plaintext_of(message: bytes, kind: Any) -> bytes:
    return decrypt(
        message,
        cmm=DefaultCMM(KEYRING),
        commitment_policy=COMMITTING.commitment_policy,
        max_encrypted_data_keys=None,
        encryption_context={"tenant": "a"},
        kind=kind,
    ).plaintext


def opened(vector: dict[str, Any]) -> Any:
    """As unseal_record and its siblings do, which have the default client's key only."""
    if vector["kind"] == "token":
        message = from_base64url(vector["token"], where="token", writer="seal_token")
        data = tokens.read(plaintext_of(message, "token"), now=Instant(monotonic=0.0, wall=vector["now"]))
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    if vector["kind"] == "checkpoint":
        message = from_base64url(vector["checkpoint"], where="checkpoint", writer="EncryptedSerDes")
        place = checkpoints.Place(*vector["place"]) if vector["place"] else None
        return checkpoints.read(plaintext_of(message, "checkpoint"), place)
    record = {name: decode(value) for name, value in vector["record"].items()}
    bound_to = {name: decode(value) for name, value in vector.get("bound_to", {}).items()} or None
    plaintext = plaintext_of(message_in(record["_sealed"], "_sealed"), "record")
    found = records.restore(record, plaintext, bound_to=bound_to, under="_sealed")
    return {name: encode(value, (name,)) for name, value in found.items()}


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_each_ends_as_it_says(number: int) -> None:
    vector = VECTORS[number]
    if vector["outcome"] == "success":
        assert opened(vector) == normal(vector["result"])
    else:
        with pytest.raises(FAILURES[vector["outcome"]]) as caught:
            opened(vector)
        assert isinstance(caught.value, TokenExpired) == (vector["outcome"] == "expired")


def normal(result: Any) -> Any:
    """A set may be written in any order in a vector's record."""
    if isinstance(result, str):
        return result
    return {name: encode(decode(value), (name,)) for name, value in result.items()}


READABLE = [vector for vector in VECTORS if vector["kind"] == "record" and vector["outcome"] == "success"]


@pytest.mark.parametrize("number", range(len(READABLE)))
def test_what_is_written_is_what_the_vectors_hold(number: int) -> None:
    vector = READABLE[number]
    _, sealed, bound, _ = json.loads(vector["plaintext"])
    result = {name: decode(value) for name, value in vector["result"].items()}
    fields = [tuple(path) if isinstance(path, list) else path for path, _ in sealed]

    _, plaintext = records.take(result, fields, bound_to=[name for name, *_ in bound], under="_sealed")

    assert plaintext.decode() == vector["plaintext"]


def test_the_file_is_what_the_forge_writes() -> None:
    assert write_sealed.FILE.read_text(encoding="utf-8") == write_sealed.content()


def test_every_outcome_is_there() -> None:
    assert {vector["outcome"] for vector in VECTORS} == {"success", *FAILURES}
