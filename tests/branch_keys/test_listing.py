"""What items say of branch keys, whatever items there are."""

from __future__ import annotations

from tests.branch_keys.key_store import CONTEXT, ID, TABLE, KeyStore
from warmkey.branch_keys.listing import listed


def test_a_branch_key_and_its_versions() -> None:
    keys = KeyStore()
    keys.create()
    first = keys.store.get_active_branch_key(ID).branch_key_version
    keys.store.version_key(ID)

    [found] = listed(keys.dynamodb.items(TABLE))

    assert found.versions[0].version == first
    assert found.active_version == found.versions[1].version != first
    assert found.created == found.versions[1].created
    assert found.encryption_context_keys == tuple(sorted(CONTEXT))
    assert found.hierarchy_version == "1"


def test_items_that_say_nothing_are_passed_over() -> None:
    assert listed([{}, {"type": {"S": "branch:ACTIVE"}}, {"branch-key-id": {"B": b"x"}, "type": {"S": "x"}}]) == []


def test_an_active_item_that_lacks_everything() -> None:
    [found] = listed([{"branch-key-id": {"S": "a"}, "type": {"S": "branch:ACTIVE"}}])

    assert (found.active_version, found.created, found.kms_key_arn, found.hierarchy_version) == (None, None, None, None)
    assert (found.versions, found.has_beacon_key) == ((), False)
