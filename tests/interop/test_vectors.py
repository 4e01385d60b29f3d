"""What our vector file calls a message is one to the official clients too."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.peers import Case, RawAes
from tests.vectors.test_vectors import CONTENT, VECTORS

if TYPE_CHECKING:
    from tests.interop.peers import Peer

pytestmark = pytest.mark.interop

KEY = CONTENT["wrapping key"]
WRAPPING = RawAes(base64.b64decode(KEY["key"]), KEY["namespace"], KEY["name"])
# What the Python client's keyrings can't be told: pairs that are authenticated and not stored.
READABLE = [vector for vector in VECTORS if vector["outcome"] == "success" and not vector["supplied"]]


@pytest.mark.parametrize("vector", READABLE, ids=[f"{vector['suite']} {vector['what']}" for vector in READABLE])
def test_every_client_reads_what_we_read(peer: Peer, vector: dict[str, Any]) -> None:
    opened = peer.decrypt(Case(int(vector["suite"], 16), WRAPPING), base64.b64decode(vector["message"]))

    assert opened.plaintext == base64.b64decode(vector["plaintext"])
    assert opened.context == vector["context"]
