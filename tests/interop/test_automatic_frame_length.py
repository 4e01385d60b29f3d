"""Every official client reads the frame lengths that ``auto`` chooses."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from tests.interop.peers import Case, RawAes
from warmkey import AlgorithmSuite, Client
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from tests.interop.peers import Peer

pytestmark = pytest.mark.interop

WRAPPING = RawAes(bytes(range(32)))
KEYRING = RawAesKeyring(WRAPPING.namespace, WRAPPING.name, WRAPPING.key)
SIZES = [0, 4_096, 4_097, 65_536, 65_537, 3 * 65_536, 2_000_000]


@pytest.mark.parametrize("suite_id", [0x0478, 0x0578], ids=hex)
def test_every_size_whole_and_streamed(peer: Peer, suite_id: int) -> None:
    for size in SIZES:
        case = Case(suite_id, WRAPPING, plaintext=os.urandom(size))
        suite = AlgorithmSuite(suite_id)
        whole = Client().encrypt(case.plaintext, keyring=KEYRING, algorithm_suite=suite, frame_length="auto")
        with Client().encrypt_stream(
            io.BytesIO(case.plaintext), keyring=KEYRING, algorithm_suite=suite, frame_length="auto"
        ) as stream:
            streamed = stream.read()

        assert peer.decrypt(case, whole.ciphertext).plaintext == case.plaintext
        assert peer.decrypt(case, streamed).plaintext == case.plaintext
