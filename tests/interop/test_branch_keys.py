"""One table, three clients: each reads what any of them created, rotated and encrypted, before and after rotations."""

from __future__ import annotations

import contextlib
import itertools
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.interop.branch_key_peers import JavaScript, KeyStoreAddress, MaterialProviders, Warmkey
from tests.interop.peers import node_peer, why_no_node
from tests.moto_server import moto_server
from warmkey.branch_keys import BranchKeyStore
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interop.branch_key_peers import BranchKeyPeer

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the library's and its dependencies'
]
pytest.importorskip(
    "aws_cryptographic_material_providers.mpl",
    reason="the material providers library is not installed; `make interop` has it",
)

SUITES = [0x0014, 0x0178, 0x0378, 0x0478, 0x0578]
NAMES = ["warmkey", "mpl", "javascript"]
CUSTOM = {"tenant": "ключ", "purpose": "interop"}
CONTEXT = {"tenant": "ключ", "🔑": "astral", "\ufb01": "ligature", "z": "value"}


@pytest.fixture(scope="module")
def address() -> Iterator[KeyStoreAddress]:
    """A key store on a server of this machine, whose table we create."""
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(moto_server())
        empty = KeyStoreAddress("branch-keys", "logical name", "", endpoint)
        arn = empty.client("kms").create_key()["KeyMetadata"]["Arn"]
        address = KeyStoreAddress(empty.table, empty.logical_name, arn, empty.endpoint)
        Warmkey(address).store.create_table()
        yield address


@pytest.fixture(scope="module")
def peers(address: KeyStoreAddress) -> Iterator[dict[str, BranchKeyPeer]]:
    """All clients that can be had here."""
    found: dict[str, BranchKeyPeer] = {"warmkey": Warmkey(address), "mpl": MaterialProviders(address)}
    if why_no_node():
        yield found
        return
    with node_peer() as process:
        yield {**found, "javascript": JavaScript(address, process)}


def peer(peers: dict[str, BranchKeyPeer], name: str) -> BranchKeyPeer:
    if name not in peers:
        pytest.skip(why_no_node())
    return peers[name]


@pytest.mark.parametrize("rotator", NAMES)
@pytest.mark.parametrize("creator", NAMES)
def test_everybody_reads_what_anybody_wrote(peers: dict[str, BranchKeyPeer], creator: str, rotator: str) -> None:
    branch_key_id = f"branch key of {creator} and {rotator} {uuid.uuid4()}"
    peer(peers, creator).create(branch_key_id, CUSTOM)
    rotate = peer(peers, rotator).rotate
    suites = itertools.cycle(SUITES)
    written = []
    for age in ("old", "new"):
        assert len({each.active_version(branch_key_id) for each in peers.values()}) == 1
        for name, writer in peers.items():
            suite_id, plaintext = next(suites), f"{age} by {name}".encode()
            written.append((suite_id, plaintext, writer.encrypt(branch_key_id, suite_id, plaintext, CONTEXT)))
        if age == "old":
            rotate(branch_key_id)

    for name, reader in peers.items():
        read = [reader.decrypt(branch_key_id, suite_id, message) for suite_id, _, message in written]

        assert read == [plaintext for _, plaintext, _ in written], name


@pytest.mark.parametrize("suite_id", SUITES, ids=hex)
@pytest.mark.parametrize("writer", NAMES)
def test_every_suite(peers: dict[str, BranchKeyPeer], writer: str, suite_id: int) -> None:
    branch_key_id = str(uuid.uuid4())
    peers["warmkey"].create(branch_key_id, CUSTOM)

    message = peer(peers, writer).encrypt(branch_key_id, suite_id, b"plaintext", CONTEXT)

    for reader in peers.values():
        assert reader.decrypt(branch_key_id, suite_id, message) == b"plaintext"


@pytest.mark.parametrize("creator", ["warmkey", "mpl"])
def test_the_beacon_key_is_the_same(peers: dict[str, BranchKeyPeer], creator: str) -> None:
    branch_key_id = str(uuid.uuid4())
    peers[creator].create(branch_key_id, CUSTOM)
    ours, theirs = peers["warmkey"], peers["mpl"]
    assert isinstance(ours, Warmkey)
    assert isinstance(theirs, MaterialProviders)

    beacon = ours.store.get_beacon_key(branch_key_id)

    assert beacon.beacon_key == theirs.beacon_key(branch_key_id)
    assert beacon.encryption_context == CUSTOM


class FakeAddress(KeyStoreAddress):
    """A key store on our fakes, which are stricter than moto."""

    def client(self, service: str) -> FakeKms | FakeDynamoDb:
        return FAKES[service]


FAKES: dict[str, FakeKms | FakeDynamoDb] = {}


@pytest.mark.parametrize(("creator", "rotator"), [("warmkey", "mpl"), ("mpl", "warmkey")])
def test_the_same_over_fakes_that_refuse_what_aws_refuses(
    monkeypatch: pytest.MonkeyPatch, creator: str, rotator: str
) -> None:
    kms, dynamodb = FakeKms(), FakeDynamoDb()
    monkeypatch.setitem(FAKES, "kms", kms)
    monkeypatch.setitem(FAKES, "dynamodb", dynamodb)
    address = FakeAddress("branch-keys", "logical name", kms.create_key(), "")
    peers: dict[str, BranchKeyPeer] = {"warmkey": Warmkey(address), "mpl": MaterialProviders(address)}
    BranchKeyStore(address.table, kms_key_arn=address.key_arn, kms_client=kms, dynamodb_client=dynamodb).create_table()

    peers[creator].create("tenant", CUSTOM)
    old = {name: each.encrypt("tenant", 0x0478, name.encode(), CONTEXT) for name, each in peers.items()}
    peers[rotator].rotate("tenant")
    new = {name: each.encrypt("tenant", 0x0478, name.encode(), CONTEXT) for name, each in peers.items()}

    for reader in peers.values():
        for messages in (old, new):
            for name, message in messages.items():
                assert reader.decrypt("tenant", 0x0478, message) == name.encode()
