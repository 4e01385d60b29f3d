"""What either signature library signs, the official clients verify, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.peers import Case, RawAes
from tests.interop.test_messages import exchange, our_keyring
from tests.vectors.forge import SUITES
from tests.vectors.readers import client_for
from warmkey import AlgorithmSuite, CachingCMM, LocalCMC
from warmkey.crypto.signature_library import SignatureChoice, choose
from warmkey.crypto.signatures import library_in_use

if TYPE_CHECKING:
    from tests.interop.peers import Peer

pytestmark = pytest.mark.interop

SIGNING = [suite_id for suite_id, suite in SUITES.items() if suite.curve is not None]
EVERY_SIGNING_SUITE = pytest.mark.parametrize("suite_id", SIGNING, ids=hex)
# One in 256 coordinates, and one in 128 numbers of a signature, is a byte shorter than others.
MESSAGES = 15
MANY_MESSAGES = 200


@pytest.fixture(params=["cryptography", "awscrt"], autouse=True)
def library(request: pytest.FixtureRequest) -> str:
    choose(SignatureChoice(request.param))
    return str(request.param)


def fresh_keys(peer: Peer, suite_id: int, messages: int) -> None:
    """Every message has keys of its own, on either side."""
    for number in range(messages):
        exchange(peer, Case(suite_id, RawAes(bytes(32)), bytes([number % 256]) * 10, {"tenant": "a"}))


@EVERY_SIGNING_SUITE
def test_signatures_of_many_keys(peer: Peer, suite_id: int, library: str) -> None:
    fresh_keys(peer, suite_id, MESSAGES)

    assert library_in_use() == library


@pytest.mark.full
@EVERY_SIGNING_SUITE
def test_signatures_of_very_many_keys(peer: Peer, suite_id: int) -> None:
    fresh_keys(peer, suite_id, MANY_MESSAGES)


@EVERY_SIGNING_SUITE
def test_many_signatures_of_one_key(peer: Peer, suite_id: int) -> None:
    case = Case(suite_id, RawAes(bytes(32)), context={"tenant": "a"})
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=our_keyring(case.wrapping))
    for _ in range(MESSAGES):
        exchange(peer, case, givers={"cmm": cmm})


@EVERY_SIGNING_SUITE
def test_signatures_of_streams(peer: Peer, suite_id: int) -> None:
    case = Case(suite_id, RawAes(bytes(32)), bytes(1_000))
    stream = client_for(suite_id).encrypt_stream(
        case.plaintext, keyring=our_keyring(case.wrapping), algorithm_suite=AlgorithmSuite(suite_id), frame_length=128
    )

    assert peer.decrypt(case, stream.read()).plaintext == case.plaintext
