"""Messages exchanged with the official clients: what one writes, the other reads, to the byte.

`make test` runs a fast part; `make interop` runs all of it, with every client.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.interop.peers import Case, Kms, NodePeer, RawAes
from tests.vectors.forge import SUITES
from tests.vectors.readers import COMMITTING, client_for
from warmkey import AlgorithmSuite, AwsKmsKeyring, CachingCMM, LocalCMC
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from tests.interop.peers import Peer

pytestmark = pytest.mark.interop

EVERY_SUITE = pytest.mark.parametrize("suite_id", SUITES, ids=hex)
SOME_SUITES_DAILY = pytest.mark.parametrize(
    "suite_id",
    [
        pytest.param(suite_id, marks=[] if suite_id in (0x0178, 0x0478, 0x0578) else [pytest.mark.full])
        for suite_id in SUITES
    ],
    ids=hex,
)
CONTEXTS = [
    {},
    {"tenant": "a"},
    {"": "empty", "b": "", "a": "1"},
    {"ключ": "значение", "鍵": "値", "é": "ü", "z": "x"},
    # UTF-16 has the astral key before these of the private use area and beyond; UTF-8 has it last.
    {"\U0001f511": "astral", "\ue000": "private use", "\ufb01": "ligature", "z": "🗝"},
    {f"key {number:03}": "value" * number for number in range(60)},
]
RAW_KEYS = [RawAes(bytes(range(size))) for size in (16, 24, 32)]
FRAME_LENGTH = 128  # the Python client writes multiples of it only


def sizes(frame_length: int) -> list[int]:
    many = 20 if frame_length <= 4_096 else 3
    return [0, 1, frame_length - 1, frame_length, frame_length + 1, many * frame_length, many * frame_length + 1]


@cache
def our_keyring(wrapping: RawAes | Kms) -> Any:
    if isinstance(wrapping, Kms):
        return AwsKmsKeyring(wrapping.arn, kms_client=boto3.client("kms", region_name="us-east-1"))
    return RawAesKeyring(wrapping.namespace, wrapping.name, wrapping.key)


def exchange(peer: Peer, case: Case, *, givers: dict[str, Any] | None = None) -> None:
    """Both directions of one case, and what each says of the context."""
    givers = givers or {"keyring": our_keyring(case.wrapping)}
    check_ours(peer, case, givers)
    if case.frame_length or not isinstance(peer, NodePeer):
        check_theirs(peer, case, givers)


def check_ours(peer: Peer, case: Case, givers: dict[str, Any]) -> None:
    """We write, they read."""
    ours = client_for(case.suite_id).encrypt(
        case.plaintext,
        encryption_context=case.context,
        algorithm_suite=AlgorithmSuite(case.suite_id),
        frame_length=case.frame_length or 4_096,
        **givers,
    )
    opened = peer.decrypt(case, ours.ciphertext)

    assert opened.plaintext == case.plaintext
    assert opened.context == ours.encryption_context


def check_theirs(peer: Peer, case: Case, givers: dict[str, Any]) -> None:
    """They write, we read, whole and as a stream."""
    message = peer.encrypt(case)
    result = COMMITTING.decrypt(message, encryption_context=case.context, **givers)
    with COMMITTING.decrypt_stream(message, encryption_context=case.context, **givers) as stream:
        streamed = stream.read()

    assert result.plaintext == streamed == case.plaintext
    assert case.context.items() <= result.encryption_context.items()
    assert result.algorithm_suite.value == case.suite_id
    assert result.header.frame_length == case.frame_length


@EVERY_SUITE
@pytest.mark.parametrize("frame_length", [FRAME_LENGTH, 0], ids=["framed", "non-framed"])
def test_every_size_of_plaintext(peer: Peer, suite_id: int, frame_length: int) -> None:
    for size in sizes(FRAME_LENGTH):
        case = Case(suite_id, RAW_KEYS[2], os.urandom(size), {"tenant": "a"}, frame_length)
        exchange(peer, case)


@EVERY_SUITE
def test_every_kind_of_context(peer: Peer, suite_id: int) -> None:
    for context in CONTEXTS:
        exchange(peer, Case(suite_id, RAW_KEYS[2], b"plaintext", context))


@pytest.mark.parametrize("suite_id", [0x0478, 0x0178], ids=hex)
@pytest.mark.parametrize("wrapping", RAW_KEYS, ids=lambda wrapping: f"AES-{8 * len(wrapping.key)}")
def test_every_length_of_wrapping_key(peer: Peer, suite_id: int, wrapping: RawAes) -> None:
    exchange(peer, Case(suite_id, wrapping))


@pytest.mark.parametrize("suite_id", [0x0478, 0x0578, 0x0178], ids=hex)
@pytest.mark.parametrize("frame_length", [1, 7, 4_095, 2**31 - 1])  # the Python client reads no longer ones
def test_frame_lengths_that_we_may_choose_and_they_may_not(peer: Peer, suite_id: int, frame_length: int) -> None:
    for size in (0, 1, 100):
        case = Case(suite_id, RAW_KEYS[2], os.urandom(size), {}, frame_length)
        check_ours(peer, case, {"keyring": our_keyring(case.wrapping)})


@pytest.mark.parametrize("suite_id", [0x0478, 0x0578, 0x0378], ids=hex)
def test_streams_that_we_write(peer: Peer, suite_id: int) -> None:
    for size in sizes(FRAME_LENGTH):
        case = Case(suite_id, RAW_KEYS[2], os.urandom(size), {"tenant": "a"})
        stream = client_for(suite_id).encrypt_stream(
            case.plaintext,
            keyring=our_keyring(case.wrapping),
            encryption_context=case.context,
            algorithm_suite=AlgorithmSuite(suite_id),
            frame_length=FRAME_LENGTH,
        )

        assert peer.decrypt(case, stream.read()).plaintext == case.plaintext


@EVERY_SUITE
def test_through_each_others_caches(peer: Peer, suite_id: int) -> None:
    """Several messages of one data key, written and read by caching CMMs of either side."""
    case = Case(suite_id, RAW_KEYS[2], b"plaintext", {"tenant": "ключ"}, cache=f"{suite_id:04x}")
    if type(peer).__name__ == "MaterialProvidersPeer" and SUITES[suite_id].curve is not None:
        pytest.skip("the Python client can't cache signed suites over keyrings of the material providers library")
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=our_keyring(case.wrapping))
    for number in range(4):
        exchange(peer, replace(case, plaintext=bytes((number,)) * 300), givers={"cmm": cmm})


@SOME_SUITES_DAILY
def test_keys_of_kms(peer: Peer, kms: Kms, suite_id: int) -> None:
    for context in ({}, {"ключ": "значение", "🔑": "astral", "\ufb01": "fi"}):
        exchange(peer, Case(suite_id, kms, os.urandom(300), context))


@pytest.mark.full
@EVERY_SUITE
def test_keys_of_kms_through_each_others_caches(peer: Peer, kms: Kms, suite_id: int) -> None:
    case = Case(suite_id, kms, context={"tenant": "a"}, cache=f"kms {suite_id:04x}")
    if type(peer).__name__ == "MaterialProvidersPeer" and SUITES[suite_id].curve is not None:
        pytest.skip("the Python client can't cache signed suites over keyrings of the material providers library")
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=our_keyring(case.wrapping))
    for number in range(4):
        exchange(peer, replace(case, plaintext=bytes((number,)) * 300), givers={"cmm": cmm})


@pytest.mark.full
@EVERY_SUITE
@pytest.mark.parametrize("wrapping", RAW_KEYS, ids=lambda wrapping: f"AES-{8 * len(wrapping.key)}")
@pytest.mark.parametrize("frame_length", [256, 4_096, 65_536, 0])
def test_the_full_matrix(peer: Peer, suite_id: int, wrapping: RawAes, frame_length: int) -> None:
    for context in CONTEXTS:
        for size in sizes(frame_length or 4_096):
            exchange(peer, Case(suite_id, wrapping, os.urandom(size), context, frame_length))
